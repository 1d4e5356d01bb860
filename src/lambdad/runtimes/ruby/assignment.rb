# frozen_string_literal: true

require 'json'

module LambdadRuntime
  # How a process that was started ahead is told its function: by all of its standard input.
  module Assignment
    WAITS = '_LAMBDAD_WAITS'

    # Whether it is on its way, so that there is no time to warm up.
    def self.near?
      ENV[WAITS] == 'briefly'
    end

    # The environment variables of the function; nil when there is none.
    def self.receive(input)
      message = input.read
      message.empty? ? nil : JSON.parse(message.force_encoding(Encoding::UTF_8)).fetch('variables')
    end
  end
end
