# frozen_string_literal: true

require_relative 'assignment'
require_relative 'descriptors'
require_relative 'isolation'
require_relative 'packets'
require_relative 'signalling'
require_relative 'system_calls'

module LambdadRuntime
  # One warm process of a runtime version and account, forked per environment: what the launcher's
  # zygote in Python is for functions in Python, with the same words to the launcher. It never runs
  # a line of a function's code.
  #
  # What it forks goes all the way into its sandbox, gives its privileges up, says that it waits,
  # and goes on as a program does that was started to wait.
  class Zygote
    COULD_NOT_FORK = 1 << 8 # a wait status: exit status 1
    PATIENCE_MICROSECONDS = 100_000
    OURS = %w[CHLD TERM ALRM].freeze # signals that mean something else to what is forked

    # `control` is the descriptor of the line to the launcher, which has `told` how a process enters
    # a sandbox.
    def initialize(control, told)
      @control = Packets.new(UNIXSocket.for_fd(control))
      calls = SystemCalls.new(told['numbers'], told['steps'])
      @isolation = Isolation.new(told, calls)
      @descriptors = Descriptors.new(calls)
      @own_processes = File.open('/proc/self/ns/pid')
      @pids = {}
      @wakeup, @alarm = IO.pipe
    end

    # Serve the launcher until it is gone. Returns in each environment, and in it alone.
    def serve
      @isolation.drop_bounding_capabilities
      trap('CHLD') { @alarm.write_nonblock('.', exception: false) }
      trap('TERM', 'IGNORE') # what a stopped server lets finish needs us
      @control.send({ type: 'ready' })
      loop do
        ready, = IO.select([@control.socket, @wakeup])
        reap if ready.include?(@wakeup)
        return if ready.include?(@control.socket) && obey_next == :environment
      end
    end

    private

    def obey_next
      request, files = @control.receive
      exit!(0) if request.nil? # the launcher is gone, and everything below us ends with us
      return start(request, files) if request['type'] == 'fork'

      pid = @pids[request['id']]
      signal(request['type'], pid) if pid # and otherwise it has just ended
    end

    def signal(what, pid)
      case what
      when 'kill' then Signalling.kill(pid)
      when 'freeze' then Signalling.freeze_all(pid)
      when 'thaw' then Signalling.thaw(pid)
      end
    rescue SystemCallError => e
      warn(e.full_message(highlight: false)) # there is nobody here who could do better
    end

    def reap
      @wakeup.read_nonblock(4096)
      until @pids.empty?
        pid = Process.wait(-1, Process::WNOHANG)
        break if pid.nil?

        id = @pids.key(pid)
        @pids.delete(id)
        tell_exited(id, $?.to_i)
      end
    end

    def tell_exited(id, status)
      @control.send({ type: 'exited', id: id, status: status })
    end

    def start(request, files)
      pid = fork_into_new_namespace
      return become(request, files) if pid.nil?

      @pids[request['id']] = pid
      files.each(&:close)
    rescue SystemCallError # no process, or no memory, is to be had just now
      exit!(1) unless File.identical?('/proc/self/ns/pid', @own_processes) # never a second zygote
      files.each(&:close)
      tell_exited(request['id'], COULD_NOT_FORK)
    end

    def fork_into_new_namespace
      @isolation.begin_processes
      pid = -1
      begin
        pid = fork_soon
      ensure
        @isolation.return_to_processes(@own_processes) unless pid.nil?
      end
    end

    # Where no process is to be had, Ruby would try again and again, and hear nothing meanwhile.
    def fork_soon
      pid = -1
      trap('ALRM') { raise Errno::EAGAIN, 'fork' if pid == -1 }
      @isolation.alarm(PATIENCE_MICROSECONDS)
      pid = fork
      @isolation.alarm(0) unless pid.nil? # a child has no alarm
      pid
    end

    # In the child: take every step into the sandbox. Whatever fails must end it here.
    def become(request, files)
      line, input, output, *others = files
      OURS.each { |name| trap(name, 'DEFAULT') }
      Process.setsid
      listeners = enter(others, request['namespaces'])
      @isolation.limit_resources
      @isolation.give_up_privileges(request['uid'])
      say_waiting(request['id'], listeners)
      @descriptors.take_pipes(input, output)
      [input, output, @control, @own_processes, @wakeup, @alarm].each(&:close)
      @descriptors.part_from_zygote(line)
      line.close
      ENV.update(request['standby']['variables'])
      :environment
    rescue Exception => e
      fail_on(line, e)
    end

    # The doors of the cgroup come first: the root of a cgroup namespace is where one stands.
    def enter(others, kept)
      namespaces = others.shift(kept)
      others.each do |entrance|
        entrance.syswrite('0')
        entrance.close
      end
      return @isolation.enter if namespaces.empty?

      @isolation.enter_again(namespaces.first)
      namespaces.each(&:close)
      {}
    end

    def say_waiting(id, listeners)
      handed = listeners.merge(@isolation.gauges)
      files = [*@isolation.identify, *handed.values]
      @control.send({ type: 'waiting', id: id, handed: handed.keys }, *files)
      files.each(&:close)
    end

    def fail_on(line, error)
      Packets.new(line).send({ failed: error.full_message(highlight: false) })
    ensure # whatever happens, this process must not go on as a second zygote
      exit!(1)
    end
  end
end
