// Events and results as objects: streams as they are, all else by the function's own serializer.

using System;
using System.IO;
using System.Reflection;

namespace Lambdad
{
    /// <summary>The serializer that the attribute LambdaSerializer names, at the method or at the
    /// assembly.</summary>
    sealed class FunctionSerializer
    {
        const string Attribute = "Amazon.Lambda.Core.LambdaSerializerAttribute";
        const string Interface = "Amazon.Lambda.Core.ILambdaSerializer";

        readonly MethodInfo handler;
        object instance;

        public FunctionSerializer(MethodInfo handler)
        {
            this.handler = handler;
        }

        /// <summary>Its instance; an error when there is none, as `type` needs one.</summary>
        public object Instance(Type type) =>
            instance ??= Create(handler) ?? Create(handler.DeclaringType.Assembly) ??
            throw new LambdaValidationException(
                $"The type {type.FullName} of the handler '{handler.Name}' needs a serializer: " +
                "name one with the attribute LambdaSerializer at the method or at the assembly.");

        public static MethodInfo Method(object serializer, string name)
        {
            var type = serializer.GetType();
            var contract = type.GetInterface(Interface) ?? throw new LambdaValidationException(
                $"The serializer {type.FullName} is no ILambdaSerializer.");
            return contract.GetMethod(name);
        }

        static object Create(ICustomAttributeProvider place)
        {
            foreach (var attribute in place.GetCustomAttributes(inherit: true))
            {
                var type = attribute.GetType();
                if (type.FullName == Attribute)
                {
                    var serializer = (Type)type.GetProperty("SerializerType").GetValue(attribute);
                    return Activator.CreateInstance(serializer);
                }
            }
            return null;
        }
    }

    abstract class Marshaller
    {
        public abstract object Read(byte[] bytes);

        public abstract ArraySegment<byte> Write(object value);

        public static Marshaller Of(Type type, FunctionSerializer serializer) =>
            typeof(Stream).IsAssignableFrom(type)
                ? (Marshaller)new StreamMarshaller()
                : new ObjectMarshaller(type, serializer.Instance(type));

        protected static ArraySegment<byte> Written(MemoryStream stream) =>
            stream.TryGetBuffer(out var bytes) ? bytes : new ArraySegment<byte>(stream.ToArray());
    }

    sealed class StreamMarshaller : Marshaller
    {
        public override object Read(byte[] bytes) => new MemoryStream(bytes, writable: false);

        public override ArraySegment<byte> Write(object value)
        {
            using var bytes = new MemoryStream();
            if (value is Stream stream)
            {
                using (stream)
                {
                    stream.CopyTo(bytes);
                }
            }
            return Written(bytes);
        }
    }

    sealed class ObjectMarshaller : Marshaller
    {
        readonly object serializer;
        readonly MethodInfo deserialize;
        readonly MethodInfo serialize;

        public ObjectMarshaller(Type type, object serializer)
        {
            this.serializer = serializer;
            deserialize = FunctionSerializer.Method(serializer, "Deserialize").MakeGenericMethod(type);
            serialize = FunctionSerializer.Method(serializer, "Serialize").MakeGenericMethod(type);
        }

        public override object Read(byte[] bytes) =>
            Calls.Invoke(deserialize, serializer, new MemoryStream(bytes, writable: false));

        public override ArraySegment<byte> Write(object value)
        {
            using var bytes = new MemoryStream();
            Calls.Invoke(serialize, serializer, value, bytes);
            return Written(bytes);
        }
    }
}
