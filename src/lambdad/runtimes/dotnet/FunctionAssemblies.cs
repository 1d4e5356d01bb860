// Where the function's assemblies come from: its package, as its .deps.json says; then the
// framework, whose assemblies give way to newer ones of the package.

using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Runtime.Loader;

namespace Lambdad
{
    sealed class FunctionAssemblies : AssemblyLoadContext
    {
        readonly Dictionary<string, string> framework = FrameworkAssemblies();
        AssemblyDependencyResolver resolver;

        /// <summary>The directory of the package, set before the first one is loaded.</summary>
        public string Root { get; set; } = "";

        /// <summary>The file of the handler's assembly.</summary>
        public string MainPath(string name)
        {
            var path = Path.Combine(Root, name + ".dll");
            if (!File.Exists(path))
            {
                throw new LambdaValidationException(
                    $"There is no assembly '{name}.dll' in the root of the package.");
            }
            return path;
        }

        /// <summary>Load the assembly of the handler, which knows what the others are.</summary>
        public Assembly LoadMain(string name)
        {
            var path = MainPath(name);
            resolver = new AssemblyDependencyResolver(path);
            // What the framework looks for by name is the function's too.
            Default.Resolving += (_, wanted) => Load(wanted);
            return LoadFromAssemblyPath(path);
        }

        protected override Assembly Load(AssemblyName wanted)
        {
            var path = resolver?.ResolveAssemblyToPath(wanted) ?? Beside(wanted.Name + ".dll");
            if (path == null || IsOlderThanFramework(wanted.Name, path))
            {
                return null;
            }
            return LoadFromAssemblyPath(path);
        }

        protected override IntPtr LoadUnmanagedDll(string name)
        {
            var path = resolver?.ResolveUnmanagedDllToPath(name);
            return path == null ? IntPtr.Zero : LoadUnmanagedDllFromPath(path);
        }

        /// <summary>A file that no .deps.json speaks of.</summary>
        string Beside(string file)
        {
            var path = Path.Combine(Root, file);
            return Root != "" && File.Exists(path) ? path : null;
        }

        bool IsOlderThanFramework(string name, string path) =>
            framework.TryGetValue(name, out var theirs) &&
            AssemblyName.GetAssemblyName(path).Version <=
            AssemblyName.GetAssemblyName(theirs).Version;

        static Dictionary<string, string> FrameworkAssemblies()
        {
            var paths = (string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES");
            var found = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            foreach (var path in paths.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
            {
                found[Path.GetFileNameWithoutExtension(path)] = path;
            }
            return found;
        }
    }
}
