// A value that a message of the log was given: as text within it, and as a field of JSON.

using System;
using System.Collections;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Lambdad
{
    sealed class LogValue
    {
        const string Iso8601 = "O";

        static readonly JsonSerializerOptions AsItIs = new JsonSerializerOptions
        {
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        };

        readonly object value;
        readonly bool isObject;

        /// <summary>`isObject` when it is to be shown with its properties.</summary>
        public LogValue(object value, bool isObject)
        {
            this.value = value;
            this.isObject = isObject || IsCollection(value);
        }

        /// <summary>In this format, unless it has none of that name.</summary>
        public string Text(string format)
        {
            if (isObject)
            {
                return Json() ?? Text();
            }
            try
            {
                return Formatted(format);
            }
            catch (FormatException)
            {
                return Text();
            }
        }

        public void Write(Utf8JsonWriter json)
        {
            var text = isObject || value is bool || IsNumber(value) ? Json() : null;
            if (text != null)
            {
                using var document = JsonDocument.Parse(text);
                document.RootElement.WriteTo(json);
            }
            else if (value == null)
            {
                json.WriteNullValue();
            }
            else
            {
                json.WriteStringValue(Formatted(null));
            }
        }

        string Text() => Convert.ToString(value, CultureInfo.InvariantCulture);

        string Formatted(string format) => value switch
        {
            DateTime time => time.ToString(format ?? Iso8601, CultureInfo.InvariantCulture),
            DateTimeOffset time => time.ToString(format ?? Iso8601, CultureInfo.InvariantCulture),
            IFormattable formattable => formattable.ToString(format, CultureInfo.InvariantCulture),
            _ => Text(),
        };

        /// <summary>Null when it cannot be JSON.</summary>
        string Json()
        {
            try
            {
                return JsonSerializer.Serialize(value, value?.GetType() ?? typeof(object), AsItIs);
            }
            catch (Exception)
            {
                return null; // infinity, a cycle, a property that throws
            }
        }

        /// <summary>Whether it would show its type only, and not what is in it.</summary>
        static bool IsCollection(object value) =>
            value is IEnumerable && value.ToString() == value.GetType().ToString();

        static bool IsNumber(object value)
        {
            var code = value is Enum ? TypeCode.Object : Convert.GetTypeCode(value);
            return code >= TypeCode.SByte && code <= TypeCode.Decimal;
        }
    }
}
