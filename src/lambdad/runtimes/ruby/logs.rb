# frozen_string_literal: true

require 'json'
require 'logger'

require_relative 'text'

module LambdadRuntime
  # Log lines as AWS's runtime for Ruby writes them: a Logger on standard output or standard error
  # tells the invocation, or writes JSON where the function's configuration says so.
  #
  # What is one message stays one line: a line feed would end the event of the log in its middle.
  module Logs
    LEVELS = { 'TRACE' => 'DEBUG', 'DEBUG' => 'DEBUG', 'INFO' => 'INFO', 'WARN' => 'WARN',
               'ERROR' => 'ERROR', 'FATAL' => 'FATAL' }.freeze
    Current = Struct.new(:request_id, :tenant_id)

    class << self
      # Which invocation the lines belong to.
      attr_reader :current
      # What loggers write from on, unless they are told otherwise.
      attr_reader :level

      def set_up(variables)
        @current = Current.new
        @is_json = variables['AWS_LAMBDA_LOG_FORMAT'].to_s.casecmp?('JSON')
        level = LEVELS.fetch(variables['AWS_LAMBDA_LOG_LEVEL'].to_s.upcase, 'DEBUG')
        @level = ::Logger.const_get(level)
        ::Logger.prepend(AwsLogger)
      end

      def json?
        @is_json
      end

      def formatter
        @is_json ? JsonFormatter.new : TextFormatter.new
      end

      # A line of JSON about the current invocation.
      def to_json_line(level, fields)
        head = { timestamp: Time.now.utc.strftime('%Y-%m-%dT%H:%M:%S.%LZ'), level: level }
        tail = { requestId: @current.request_id, tenantId: @current.tenant_id }
        "#{JSON.generate({ **head, **fields, **tail }.compact)}\n"
      end
    end

    # Makes a Logger one of AWS's.
    module AwsLogger
      def initialize(device = nil, *rest, **options)
        return super unless device.equal?(STDOUT) || device.equal?(STDERR)

        super(device, *rest, level: Logs.level, **options)
        @default_formatter = Logs.formatter
        @default_formatter.datetime_format = options[:datetime_format]
      end
    end

    class TextFormatter < ::Logger::Formatter
      def call(severity, time, progname, message)
        head = "#{severity[0]}, [#{format_datetime(time)} ##{Process.pid}] #{severity.rjust(5)} "
        name, said = [progname, msg2str(message)].map { |part| Text.utf_8(part) }
        text = "#{Logs.current.request_id} -- #{name}: #{said}"
        "#{head}#{text.tr("\n", "\r")}\n"
      end
    end

    class JsonFormatter < ::Logger::Formatter
      def call(severity, _time, progname, message)
        level = severity == 'ANY' ? 'FATAL' : severity
        name = Text.utf_8(progname) if progname
        Logs.to_json_line(level, { **fields(message), logger: name })
      rescue StandardError # of what cannot be JSON
        Logs.to_json_line(level, { message: Text.utf_8(msg2str(message)), logger: name })
      end

      private

      def fields(message)
        return { message: message } unless message.is_a?(Exception)

        text = Text.utf_8(message.message)
        { message: text, errorType: message.class.to_s,
          errorMessage: text, stackTrace: message.backtrace || [] }
      end
    end

    # Logs errors that end an invocation or the Init phase.
    class ErrorLog
      def initialize(output)
        @output = output
      end

      def error(subject, failure)
        if Logs.json?
          @output.write(Logs.to_json_line('ERROR', failure.to_h))
        else
          details = JSON.pretty_generate(failure.to_h).tr("\n", "\r")
          @output.write("#{subject}\n#{details}\n")
        end
      end
    end
  end
end
