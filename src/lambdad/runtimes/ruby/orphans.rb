# frozen_string_literal: true

module LambdadRuntime
  # Process 1 of a sandbox inherits the orphans of every process that ends there, and must reap
  # them: as zombies they would use up the processes that the function may have.
  #
  # The function's own children are not touched, whose exit status it may still ask for: the methods
  # that start processes and do not wait for them are wrapped, so that their process ids are known.
  # What native code forks by itself, or what another Ractor starts, counts as an orphan once the
  # main thread has it.
  module Orphans
    # Of the main thread, to which all orphans come. Children of another thread come to it only when
    # that thread ends, and then their process ids are known.
    CHILDREN = '/proc/self/task/1/children'

    @own = {}

    class << self
      # Know from now on what the function starts; does nothing in a process that is not number 1.
      def watch
        return unless first?

        Process.singleton_class.prepend(Starting)
        Kernel.singleton_class.prepend(Starting, Opening)
        IO.singleton_class.prepend(Piping)
        Object.include(OfEveryObject)
      end

      # Reap what has ended since the last time; called between invocations.
      def reap
        # Nobody knows the process ids of what PTY.spawn has started.
        return if !first? || defined?(::PTY)

        forget_ended
        children.each { |pid| reap_one(pid) unless @own.key?(pid) }
      end

      # Remember a process that was started, nil in that process itself.
      def note(pid)
        @own[pid] = true if pid && main_ractor?
        pid
      end

      # Remember the process behind what was opened, if there is one.
      def note_opened(opened)
        note(opened.pid) if IO === opened && !opened.closed?
        opened
      end

      private

      def first?
        Process.pid == 1
      end

      # No other may touch what this one remembers.
      def main_ractor?
        !defined?(::Ractor) || ::Ractor.current == ::Ractor.main
      end

      # Another thread may be adding one meanwhile, hence the copy.
      def forget_ended
        @own.keys.each { |pid| @own.delete(pid) unless File.exist?("/proc/#{pid}") }
      end

      def children
        File.read(CHILDREN).split.map { |pid| Integer(pid) }
      rescue SystemCallError
        [] # not every kernel tells
      end

      def reap_one(pid)
        Process.waitpid(pid, Process::WNOHANG)
      rescue Errno::ECHILD
        nil # somebody else was faster
      end
    end

    # Methods that give the id of a process.
    module Starting
      def fork(*)
        Orphans.note(super)
      end

      def spawn(*, **)
        Orphans.note(super)
      end
    end

    # The method that gives a pipe to a process.
    module Piping
      def popen(*, **)
        Orphans.note_opened(super)
      end
    end

    # The method that gives a file, or a pipe to a process.
    module Opening
      def open(*, **)
        Orphans.note_opened(super)
      end
    end

    # What can be called without a receiver.
    module OfEveryObject
      include Starting
      include Opening

      private :fork, :spawn, :open
    end
  end
end
