// An error as X-Ray wants it, for a header.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text;
using System.Text.Json;

namespace Lambdad
{
    static class XrayCause
    {
        const int Largest = 65536;
        const string At = "at ";
        const string In = " in ";
        const string Line = ":line ";

        /// <summary>JSON in ASCII; nothing when it is too long for a header.</summary>
        public static string Of(Exception error)
        {
            using var bytes = new MemoryStream();
            using (var json = new Utf8JsonWriter(bytes)) // it escapes what is not ASCII
            {
                Write(json, error);
            }
            return bytes.Length < Largest ? Encoding.ASCII.GetString(bytes.ToArray()) : "";
        }

        static void Write(Utf8JsonWriter json, Exception error)
        {
            var paths = new SortedSet<string>(StringComparer.Ordinal);
            json.WriteStartObject();
            json.WriteString("working_directory", Directory.GetCurrentDirectory());
            json.WriteStartArray("exceptions");
            json.WriteStartObject();
            json.WriteString("type", error.GetType().Name);
            json.WriteString("message", Errors.Message(error));
            json.WriteStartArray("stack");
            foreach (var line in Errors.Trace(error))
            {
                WriteFrame(json, line, paths);
            }
            json.WriteEndArray();
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteStartArray("paths");
            foreach (var path in paths)
            {
                json.WriteStringValue(path);
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }

        /// <summary>`at Label in path:line 5`, where only the label is sure.</summary>
        static void WriteFrame(Utf8JsonWriter json, string text, ISet<string> paths)
        {
            if (!text.StartsWith(At, StringComparison.Ordinal))
            {
                return; // between the parts of an asynchronous trace
            }
            var line = text.LastIndexOf(Line, StringComparison.Ordinal);
            var file = line < 0 ? -1 : text.LastIndexOf(In, line, StringComparison.Ordinal);
            var end = file < 0 ? text.Length : file;
            json.WriteStartObject();
            json.WriteString("label", text.Substring(At.Length, end - At.Length));
            if (file >= 0)
            {
                var path = text.Substring(file + In.Length, line - file - In.Length);
                paths.Add(path);
                json.WriteString("path", path);
                json.WriteNumber("line", LineNumber(text.Substring(line + Line.Length)));
            }
            json.WriteEndObject();
        }

        static int LineNumber(string text) =>
            int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                ? number
                : 0;
    }
}
