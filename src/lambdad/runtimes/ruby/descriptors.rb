# frozen_string_literal: true

module LambdadRuntime
  # What a process that a zygote has forked has open.
  class Descriptors
    STANDARD_ERROR = 2
    CLOSED_IN_PROGRAMS = 0o2000000 # O_CLOEXEC
    NEVER_WAITS = 0o4000 # O_NONBLOCK
    EVENT_COUNTER = 'anon_inode:[eventfd]'

    def initialize(calls)
      @calls = calls
    end

    # Standard input comes from one, standard output and error go to the other.
    def take_pipes(input, output)
      { 0 => input, 1 => output, 2 => output }.each do |number, pipe|
        @calls.call('dup3', pipe.fileno, number, 0)
      end
    end

    # Have no file but `kept` open that the zygote has open, too. All that we opened is closed before.
    #
    # Ruby tells itself of signals over event counters. It makes new ones after a fork, which it knows
    # by another process id; but zygote and child are number 1 both, each in its PID namespace.
    def part_from_zygote(kept)
      others = open_files.reject { |number, _| number <= STANDARD_ERROR || number == kept.fileno }
      others.each do |number, target|
        raise "descriptor #{number} is open: #{target}" unless target == EVENT_COUNTER

        renew_counter(number)
      end
    end

    private

    def open_files
      links = Dir.children('/proc/self/fd').map { |name| [Integer(name), target_of(name)] }
      links.select(&:last) # without the directory, which is closed again
    end

    def target_of(name)
      File.readlink("/proc/self/fd/#{name}")
    rescue Errno::ENOENT
      nil
    end

    def renew_counter(number)
      counter = IO.for_fd(@calls.call('eventfd2', 0, CLOSED_IN_PROGRAMS | NEVER_WAITS))
      @calls.call('dup3', counter.fileno, number, CLOSED_IN_PROGRAMS)
      counter.close
    end
  end
end
