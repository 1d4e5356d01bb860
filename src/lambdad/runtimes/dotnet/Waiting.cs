// Started ahead, before the function is known: the process waits on standard input until it is told
// its environment variables, which are then all that it has.

using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace Lambdad
{
    static class Waiting
    {
        const string WaitsVariable = "_LAMBDAD_WAITS";

        public static bool IsAskedFor =>
            !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(WaitsVariable));

        /// <summary>Whether there is no time to warm up: the function is on its way.</summary>
        public static bool IsBrief =>
            Environment.GetEnvironmentVariable(WaitsVariable) == "briefly";

        /// <summary>Wait; false when nobody needs this process any more.</summary>
        public static bool UntilTold()
        {
            var told = ReadStandardInput();
            if (told.Length == 0)
            {
                return false;
            }
            Become(Variables(told));
            Directory.SetCurrentDirectory(
                Environment.GetEnvironmentVariable("LAMBDA_TASK_ROOT") ?? "/");
            TimeZoneInfo.ClearCachedData();
            return true;
        }

        /// <summary>Lose the variables that are here already, as all are later, to warm up.</summary>
        public static void Rehearse()
        {
            Become(Variables(Encoding.UTF8.GetBytes("{\"variables\":{\"_LAMBDAD_WAITS\":\"1\"}}")));
        }

        static Dictionary<string, string> Variables(byte[] told)
        {
            using var document = JsonDocument.Parse(told);
            var variables = new Dictionary<string, string>();
            foreach (var variable in document.RootElement.GetProperty("variables").EnumerateObject())
            {
                variables[variable.Name] = variable.Value.GetString();
            }
            return variables;
        }

        static byte[] ReadStandardInput()
        {
            var handle = new SafeFileHandle(IntPtr.Zero, ownsHandle: false);
            using var input = new FileStream(handle, FileAccess.Read, bufferSize: 1);
            using var told = new MemoryStream();
            input.CopyTo(told);
            return told.ToArray();
        }

        /// <summary>Take these variables and no others: for .NET, which has its own copy, and for
        /// libraries in C.</summary>
        static void Become(Dictionary<string, string> variables)
        {
            foreach (DictionaryEntry old in Environment.GetEnvironmentVariables())
            {
                if (!variables.ContainsKey((string)old.Key))
                {
                    Environment.SetEnvironmentVariable((string)old.Key, null);
                }
            }
            clearenv();
            foreach (var variable in variables)
            {
                Environment.SetEnvironmentVariable(variable.Key, variable.Value);
                setenv(variable.Key, variable.Value, 1);
            }
        }

        [DllImport("libc")]
        static extern int clearenv();

        [DllImport("libc")]
        static extern int setenv(
            [MarshalAs(UnmanagedType.LPUTF8Str)] string name,
            [MarshalAs(UnmanagedType.LPUTF8Str)] string value,
            int overwrite);
    }
}
