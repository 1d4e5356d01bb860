# frozen_string_literal: true

module LambdadRuntime
  # The way into a sandbox, for a process that a zygote has forked.
  #
  # The system calls come from the launcher, whose zygotes in Python make the very same; here are
  # only those whose arguments nobody else knows.
  class Isolation
    NEW_NAMESPACE = 0x00020000
    NEW_PROCESSES = 0x20000000
    NEW_NETWORK = 0x40000000
    REAL_TIME = 0
    SET_FILTER = 1
    ONLY_A_PLACE = 0o10000000 # O_PATH
    SET_INTERFACE_FLAGS = 0x8914
    UP_AND_RUNNING = 0x41
    LOOPBACK = '127.0.0.1'

    # `told` is what the launcher has written down.
    def initialize(told, calls)
      @told = told
      @calls = calls
      @filter = told['filter'].unpack1('m')
    end

    # Give up what programs that start later could have.
    def drop_bounding_capabilities
      @calls.play('drop_bounding_capabilities')
    end

    # The next process that is forked is the first of a PID namespace.
    def begin_processes
      @calls.call('unshare', NEW_PROCESSES)
    end

    # Send this process SIGALRM after so many microseconds; never if there are none.
    def alarm(microseconds)
      once = [0, 0, 0, microseconds].pack('q4')
      @calls.call('setitimer', REAL_TIME, @calls.address(once), 0)
    end

    # Those that are forked from now on are in this one.
    def return_to_processes(namespace)
      @calls.call('setns', namespace.fileno, NEW_PROCESSES)
    end

    # Into a new place; gives what listens there, by name.
    def enter
      @calls.play('enter')
      UDPSocket.open { |any| any.ioctl(SET_INTERFACE_FLAGS, ['lo', UP_AND_RUNNING].pack('a16Sx14')) }
      open_listeners(@told['listeners'])
    end

    # Into the place of an earlier run.
    def enter_again(namespace)
      @calls.call('setns', namespace.fileno, NEW_NAMESPACE)
      File.open(@told['network']) { |network| @calls.call('setns', network.fileno, NEW_NETWORK) }
      @calls.play('enter_again')
    end

    # The limits that AWS documents, of one process and of one user.
    def limit_resources
      limit(:NOFILE, @told['files'])
      limit(:NPROC, @told['processes'])
      Process.setrlimit(:CORE, 0)
    end

    # Be a user without any; all of it counts for one thread, so it must be the only one.
    def give_up_privileges(uid)
      raise 'the process has several threads' if Dir.children('/proc/self/task').size != 1

      Process.groups = []
      Process::Sys.setresgid(uid, uid, uid)
      Process::Sys.setresuid(uid, uid, uid)
      @calls.play('give_up_privileges')
      instructions = [@filter.bytesize / 8, @filter].pack('Sx6p')
      @calls.call('seccomp', SET_FILTER, 0, @calls.address(instructions))
    end

    # What the launcher is to have besides: the mount namespace, and a descriptor of this process.
    def identify
      [File.open('/proc/self/ns/mnt'), IO.for_fd(@calls.call('pidfd_open', Process.pid, 0))]
    end

    # And, also by name, where the memory in use and the room in /tmp are seen.
    def gauges
      { 'memory' => File.open('/proc/self/statm'), 'tmp' => IO.for_fd(IO.sysopen('/tmp', ONLY_A_PLACE)) }
    end

    private

    def open_listeners(ports)
      opened = ports.to_h { |name, port| [name, open_listener(name, port)] }
      size = @told['receive_buffer']
      opened['runtime_api'].setsockopt(Socket::SOL_SOCKET, Socket::SO_RCVBUF, size)
      opened
    end

    def open_listener(name, port)
      return TCPServer.new(LOOPBACK, port) unless name == 'xray_daemon'

      UDPSocket.new.tap { |socket| socket.bind(LOOPBACK, port) }
    end

    def limit(name, most)
      _, hard = Process.getrlimit(name)
      Process.setrlimit(name, [most, hard].min)
    end
  end
end
