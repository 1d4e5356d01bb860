# frozen_string_literal: true

require_relative 'context'
require_relative 'failure'
require_relative 'logs'
require_relative 'marshalling'

module LambdadRuntime
  # One invocation: the handler is called, and what became of it is posted.
  #
  #     the handler                    is posted    and then
  #     returns                        its result   the next event is served
  #     raises a StandardError         the error    the next event is served
  #     raises a NameError, or what    the error    the process ends: AWS's runtime takes it for
  #     is no StandardError                         a fault that would only come again
  #     is interrupted by a signal     nothing      the process ends
  class Invocation
    TRACE_VARIABLE = '_X_AMZN_TRACE_ID'
    STATUS_OF_CRITICAL = 255

    def initialize(api, log, request)
      @api = api
      @log = log
      @request = request
    end

    def run(handler)
      ENV[TRACE_VARIABLE] = @request.trace_id
      Logs.current.request_id = @request.id
      Logs.current.tenant_id = @request.tenant_id
      arguments = read
      outcome = arguments && call(handler, arguments)
      @api.respond(@request.id, *outcome) if outcome
    end

    private

    # The event and the context; nil when they cannot be read, which is told then.
    def read
      event = Marshalling.unmarshal(@request.body, @request.content_type)
      [event, Context.new(@request, ENV)]
    rescue StandardError => e
      fail_with(Failure.new(e, type: Failure::UNMARSHAL_ERROR), 'Error reading the event')
    end

    # The result in bytes, and its content type; nil when there is none, which is told then.
    def call(handler, arguments)
      Marshalling.marshal(handler.call(*arguments))
    rescue SignalException
      raise
    rescue NameError => e
      fail_critically(e)
    rescue StandardError => e
      fail_with(Failure.new(e), 'Error raised from handler method')
    rescue Exception => e # whatever else the function may raise
      fail_critically(e)
    end

    def fail_critically(error)
      fail_with(Failure.new(error), 'Critical exception from handler')
      @api.finish
      exit(STATUS_OF_CRITICAL)
    end

    def fail_with(failure, subject)
      @log.error(subject, failure)
      @api.fail(@request.id, failure)
      nil
    end
  end
end
