// What functions log with, besides the console: ILambdaContext.Logger, and the class LambdaLogger.

using System;
using System.Reflection;

namespace Lambdad
{
    static class ContextLogger
    {
        /// <summary>An ILambdaLogger of whatever version of Amazon.Lambda.Core.</summary>
        public static object Of(Type contract, Log log) =>
            InterfaceProxy.Of(contract, (method, arguments) =>
            {
                Write(log, method, arguments);
                return null;
            });

        /// <summary>The level is in the name (`LogError`), or the first argument (`Log("error", …)`,
        /// `Log(LogLevel.Error, …)`); then come an exception, a message and its arguments, of which
        /// each may be missing.</summary>
        static void Write(Log log, MethodInfo method, object[] arguments)
        {
            var level = Levels.Parse(method.Name.Substring("Log".Length));
            var next = 0;
            if (level == null && arguments.Length > 1)
            {
                level = Levels.Parse(arguments[next++]?.ToString());
            }
            var parameters = method.GetParameters();
            Exception error = null;
            if (typeof(Exception).IsAssignableFrom(parameters[next].ParameterType))
            {
                error = (Exception)arguments[next++];
            }
            var message = arguments[next++]?.ToString();
            var values = next < arguments.Length ? arguments[next] as object[] : null;
            log.Write(level ?? LogLevel.Information, message, values, error);
        }
    }

    static class StaticLogger
    {
        const string Class = "Amazon.Lambda.Core.LambdaLogger";

        /// <summary>Let LambdaLogger's methods with a level write here. Those without one write to
        /// the console, which is here too.</summary>
        public static void Connect(Assembly core, Log log)
        {
            var type = core.GetType(Class);
            Set<Action<string, string, object[]>>(
                type, "_loggingWithLevelAction",
                (level, message, values) => log.Write(Level(level), message, values, null));
            Set<Action<string, Exception, string, object[]>>(
                type, "_loggingWithLevelAndExceptionAction",
                (level, error, message, values) => log.Write(Level(level), message, values, error));
        }

        static LogLevel Level(string name) => Levels.Parse(name) ?? LogLevel.Information;

        static void Set<T>(Type type, string name, T action)
        {
            var field = type?.GetField(name, BindingFlags.NonPublic | BindingFlags.Static);
            if (field?.FieldType == typeof(T))
            {
                field.SetValue(null, action);
            }
        }
    }
}
