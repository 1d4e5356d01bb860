# frozen_string_literal: true

# The Ruby runtime: asks the Runtime API for events and gives them to the function's handler.
#
# It runs inside the sandbox, on Ruby alone, and knows its function at its start or, when
# _LAMBDAD_WAITS is set, is told later (`warm_up`, unless that is soon, then `run_as`).
#
#     next ──▶ invocation ──▶ the handler ──▶ response | error ──▶ next …

require_relative 'assignment'
require_relative 'fresh_start'
require_relative 'handler'
require_relative 'invocation'
require_relative 'logs'
require_relative 'orphans'
require_relative 'prelude'
require_relative 'rehearsal'
require_relative 'runtime_api'
require_relative 'search_path'

module LambdadRuntime
  STATUS_OF_INIT_ERROR = 252
  STATUS_OF_SIGNALS = 128
  ZYGOTE = 'zygote'

  # Be the runtime of the function that this process was started for, or will be told of; the
  # process ends with it. A zygote is that in each process that it forks.
  def self.main(arguments)
    start = FreshStart.new(ENV.to_h, arguments)
    become_zygote(*arguments.shift(2)) if arguments.first == ZYGOTE
    return run(start) unless ENV.key?(Assignment::WAITS)

    warm_up unless Assignment.near?
    variables = Assignment.receive($stdin)
    run_as(variables, start) if variables # and otherwise nobody needs this process any more
  end

  # Do all that needs no function, and take time for it.
  def self.warm_up
    Prelude.load
    Rehearsal.play
    Process.respond_to?(:warmup) ? Process.warmup : GC.start
  end

  # Be warm, and fork; the launcher has the other end of `control`, and says over standard input
  # how a process enters a sandbox.
  def self.become_zygote(_, control)
    require_relative 'zygote'
    warm_up
    Zygote.new(Integer(control), JSON.parse($stdin.read)).serve
  end

  # Be the runtime of the function whose environment variables these are; `start` tells what they
  # were before.
  def self.run_as(variables, start)
    ENV.replace(variables)
    run(start)
  end

  # Load the function and serve its invocations; the process ends with it.
  def self.run(start)
    FreshStart.make if start.outdated?
    $stdout.sync = true
    SearchPath.set_up(ENV)
    Prelude.set_up(ENV.fetch('GEM_PATH'))
    Logs.set_up(ENV)
    serve(RuntimeApi.new(ENV.fetch('AWS_LAMBDA_RUNTIME_API')))
  rescue SignalException => e
    # Ruby would now let the signal kill the process, which the kernel denies for process 1.
    exit(STATUS_OF_SIGNALS + e.signo)
  end

  def self.serve(api)
    log = Logs::ErrorLog.new($stdout)
    Orphans.watch
    handler = load_handler(api, log)
    loop do
      Invocation.new(api, log, api.next_invocation).run(handler)
      Orphans.reap
    end
  end

  # The function's handler; a failure goes to the Runtime API and ends the process.
  def self.load_handler(api, log)
    Handler.load(ENV.fetch('_HANDLER', ''))
  rescue SignalException
    raise
  rescue Exception => e # whatever the function's own code may raise
    failure = Failure.new(e, 'Init')
    log.error("Init error when loading handler #{ENV['_HANDLER']}", failure)
    api.fail_init(failure)
    exit(STATUS_OF_INIT_ERROR)
  end

  private_class_method :become_zygote, :serve, :load_handler
end
