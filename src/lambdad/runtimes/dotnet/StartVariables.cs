// What lambdad tells .NET itself when it starts it, in variables that are not the function's.

using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;

namespace Lambdad
{
    sealed class StartVariables
    {
        static readonly string[] HeapLimit = { "DOTNET_GCHeapHardLimit", "COMPlus_GCHeapHardLimit" };
        static readonly string[] Diagnostics =
        {
            "DOTNET_EnableDiagnostics", "COMPlus_EnableDiagnostics",
        };

        readonly Dictionary<string, string> values = new Dictionary<string, string>();

        /// <summary>As they are now; a process that waits loses them later.</summary>
        public static StartVariables OfEnvironment()
        {
            var found = new StartVariables();
            foreach (var name in HeapLimit.Concat(Diagnostics))
            {
                var value = Environment.GetEnvironmentVariable(name);
                if (value != null)
                {
                    found.values[name] = value;
                }
            }
            return found;
        }

        /// <summary>Let the program that this process becomes start with them too.</summary>
        public void HandOn()
        {
            foreach (var variable in values)
            {
                setenv(variable.Key, variable.Value, 1);
            }
        }

        /// <summary>The limit is of this process, not of those that the function starts.</summary>
        public static void HideHeapLimit()
        {
            foreach (var name in HeapLimit)
            {
                Environment.SetEnvironmentVariable(name, null);
                unsetenv(name);
            }
        }

        [DllImport("libc")]
        static extern int setenv(string name, string value, int overwrite);

        [DllImport("libc")]
        static extern int unsetenv(string name);
    }
}
