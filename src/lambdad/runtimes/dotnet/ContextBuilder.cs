// The context object: what a handler gets beside the event.

using System;
using System.Globalization;
using System.Reflection;

namespace Lambdad
{
    sealed class ContextBuilder
    {
        public const string Interface = "Amazon.Lambda.Core.ILambdaContext";

        readonly Type contract;
        readonly Func<Type, object> logger;
        readonly string functionName = Variable("AWS_LAMBDA_FUNCTION_NAME");
        readonly string functionVersion = Variable("AWS_LAMBDA_FUNCTION_VERSION");
        readonly string logGroupName = Variable("AWS_LAMBDA_LOG_GROUP_NAME");
        readonly string logStreamName = Variable("AWS_LAMBDA_LOG_STREAM_NAME");
        readonly int memoryLimitInMB;

        public ContextBuilder(Type contract, Func<Type, object> logger)
        {
            this.contract = contract;
            this.logger = logger;
            int.TryParse(
                Variable("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), NumberStyles.None,
                CultureInfo.InvariantCulture, out memoryLimitInMB);
        }

        /// <summary>Makes contexts for a handler, of the interface that it asks for.</summary>
        public static ContextBuilder For(MethodInfo handler, Log log)
        {
            var parameter = Array.Find(
                handler.GetParameters(), each => each.ParameterType.FullName == Interface);
            if (parameter == null)
            {
                return null;
            }
            var contract = parameter.ParameterType;
            StaticLogger.Connect(contract.Assembly, log);
            object logger = null;
            return new ContextBuilder(
                contract, type => logger ??= ContextLogger.Of(type, log));
        }

        public object Context(Invocation invocation) =>
            InterfaceProxy.OfProperties(contract, (name, type) => Value(invocation, name, type));

        /// <summary>A property; one that is newer than this runtime has no value.</summary>
        object Value(Invocation invocation, string name, Type type) => name switch
        {
            "AwsRequestId" => invocation.RequestId,
            "FunctionName" => functionName,
            "FunctionVersion" => functionVersion,
            "InvokedFunctionArn" => invocation.FunctionArn,
            "MemoryLimitInMB" => memoryLimitInMB,
            "LogGroupName" => logGroupName,
            "LogStreamName" => logStreamName,
            "RemainingTime" => invocation.RemainingTime,
            "ClientContext" => MobileClient.Context(type, invocation.ClientContext),
            "Identity" => MobileClient.Identity(type, invocation.CognitoIdentity),
            "Logger" => logger(type),
            "TenantId" => invocation.TenantId,
            "TraceId" => invocation.TraceId,
            _ => null,
        };

        static string Variable(string name) => Environment.GetEnvironmentVariable(name);
    }
}
