// The .NET runtime: asks the Runtime API for events and gives them to the function's handler.
//
// It runs inside the sandbox, on the shared framework alone.
//
//     wait ──▶ load ──▶ next ──▶ the handler ──▶ response | error ──▶ next …

using System;

namespace Lambdad
{
    static class Bootstrap
    {
        const string TraceVariable = "_X_AMZN_TRACE_ID";

        static int Main()
        {
            try
            {
                var started = StartVariables.OfEnvironment();
                var assemblies = new FunctionAssemblies();
                if (Waiting.IsAskedFor)
                {
                    if (!Waiting.IsBrief)
                    {
                        WarmUp.Run(assemblies);
                    }
                    if (!Waiting.UntilTold())
                    {
                        return 0;
                    }
                }
                return Run(assemblies, started);
            }
            catch (Exception error)
            {
                // Without the Runtime API there is nothing left to do.
                LogSink.StandardOutput.Write(LogLevel.Critical, error.ToString());
                return 1;
            }
        }

        static int Run(FunctionAssemblies assemblies, StartVariables started)
        {
            var name = HandlerName.Parse(Variable("_HANDLER"));
            assemblies.Root = Variable("LAMBDA_TASK_ROOT");
            if (name.IsExecutable)
            {
                started.HandOn();
                Executable.Become(assemblies.MainPath(name.Assembly));
            }
            StartVariables.HideHeapLimit();
            Termination.EndOnSigterm();
            var log = Log.OfEnvironment();
            log.TakeConsole();
            var api = new RuntimeApi(Variable("AWS_LAMBDA_RUNTIME_API"));
            var current = new CurrentInvocation(api, log);
            AppDomain.CurrentDomain.UnhandledException += (_, crash) => current.Crash(crash);
            var handler = LoadHandler(assemblies, name, api, log);
            if (handler == null)
            {
                return 1;
            }
            while (true)
            {
                Serve(current, api.Next(), handler);
            }
        }

        /// <summary>The function's handler; of a failure the Runtime API is told.</summary>
        static Handler LoadHandler(
            FunctionAssemblies assemblies, HandlerName name, RuntimeApi api, Log log)
        {
            try
            {
                return Handler.Load(assemblies, name, log);
            }
            catch (Exception thrown)
            {
                var error = Errors.Unwrap(thrown);
                log.WriteError(error);
                api.FailInit(error);
                return null;
            }
        }

        static void Serve(CurrentInvocation current, Invocation invocation, Handler handler)
        {
            Environment.SetEnvironmentVariable(TraceVariable, invocation.TraceId);
            current.Begin(invocation);
            try
            {
                current.Respond(handler.Call(invocation));
            }
            catch (Exception thrown) when (!(thrown is RuntimeApiException))
            {
                current.Fail(Errors.Unwrap(thrown));
            }
        }

        static string Variable(string name) => Environment.GetEnvironmentVariable(name) ?? "";
    }
}
