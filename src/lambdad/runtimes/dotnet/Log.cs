// The log of the function, as AWS's .NET runtime writes it: lines in text or in JSON.

using System;
using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Lambdad
{
    sealed class Log
    {
        const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";

        readonly LogLevel lowest;
        readonly bool isJson;
        readonly bool isFormatted;
        readonly LogSink sink;
        volatile Invocation invocation;

        Log(LogLevel lowest, bool isJson, bool isFormatted, LogSink sink)
        {
            this.lowest = lowest;
            this.isJson = isJson;
            this.isFormatted = isFormatted;
            this.sink = sink;
        }

        /// <summary>Which invocation the lines belong to.</summary>
        public Invocation Invocation
        {
            set => invocation = value;
        }

        public static Log OfEnvironment()
        {
            var isJson = Is("AWS_LAMBDA_LOG_FORMAT", "JSON");
            var isFormatted = !Is("AWS_LAMBDA_HANDLER_LOG_FORMAT", "Unformatted");
            var lowest = Levels.Parse(Variable("AWS_LAMBDA_LOG_LEVEL")) ??
                Levels.Parse(Variable("AWS_LAMBDA_HANDLER_LOG_LEVEL"));
            var sink = LogSink.OfEnvironment(isJson);
            return new Log(lowest ?? LogLevel.Information, isJson, isFormatted, sink);
        }

        /// <summary>A log that nobody reads, to warm up with.</summary>
        public static Log OfNothing() =>
            new Log(LogLevel.Information, isJson: false, isFormatted: true, LogSink.Nowhere);

        /// <summary>Let what the function writes to the console come here.</summary>
        public void TakeConsole()
        {
            Console.SetOut(new ConsoleWriter(this, LogLevel.Information, LogSink.StandardOutput));
            Console.SetError(new ConsoleWriter(this, LogLevel.Error, LogSink.StandardError));
        }

        /// <summary>Log an error that ends the invocation, the Init phase or the process.</summary>
        public void WriteError(Exception error) => Write(LogLevel.Error, null, null, error);

        /// <summary>Write a line. `values` are for the holes in `message`; that, they and `error`
        /// may be null.</summary>
        public void Write(LogLevel level, string message, object[] values, Exception error)
        {
            if (level < lowest)
            {
                return;
            }
            var template = new MessageTemplate(message ?? "", values ?? Array.Empty<object>());
            sink.Write(
                level,
                isJson ? JsonLine(level, template, error) : TextLine(level, template, error));
        }

        string TextLine(LogLevel level, MessageTemplate message, Exception error)
        {
            var text = message.ToString();
            if (error != null)
            {
                text += (text == "" ? "" : "\n") + Text(error);
            }
            return isFormatted
                ? $"{Now()}\t{invocation?.RequestId}\t{Levels.Label(level)}\t{text}"
                : text;
        }

        string JsonLine(LogLevel level, MessageTemplate message, Exception error)
        {
            var text = message.ToString();
            var bytes = new ArrayBufferWriter<byte>();
            using (var json = new Utf8JsonWriter(bytes, Errors.AsItIs))
            {
                json.WriteStartObject();
                json.WriteString("timestamp", Now());
                json.WriteString("level", level.ToString());
                WriteIfPresent(json, "requestId", invocation?.RequestId);
                WriteIfPresent(json, "traceId", invocation?.TraceId);
                WriteIfPresent(json, "tenantId", invocation?.TenantId);
                json.WriteString("message", text == "" && error != null ? Errors.Message(error) : text);
                message.WriteFields(json);
                if (error != null)
                {
                    Errors.WriteFields(json, error);
                }
                json.WriteEndObject();
            }
            return Encoding.UTF8.GetString(bytes.WrittenSpan);
        }

        static void WriteIfPresent(Utf8JsonWriter json, string name, string text)
        {
            if (text != null)
            {
                json.WriteString(name, text);
            }
        }

        static string Text(Exception error)
        {
            try
            {
                return error.ToString();
            }
            catch (Exception)
            {
                return error.GetType().FullName; // its own text threw
            }
        }

        static string Now() =>
            DateTime.UtcNow.ToString(TimeFormat, CultureInfo.InvariantCulture);

        static bool Is(string variable, string value) =>
            string.Equals(Variable(variable), value, StringComparison.OrdinalIgnoreCase);

        static string Variable(string name) => Environment.GetEnvironmentVariable(name);
    }
}
