// A function that is a program: its Main asks the Runtime API for events.

using System;
using System.IO;

namespace Lambdad
{
    static class Executable
    {
        /// <summary>Run it to its end; gives its exit status.</summary>
        public static int Run(FunctionAssemblies assemblies, string name)
        {
            // Programs look for their settings where they are.
            AppDomain.CurrentDomain.SetData(
                "APP_CONTEXT_BASE_DIRECTORY", assemblies.Root + Path.DirectorySeparatorChar);
            var main = assemblies.LoadMain(name).EntryPoint;
            if (main == null)
            {
                throw new LambdaValidationException(
                    $"The assembly '{name}' has no Main: the handler of a class library is " +
                    "'Assembly::Namespace.Class::Method'.");
            }
            var arguments = main.GetParameters().Length == 0
                ? Array.Empty<object>()
                : new object[] { Array.Empty<string>() };
            return Calls.Invoke(main, null, arguments) is int status ? status : 0;
        }
    }
}
