// Exceptions in the forms that AWS gives them.

using System;
using System.Buffers;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Lambdad
{
    /// <summary>The handler is none; AWS's name for it.</summary>
    sealed class LambdaValidationException : Exception
    {
        public LambdaValidationException(string message)
            : base(message)
        {
        }
    }

    static class Errors
    {
        const int LongestHeader = 1024;
        const int DeepestCause = 16;

        /// <summary>JSON with text as it is, beyond ASCII too.</summary>
        public static readonly JsonWriterOptions AsItIs = new JsonWriterOptions
        {
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        };

        /// <summary>What was thrown, out of what reflection and tasks wrap it in.</summary>
        public static Exception Unwrap(Exception error)
        {
            while (error.InnerException != null &&
                   (error is TargetInvocationException ||
                    error is AggregateException several && several.InnerExceptions.Count == 1))
            {
                error = error.InnerException;
            }
            return error;
        }

        /// <summary>The error object that the client of the function gets.</summary>
        public static ArraySegment<byte> Json(Exception error)
        {
            var bytes = new ArrayBufferWriter<byte>();
            using (var json = new Utf8JsonWriter(bytes, AsItIs))
            {
                WriteObject(json, error, DeepestCause);
            }
            MemoryMarshal.TryGetArray(bytes.WrittenMemory, out var written);
            return written;
        }

        /// <summary>Its type, as it can stand in a header.</summary>
        public static string Header(Exception error)
        {
            var type = error.GetType().Name.ToCharArray();
            for (var i = 0; i < type.Length; i++)
            {
                type[i] = type[i] >= ' ' && type[i] <= '~' ? type[i] : '?';
            }
            return new string(type, 0, Math.Min(type.Length, LongestHeader));
        }

        /// <summary>Its type, message and trace, as fields of the object that is being written.
        /// </summary>
        public static void WriteFields(Utf8JsonWriter json, Exception error)
        {
            json.WriteString("errorType", error.GetType().Name);
            json.WriteString("errorMessage", Message(error));
            json.WriteStartArray("stackTrace");
            foreach (var line in Trace(error))
            {
                json.WriteStringValue(line);
            }
            json.WriteEndArray();
        }

        public static string Message(Exception error) =>
            Read(() => error.Message, "The message of the error cannot be read.");

        /// <summary>The lines of its stack trace, without their indentation.</summary>
        public static string[] Trace(Exception error)
        {
            var lines = (Read(() => error.StackTrace, null) ?? "").Split(
                '\n', StringSplitOptions.RemoveEmptyEntries);
            return Array.ConvertAll(lines, line => line.Trim());
        }

        /// <summary>A property may be the function's own, which may throw.</summary>
        static string Read(Func<string> property, string otherwise)
        {
            try
            {
                return property();
            }
            catch (Exception)
            {
                return otherwise;
            }
        }

        static void WriteObject(Utf8JsonWriter json, Exception error, int depth)
        {
            json.WriteStartObject();
            WriteFields(json, error);
            if (error.InnerException != null && depth > 0)
            {
                json.WritePropertyName("cause");
                WriteObject(json, error.InnerException, depth - 1);
            }
            json.WriteEndObject();
        }
    }
}
