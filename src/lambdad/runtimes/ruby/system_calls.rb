# frozen_string_literal: true

module LambdadRuntime
  # The system calls that Ruby does not offer: single ones by name, and the steps that the launcher
  # has written down, which its zygotes in Python take themselves.
  class SystemCalls
    def initialize(numbers, steps)
      @numbers = numbers
      @steps = steps
    end

    # Make one.
    def call(name, *arguments)
      syscall(@numbers.fetch(name), *arguments)
    rescue SystemCallError => e
      raise e.class, name
    end

    # Make all of these steps.
    def play(steps)
      @steps.fetch(steps).each do |name, number, *arguments|
        syscall(number, *arguments.map { |argument| as_passed(argument) })
      rescue SystemCallError => e
        raise e.class, [name, *arguments].join(' ')
      end
    end

    # Where these bytes are, for as long as somebody keeps them.
    def address(bytes)
      [bytes].pack('p').unpack1('J')
    end

    private

    # A number, a text, or the address of a structure.
    def as_passed(argument)
      case argument
      when Hash then address(argument['structure'] ||= [argument['bytes']].pack('H*'))
      when String then +argument
      else argument
      end
    end
  end
end
