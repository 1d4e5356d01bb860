// A function that is a program: its Main asks the Runtime API for events.

using System;
using System.ComponentModel;
using System.Diagnostics;
using System.IO;
using System.Reflection.PortableExecutable;
using System.Runtime.InteropServices;

namespace Lambdad
{
    static class Executable
    {
        /// <summary>Become that program, so that it finds itself as it would anywhere: what is its
        /// entry assembly, its base directory, its console. Comes back only to throw.</summary>
        public static void Become(string assembly)
        {
            if (!HasMain(assembly))
            {
                throw new LambdaValidationException(
                    $"The assembly '{assembly}' has no Main: the handler of a class library is " +
                    "'Assembly::Namespace.Class::Method'.");
            }
            var dotnet = Process.GetCurrentProcess().MainModule.FileName;
            var settings = Path.ChangeExtension(
                typeof(Executable).Assembly.Location, ".runtimeconfig.json");
            execv(dotnet, new[] { dotnet, "exec", "--runtimeconfig", settings, assembly, null });
            throw new Win32Exception(Marshal.GetLastWin32Error());
        }

        static bool HasMain(string assembly)
        {
            using var file = new PEReader(File.OpenRead(assembly));
            return file.PEHeaders.CorHeader?.EntryPointTokenOrRelativeVirtualAddress > 0;
        }

        [DllImport("libc", SetLastError = true)]
        static extern int execv(string path, string[] arguments);
    }
}
