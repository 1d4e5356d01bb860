// The invocation that runs. It is answered once: by its handler, or by what crashed beside it.

using System;
using System.Threading;

namespace Lambdad
{
    sealed class CurrentInvocation
    {
        const int Aborted = 128 + 6;

        readonly RuntimeApi api;
        readonly Log log;
        Invocation unanswered;

        public CurrentInvocation(RuntimeApi api, Log log)
        {
            this.api = api;
            this.log = log;
        }

        public void Begin(Invocation invocation)
        {
            log.Invocation = invocation;
            Volatile.Write(ref unanswered, invocation);
        }

        public void Respond(ArraySegment<byte> result)
        {
            api.Respond(TakeOrSleep().RequestId, result);
        }

        public void Fail(Exception error)
        {
            log.WriteError(error);
            api.Fail(TakeOrSleep().RequestId, error);
        }

        /// <summary>End the process for an exception that nobody caught, on whatever thread;
        /// between two invocations there is nothing to fail.</summary>
        public void Crash(UnhandledExceptionEventArgs crash)
        {
            var error = Errors.Unwrap((Exception)crash.ExceptionObject);
            log.WriteError(error);
            var invocation = Take();
            if (invocation != null)
            {
                api.Fail(invocation.RequestId, error);
            }
            Environment.Exit(Aborted);
        }

        Invocation Take() => Interlocked.Exchange(ref unanswered, null);

        /// <summary>Whoever comes too late waits for the end, which the crash brings.</summary>
        Invocation TakeOrSleep()
        {
            var invocation = Take();
            if (invocation == null)
            {
                Thread.Sleep(Timeout.Infinite);
            }
            return invocation;
        }
    }
}
