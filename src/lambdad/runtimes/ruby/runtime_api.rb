# frozen_string_literal: true

require_relative 'connection'

module LambdadRuntime
  # The Runtime API, as a runtime sees it.
  #
  # A result is sent without waiting for its acknowledgement: the request for the next event follows
  # in the same breath, and both answers are read then. That saves a turn to the server and back on
  # every invocation. The server answers requests of one connection in their order.
  class RuntimeApi
    VERSION = '/2018-06-01/runtime'
    SENT_TOGETHER = 65_536
    TOO_LARGE = 413
    TYPE = 'Lambda-Runtime-Function-Error-Type'
    CAUSE = 'Lambda-Runtime-Function-XRay-Error-Cause'

    # One event, as `next` hands it out.
    Request = Struct.new(
      :id, :trace_id, :function_arn, :deadline_ms, :client_context, :identity, :tenant_id,
      :content_type, :body
    )

    # Speaks to the Runtime API at `address`.
    def initialize(address, connection = Connection.new(address))
      @connection = connection
      @host = " HTTP/1.1\r\nHost: #{address}\r\n"
      @next = "GET #{VERSION}/invocation/next#{@host}\r\n".b
      @unsent = ''.b
      @unanswered = nil # what the answer that is still to come is about
    end

    # Wait until there is an event.
    def next_invocation
      answer = ask_for_next
      raise "The Runtime API gave no event, but status #{answer.status}" if answer.status != 200

      to_request(answer.headers, answer.body)
    end

    # The handler returned.
    def respond(id, result, content_type)
      post("/invocation/#{id}/response", "Content-Type: #{content_type}\r\n", result, 'success')
    end

    # The handler raised.
    def fail(id, failure)
      post("/invocation/#{id}/error", fields(failure), failure.to_json, 'failure')
    end

    # The function could not be loaded; the process must end after this.
    def fail_init(failure)
      post('/init/error', fields(failure), failure.to_json, 'init error')
      finish
    end

    # Send what waits for the next event to be asked for, which will not happen any more.
    def finish
      return if @unanswered.nil?

      send_unsent
      check(@connection.receive)
    end

    private

    def fields(failure)
      cause = failure.xray_cause
      "Content-Type: application/json\r\n#{TYPE}: #{failure.header}\r\n" \
        "#{"#{CAUSE}: #{cause}\r\n" if cause}"
    end

    def post(path, fields, body, subject)
      head = "POST #{VERSION}#{path}#{@host}#{fields}Content-Length: #{body.bytesize}\r\n\r\n".b
      @unanswered = subject
      if body.bytesize <= SENT_TOGETHER
        @unsent = head << body.b
      else
        send_large(head, body)
      end
    end

    def send_large(head, body)
      @connection.write(head, body)
      check(@connection.receive)
    rescue *Connection::LOST
      @unanswered = nil
      @connection.reopen # refused halfway; the server knows what it refused
    end

    def ask_for_next
      send_unsent(@next)
      check(@connection.receive) if @unanswered
      @connection.receive
    rescue *Connection::LOST
      raise 'The Runtime API did not take the response' if @unanswered

      @connection.reopen # which fails when the server is gone
      @connection.write(@next)
      @connection.receive
    end

    def send_unsent(following = '')
      data = @unsent << following
      @unsent = ''.b
      @connection.write(data)
    end

    def check(answer)
      subject = @unanswered
      @unanswered = nil
      return if (200..299).cover?(answer.status)

      $stdout.write(
        "[ERROR] [#{Process.clock_gettime(Process::CLOCK_REALTIME, :millisecond)}] " \
        "LAMBDA_RUNTIME Failed to post handler #{subject} response. " \
        "Http response code: #{answer.status}. #{answer.body}\n"
      )
      # Of what is too large the caller of the function is told by the server.
      raise 'The Runtime API did not take the response' if answer.status != TOO_LARGE
    end

    def to_request(headers, body)
      Request.new(
        headers['lambda-runtime-aws-request-id'],
        headers['lambda-runtime-trace-id'],
        headers['lambda-runtime-invoked-function-arn'],
        headers['lambda-runtime-deadline-ms'].to_i,
        headers['lambda-runtime-client-context'],
        headers['lambda-runtime-cognito-identity'],
        headers['lambda-runtime-aws-tenant-id'],
        headers.fetch('content-type', 'application/json'),
        body
      )
    end
  end
end
