# frozen_string_literal: true

require 'json'

require_relative 'text'

module LambdadRuntime
  # What went wrong, in the form in which AWS's runtime for Ruby tells it.
  class Failure
    UNMARSHAL_ERROR = 'Runtime.UnmarshalError'
    UNREADABLE = 'The error cannot be read.'
    UNREADABLE_CLASS = 'Exception'
    LARGEST_CAUSE = 65_536
    LARGEST_HEADER = 1024
    OWN_FRAME = "#{__dir__}/"
    FRAME = /\A(?<path>.+?):(?<line>\d+)(?::in [`'](?<label>.*)')?\z/.freeze

    # `place` is where it happened: `Function` or `Init`.
    def initialize(error, place = 'Function', type: nil)
      @type = type || "#{place}<#{read(UNREADABLE_CLASS) { Text.utf_8(error.class) }}>"
      @message = read(UNREADABLE) { Text.utf_8(error.message) }
      frames = read([]) { Array(error.backtrace).map { |frame| Text.utf_8(frame) } }
      @stack = frames.reject { |frame| frame.start_with?(OWN_FRAME) }
    end

    def to_h
      { errorMessage: @message, errorType: @type, stackTrace: @stack }
    end

    def to_json(*)
      JSON.generate(to_h)
    end

    # Its type, as it can stand in a header.
    def header
      @type.gsub(/[^ -~]/, '?')[0, LARGEST_HEADER]
    end

    # As X-Ray wants it, for a header; nil if it is too long for that.
    def xray_cause
      frames = @stack.map { |frame| FRAME.match(frame) }.compact
      stack = frames.map { |it| { path: it[:path], line: it[:line].to_i, label: it[:label] } }
      cause = {
        working_directory: Dir.pwd,
        exceptions: [{ type: @type, message: @message, stack: stack }],
        paths: frames.map { |it| it[:path] }.uniq
      }
      json = JSON.generate(cause, ascii_only: true)
      json if json.bytesize < LARGEST_CAUSE
    end

    private

    # What the function's own error says of itself; that may raise anything, too.
    def read(otherwise)
      yield
    rescue SignalException
      raise
    rescue Exception
      otherwise
    end
  end
end
