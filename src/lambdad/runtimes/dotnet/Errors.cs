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

        // What a trace ends with: how a handler is called, in frames of ours and of reflection.
        static readonly string[] Callers =
        {
            "at Lambdad.", "at System.Reflection.", "at System.RuntimeMethodHandle.",
            "at System.RuntimeType.", "at System.Activator.", "at InvokeStub_", "--- ",
        };

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

        /// <summary>The lines of its stack trace as far as they are the function's, without their
        /// indentation.</summary>
        public static string[] Trace(Exception error)
        {
            var lines = (Read(() => error.StackTrace, null) ?? "").Split(
                '\n', StringSplitOptions.RemoveEmptyEntries);
            lines = Array.ConvertAll(lines, line => line.Trim());
            var last = Array.FindLastIndex(lines, line => !IsOfCaller(line));
            return lines.AsSpan(0, last + 1).ToArray();
        }

        static bool IsOfCaller(string line) =>
            Array.Exists(Callers, caller => line.StartsWith(caller, StringComparison.Ordinal));

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
