// The function of the warm-up, with as much of Amazon.Lambda.Core as it takes. Real functions
// bring their own, which is found by the same names.

using System;
using System.IO;
using System.Text.Json;

namespace Amazon.Lambda.Core
{
    interface ILambdaLogger
    {
        void LogLine(string message);
    }

    interface ILambdaContext
    {
        string AwsRequestId { get; }
        TimeSpan RemainingTime { get; }
        ILambdaLogger Logger { get; }
    }

    interface ILambdaSerializer
    {
        T Deserialize<T>(Stream stream);

        void Serialize<T>(T value, Stream stream);
    }

    sealed class LambdaSerializerAttribute : Attribute
    {
        public LambdaSerializerAttribute(Type serializer)
        {
            SerializerType = serializer;
        }

        public Type SerializerType { get; }
    }

    sealed class StandInSerializer : ILambdaSerializer
    {
        public T Deserialize<T>(Stream stream)
        {
            using var bytes = new MemoryStream();
            stream.CopyTo(bytes);
            return JsonSerializer.Deserialize<T>(bytes.ToArray());
        }

        public void Serialize<T>(T value, Stream stream)
        {
            using var json = new Utf8JsonWriter(stream);
            JsonSerializer.Serialize(json, value);
        }
    }

    sealed class StandInEvent
    {
        public string Text { get; set; }
    }

    static class StandIn
    {
        [LambdaSerializer(typeof(StandInSerializer))]
        public static StandInEvent Handle(StandInEvent given, ILambdaContext context)
        {
            context.Logger.LogLine(given.Text + context.AwsRequestId + context.RemainingTime);
            return given;
        }
    }
}
