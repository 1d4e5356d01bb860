// A message with holes: `{name}`, `{name:format}`, `{0}`, which values fill in turn.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Lambdad
{
    sealed class MessageTemplate
    {
        readonly string text;
        readonly List<KeyValuePair<string, object>> fields = new List<KeyValuePair<string, object>>();

        public MessageTemplate(string template, object[] values)
        {
            text = values.Length == 0 ? template : Fill(template, values);
        }

        /// <summary>The message with its values.</summary>
        public override string ToString() => text;

        /// <summary>The values that have a name, as fields of the object that is being written.
        /// </summary>
        public void WriteFields(Utf8JsonWriter json)
        {
            foreach (var field in fields)
            {
                json.WritePropertyName(field.Key);
                WriteValue(json, field.Value);
            }
        }

        string Fill(string template, object[] values)
        {
            var filled = new StringBuilder();
            var used = 0;
            var position = 0;
            while (position < template.Length)
            {
                var open = template.IndexOf('{', position);
                var close = open < 0 ? -1 : template.IndexOf('}', open);
                if (close < 0)
                {
                    break;
                }
                filled.Append(template, position, open - position);
                var hole = template.Substring(open + 1, close - open - 1);
                if (used < values.Length)
                {
                    filled.Append(Fill(hole, values[used++]));
                }
                else
                {
                    filled.Append('{').Append(hole).Append('}');
                }
                position = close + 1;
            }
            return filled.Append(template, position, template.Length - position).ToString();
        }

        string Fill(string hole, object value)
        {
            var colon = hole.IndexOf(':');
            var name = colon < 0 ? hole : hole.Substring(0, colon);
            var format = colon < 0 ? null : hole.Substring(colon + 1);
            if (!int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            {
                fields.Add(new KeyValuePair<string, object>(name.TrimStart('@'), value));
            }
            return value is IFormattable formattable
                ? formattable.ToString(format, CultureInfo.InvariantCulture)
                : value?.ToString();
        }

        static void WriteValue(Utf8JsonWriter json, object value)
        {
            switch (value)
            {
                case null:
                    json.WriteNullValue();
                    break;
                case bool boolean:
                    json.WriteBooleanValue(boolean);
                    break;
                case int number:
                    json.WriteNumberValue(number);
                    break;
                case long number:
                    json.WriteNumberValue(number);
                    break;
                case double number when !double.IsNaN(number) && !double.IsInfinity(number):
                    json.WriteNumberValue(number);
                    break;
                case decimal number:
                    json.WriteNumberValue(number);
                    break;
                default:
                    json.WriteStringValue(Convert.ToString(value, CultureInfo.InvariantCulture));
                    break;
            }
        }
    }
}
