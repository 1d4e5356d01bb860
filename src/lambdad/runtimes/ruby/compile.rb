# frozen_string_literal: true

# Compiles the runtime in its directory, for sandboxes that see it at the one that is given.

require_relative 'compiled'

module LambdadRuntime
  module Compiled
    # Makes the instructions.
    class Compiler
      def initialize(seen_at)
        @seen_at = seen_at
      end

      # Load the runtime, and keep what that has loaded.
      def write
        before = $LOADED_FEATURES.dup
        require_relative 'runtime'
        features = ($LOADED_FEATURES - before).map { |path| feature(path) }
        program = Program.new(RUBY_DESCRIPTION, $LOAD_PATH.map(&:itself), features)
        File.binwrite(FILE, Marshal.dump(program))
      end

      private

      def feature(path)
        return Feature.new(path, Compiled.changed(path), nil) unless path.end_with?('.rb')
        return Feature.new(path, Compiled.changed(path), compile(path, path)) unless own?(path)

        seen = File.join(@seen_at, File.basename(path))
        Feature.new(seen, nil, compile(path, seen))
      end

      def own?(path)
        File.dirname(path) == __dir__
      end

      def compile(path, seen)
        RubyVM::InstructionSequence.compile(File.read(path), seen, seen).to_binary
      end
    end
  end
end

LambdadRuntime::Compiled::Compiler.new(ARGV.fetch(0)).write if $PROGRAM_NAME == __FILE__
