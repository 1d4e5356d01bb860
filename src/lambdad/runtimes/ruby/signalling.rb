# frozen_string_literal: true

module LambdadRuntime
  # Ending, stopping and continuing all processes of an environment, from the zygote that forked it:
  # what the launcher's zygotes in Python do (see there).
  module Signalling
    ROUNDS = 100 # some tenths of a second, while processes are started faster than stopped
    STOPPED = 'TtZX'

    class << self
      # End the environment whose first process it is; the kernel ends the others with it.
      def kill(pid)
        signal('KILL', pid)
      end

      # Stop every process of it.
      def freeze_all(pid)
        ROUNDS.times do
          running = family(pid).reject { |each| stopped?(each) }
          return if running.empty?

          running.each { |each| signal('STOP', each) }
        end
      end

      # Let every process of it go on.
      def thaw(pid)
        family(pid).each { |each| signal('CONT', each) }
      end

      private

      # The first process of a sandbox and all below it; what has lost its parent is its child.
      def family(pid)
        found = [pid]
        found.each { |each| found.concat(children_of(each)) }
      end

      def children_of(pid)
        of_threads(pid, 'children').flat_map { |text| text.split.map { |child| Integer(child) } }
      end

      # Whether no thread of it runs; the first one may have ended long before the others.
      def stopped?(pid)
        of_threads(pid, 'stat').all? { |text| STOPPED.include?(text.rpartition(')').last.split.first) }
      end

      # This file of every thread, as far as they are there.
      def of_threads(pid, name)
        Dir.glob("/proc/#{pid}/task/*/#{name}").map { |path| read(path) }.compact
      end

      def read(path)
        File.binread(path)
      rescue SystemCallError
        nil
      end

      def signal(name, pid)
        Process.kill(name, pid)
      rescue Errno::ESRCH
        nil
      end
    end
  end
end
