# frozen_string_literal: true

require 'json'

module LambdadRuntime
  # The context object that handlers get.
  class Context
    attr_reader :aws_request_id, :invoked_function_arn, :deadline_ms, :client_context, :identity,
                :tenant_id, :function_name, :function_version, :memory_limit_in_mb,
                :log_group_name, :log_stream_name

    def initialize(request, variables)
      @aws_request_id = request.id
      @invoked_function_arn = request.function_arn
      @deadline_ms = request.deadline_ms
      @tenant_id = request.tenant_id
      @client_context = parse(request.client_context)
      @identity = parse(request.identity)
      @function_name = variables['AWS_LAMBDA_FUNCTION_NAME']
      @function_version = variables['AWS_LAMBDA_FUNCTION_VERSION']
      @memory_limit_in_mb = variables['AWS_LAMBDA_FUNCTION_MEMORY_SIZE']
      @log_group_name = variables['AWS_LAMBDA_LOG_GROUP_NAME']
      @log_stream_name = variables['AWS_LAMBDA_LOG_STREAM_NAME']
    end

    def get_remaining_time_in_millis
      [@deadline_ms - Process.clock_gettime(Process::CLOCK_REALTIME, :millisecond), 0].max
    end

    private

    def parse(json)
      JSON.parse(json) if json
    end
  end
end
