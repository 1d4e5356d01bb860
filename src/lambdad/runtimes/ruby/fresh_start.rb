# frozen_string_literal: true

module LambdadRuntime
  # Some environment variables mean something to an interpreter, or to the C library, only when the
  # process starts. One that has started without them becomes a new one.
  #
  # RUBYOPT is always among them: the runtime starts with its options disabled, because what they
  # load may need RubyGems, which the runtime does without as long as it can.
  class FreshStart
    READ_AT_START = /\A(?:RUBYOPT\z|RUBY_|LD_|MALLOC_|GLIBC_TUNABLES\z)/.freeze
    LIBRARIES = 'LD_LIBRARY_PATH'
    UTF_8_LOCALE = { 'LC_CTYPE' => 'C.UTF-8' }.freeze # which is everywhere, unlike en_US.UTF-8
    MARK = 'fresh'
    BOOTSTRAP = File.expand_path($PROGRAM_NAME) # not everybody sees it where it was compiled for

    # Remembers with which variables, and arguments, this process has started.
    def initialize(variables, arguments)
      @is_fresh = arguments.delete(MARK) == MARK
      @variables = read_at_start(variables)
      @libraries = library_directories(variables)
    end

    # Whether the variables of now need a process that starts with them.
    def outdated?
      return false if @is_fresh

      ENV.key?('RUBYOPT') || read_at_start(ENV) != @variables || libraries_came? || garbled?
    end

    # Become it; does not return.
    def self.make
      variables = UTF_8_LOCALE.merge(ENV.to_h)
      exec(variables, File.readlink('/proc/self/exe'), '-EUTF-8', BOOTSTRAP, MARK)
    end

    private

    # The C library looks only once whether a directory of libraries is there.
    def libraries_came?
      !(library_directories(ENV) - @libraries).empty?
    end

    # The locale decides what characters the values of variables have.
    def garbled?
      Encoding.find('locale') != Encoding::UTF_8 && !ENV.values.all?(&:ascii_only?)
    end

    def read_at_start(variables)
      variables.select { |name, _| READ_AT_START.match?(name) }.to_h
    end

    def library_directories(variables)
      variables.fetch(LIBRARIES, '').split(':').select { |directory| File.directory?(directory) }
    end
  end
end
