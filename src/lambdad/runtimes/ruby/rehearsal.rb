# frozen_string_literal: true

require 'stringio'

require_relative 'invocation'
require_relative 'logs'
require_relative 'runtime_api'

module LambdadRuntime
  # Invocations that nobody asked for, played while a process waits for its function, so that the
  # first real one finds everything loaded and looked up.
  module Rehearsal
    HANDLERS = [
      ->(event, context) { [event, context.get_remaining_time_in_millis] },
      ->(*) { raise ArgumentError, 'rehearsal' },
      ->(event, _) { event }
    ].freeze
    EVENT = JSON.generate('rehearsal' => [1, 2.5, 'zwölf', nil, true])
    NEXT = <<~HTTP.gsub("\n", "\r\n") << EVENT
      HTTP/1.1 200 OK
      Content-Type: application/json
      Content-Length: #{EVENT.bytesize}
      Lambda-Runtime-Aws-Request-Id: rehearsal
      Lambda-Runtime-Deadline-Ms: 1

    HTTP
    ACCEPTED = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"

    # Play one for each of the handlers, and leave no trace of it.
    def self.play
      Logs.set_up({})
      Logs::TextFormatter.new.call('INFO', Time.now, nil, 'rehearsal')
      log = Logs::ErrorLog.new(StringIO.new)
      connection = PlayedConnection.new(NEXT + (ACCEPTED + NEXT) * 2)
      api = RuntimeApi.new('127.0.0.1:9001', connection)
      HANDLERS.each { |handler| Invocation.new(api, log, api.next_invocation).run(handler) }
      connection.close
    end

    # To an API that has answered already.
    class PlayedConnection < Connection
      def initialize(answers)
        @socket, @other_end = UNIXSocket.pair
        @other_end.write(answers)
      end

      def close
        [@socket, @other_end].each(&:close)
      end
    end
  end
end
