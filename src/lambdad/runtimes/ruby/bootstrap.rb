# frozen_string_literal: true

# The program of a sandbox: becomes the runtime, which is compiled unless nobody could do that.

require_relative 'compiled'

require_relative 'runtime' unless LambdadRuntime::Compiled.load
LambdadRuntime.main(ARGV)
