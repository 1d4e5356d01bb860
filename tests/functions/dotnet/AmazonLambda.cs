// As much of the packages Amazon.Lambda.Core and Amazon.Lambda.Serialization.SystemTextJson as
// the functions here use, by the same names: the tests reach no NuGet.

using System;
using System.Collections.Generic;
using System.IO;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Amazon.Lambda.Core
{
    public enum LogLevel
    {
        Trace,
        Debug,
        Information,
        Warning,
        Error,
        Critical,
    }

    public interface ILambdaLogger
    {
        void Log(string message);

        void LogLine(string message);

        void Log(string level, string message) => LogLine(message);

        void Log(LogLevel level, string message) => Log(level.ToString(), message);

        void Log(string level, Exception exception, string message, params object[] args) =>
            LogLine(message);

        void LogInformation(string message) => Log(LogLevel.Information, message);

        void LogWarning(string message, params object[] args) => Log(LogLevel.Warning, message);

        void LogError(Exception exception, string message, params object[] args) =>
            Log(LogLevel.Error, message);
    }

    public static class LambdaLogger
    {
        static Action<string> _loggingAction = Console.WriteLine;

        static Action<string, string, object[]> _loggingWithLevelAction =
            (level, message, args) => Console.WriteLine(message);

        public static void Log(string message) => _loggingAction(message);

        public static void Log(LogLevel level, string message, params object[] args) =>
            _loggingWithLevelAction(level.ToString(), message, args);
    }

    public interface IClientApplication
    {
        string AppPackageName { get; }

        string AppTitle { get; }
    }

    public interface IClientContext
    {
        IDictionary<string, string> Environment { get; }

        IClientApplication Client { get; }

        IDictionary<string, string> Custom { get; }
    }

    public interface ICognitoIdentity
    {
        string IdentityId { get; }

        string IdentityPoolId { get; }
    }

    public interface ILambdaContext
    {
        string AwsRequestId { get; }

        IClientContext ClientContext { get; }

        string FunctionName { get; }

        string FunctionVersion { get; }

        ICognitoIdentity Identity { get; }

        string InvokedFunctionArn { get; }

        ILambdaLogger Logger { get; }

        string LogGroupName { get; }

        string LogStreamName { get; }

        int MemoryLimitInMB { get; }

        TimeSpan RemainingTime { get; }

        string TenantId => "not told";

        string TraceId => "not told";
    }

    public interface ILambdaSerializer
    {
        T Deserialize<T>(Stream requestStream);

        void Serialize<T>(T response, Stream responseStream);
    }

    [AttributeUsage(AttributeTargets.Method | AttributeTargets.Assembly)]
    public sealed class LambdaSerializerAttribute : Attribute
    {
        public LambdaSerializerAttribute(Type serializerType)
        {
            SerializerType = serializerType;
        }

        public Type SerializerType { get; set; }
    }
}

namespace Amazon.Lambda.Serialization.SystemTextJson
{
    public sealed class DefaultLambdaJsonSerializer : Amazon.Lambda.Core.ILambdaSerializer
    {
        static readonly JsonSerializerOptions Options = new JsonSerializerOptions
        {
            PropertyNameCaseInsensitive = true,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        };

        public T Deserialize<T>(Stream requestStream)
        {
            using var bytes = new MemoryStream();
            requestStream.CopyTo(bytes);
            return JsonSerializer.Deserialize<T>(bytes.ToArray(), Options);
        }

        public void Serialize<T>(T response, Stream responseStream)
        {
            using var json = new Utf8JsonWriter(
                responseStream, new JsonWriterOptions { Encoder = Options.Encoder });
            JsonSerializer.Serialize(json, response, Options);
        }
    }
}
