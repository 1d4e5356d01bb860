# frozen_string_literal: true

module LambdadRuntime
  # The runtime, and what it needs of Ruby's own library, as instructions: to parse them takes longer
  # than to run them. They are made when the runtime is installed, see `compile.rb`.
  module Compiled
    FILE = File.join(__dir__, 'runtime.bin')

    # What they are made of: `ruby` and the `load_path` decide what a file means, and `features` are
    # what was loaded, in that order.
    Program = Struct.new(:ruby, :load_path, :features)
    # A file as `require` knows it, when it was changed, and its instructions; a native library has
    # none, and the runtime's own files never change.
    Feature = Struct.new(:path, :changed, :instructions)

    class << self
      # Load them; false when there are none, or when this process would not load just these files.
      def load
        program = read
        return false unless program && fits?(program)

        compiled = program.features.select(&:instructions)
        $LOADED_FEATURES.concat(compiled.map(&:path)) # so that none of them requires another
        program.features.each { |feature| run(feature) }
        true
      end

      # When a file was changed; nil when it is not there.
      def changed(path)
        File.mtime(path).to_r
      rescue SystemCallError
        nil
      end

      private

      def read
        Marshal.load(File.binread(FILE))
      rescue Errno::ENOENT
        nil
      end

      def fits?(program)
        program.ruby == RUBY_DESCRIPTION && program.load_path == $LOAD_PATH &&
          (program.features.map(&:path) & $LOADED_FEATURES).empty? &&
          program.features.all? { |it| it.changed.nil? || it.changed == changed(it.path) }
      end

      def run(feature)
        return require(feature.path) unless feature.instructions

        RubyVM::InstructionSequence.load_from_binary(feature.instructions).eval
      end
    end
  end
end
