// SIGTERM for process 1, which the kernel spares unless it has a handler of its own. The framework
// has one, up to .NET 9; later ones leave it to the program.

#if NET10_0_OR_GREATER
using System;
using System.Runtime.InteropServices;
#endif

namespace Lambdad
{
    static class Termination
    {
#if NET10_0_OR_GREATER
        const int Status = 128 + 15;
        static PosixSignalRegistration registration;

        public static void EndOnSigterm()
        {
            registration = PosixSignalRegistration.Create(
                PosixSignal.SIGTERM, _ => Environment.Exit(Status));
        }
#else
        public static void EndOnSigterm()
        {
        }
#endif
    }
}
