// The function's handler: found once, called for every event.

using System;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Tasks;

namespace Lambdad
{
    sealed class Handler
    {
        const BindingFlags Anywhere = BindingFlags.Public | BindingFlags.NonPublic |
            BindingFlags.Instance | BindingFlags.Static | BindingFlags.FlattenHierarchy;

        static readonly ArraySegment<byte> Null =
            new ArraySegment<byte>(Encoding.ASCII.GetBytes("null"));

        readonly MethodInfo method;
        readonly object target;
        readonly ParameterInfo[] parameters;
        readonly ContextBuilder contexts;
        readonly PropertyInfo taskResult;
        readonly Marshaller input;
        readonly Marshaller output;

        Handler(MethodInfo method, object target, ContextBuilder contexts)
        {
            this.method = method;
            this.target = target;
            this.contexts = contexts;
            parameters = method.GetParameters();
            var serializer = new FunctionSerializer(method);
            if (parameters.Length > 0 && !IsContext(parameters[0]))
            {
                input = Marshaller.Of(parameters[0].ParameterType, serializer);
            }
            taskResult = TaskResult(method.ReturnType);
            var returned = taskResult?.PropertyType ?? method.ReturnType;
            if (returned != typeof(void) && !typeof(Task).IsAssignableFrom(returned))
            {
                output = Marshaller.Of(returned, serializer);
            }
        }

        /// <summary>Find it, and make the instance that it belongs to.</summary>
        public static Handler Load(FunctionAssemblies assemblies, HandlerName name, Log log)
        {
            if (!name.IsComplete)
            {
                throw new LambdaValidationException(
                    $"'{name}' is no handler: it has to be 'Assembly::Namespace.Class::Method'.");
            }
            using var _ = assemblies.EnterContextualReflection();
            var assembly = assemblies.LoadMain(name.Assembly);
            var type = assembly.GetType(name.Type) ?? throw new LambdaValidationException(
                $"There is no type '{name.Type}' in the assembly '{name.Assembly}'.");
            var method = Find(type, name.Method);
            RuntimeHelpers.RunClassConstructor(type.TypeHandle);
            var target = method.IsStatic ? null : Activator.CreateInstance(type);
            return new Handler(method, target, ContextBuilder.For(method, log));
        }

        /// <summary>A static method that needs no search.</summary>
        public static Handler Of(MethodInfo method, Log log) =>
            new Handler(method, null, ContextBuilder.For(method, log));

        /// <summary>Call it; gives what it answers, in bytes.</summary>
        public ArraySegment<byte> Call(Invocation invocation)
        {
            var returned = Calls.Invoke(method, target, Arguments(invocation));
            if (returned is Task task)
            {
                task.GetAwaiter().GetResult();
                returned = taskResult?.GetValue(task);
            }
            return output == null ? Null : output.Write(returned);
        }

        object[] Arguments(Invocation invocation)
        {
            var arguments = new object[parameters.Length];
            for (var i = 0; i < arguments.Length; i++)
            {
                arguments[i] = i == 0 && input != null
                    ? input.Read(invocation.Event)
                    : contexts.Context(invocation);
            }
            return arguments;
        }

        static MethodInfo Find(Type type, string name)
        {
            // One of several methods of a name is told from the others by its whole signature.
            var isSignature = name.IndexOf('(') >= 0;
            var found = Array.FindAll(
                type.GetMethods(Anywhere),
                method => (isSignature ? method.ToString() : method.Name) == name);
            if (found.Length != 1)
            {
                throw new LambdaValidationException(
                    found.Length == 0
                        ? $"There is no method '{name}' in the type '{type.FullName}'."
                        : $"There are several methods '{name}' in the type '{type.FullName}'.");
            }
            Check(found[0]);
            return found[0];
        }

        static void Check(MethodInfo method)
        {
            var parameters = method.GetParameters();
            if (parameters.Length > 2 || (parameters.Length == 2 && !IsContext(parameters[1])))
            {
                throw Refused(method, "takes an event and an ILambdaContext, and no more than that");
            }
            if (method.IsGenericMethodDefinition)
            {
                throw Refused(method, "may not be generic");
            }
            if (method.ReturnType == typeof(void) &&
                method.IsDefined(typeof(AsyncStateMachineAttribute), inherit: false))
            {
                throw Refused(method, "returns a Task when it is async, and not void");
            }
        }

        static LambdaValidationException Refused(MethodInfo method, string rule) =>
            new LambdaValidationException(
                $"The method '{method.Name}' of the type '{method.DeclaringType.FullName}' is no " +
                $"handler: one {rule}.");

        static bool IsContext(ParameterInfo parameter) =>
            parameter.ParameterType.FullName == ContextBuilder.Interface;

        /// <summary>What a Task&lt;T&gt; comes to; null when there is nothing to come.</summary>
        static PropertyInfo TaskResult(Type type)
        {
            for (; type != null; type = type.BaseType)
            {
                if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Task<>))
                {
                    return type.GetProperty("Result");
                }
            }
            return null;
        }
    }
}
