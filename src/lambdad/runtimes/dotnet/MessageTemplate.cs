// A message with holes: `{name}`, `{name:format}`, `{@name}`, `{0}`, which values fill in turn.
// Doubled braces are braces.

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
        readonly List<KeyValuePair<string, LogValue>> fields =
            new List<KeyValuePair<string, LogValue>>();

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
                field.Value.Write(json);
            }
        }

        string Fill(string template, object[] values)
        {
            var filled = new StringBuilder();
            var used = 0;
            var position = 0;
            while (position < template.Length)
            {
                var isDoubled = position + 1 < template.Length &&
                    template[position] == template[position + 1];
                if (isDoubled && (template[position] == '{' || template[position] == '}'))
                {
                    filled.Append(template[position]);
                    position += 2;
                    continue;
                }
                var close = template[position] == '{' ? template.IndexOf('}', position) : -1;
                if (close < 0 || used == values.Length)
                {
                    filled.Append(template[position++]);
                    continue;
                }
                filled.Append(
                    Fill(template.Substring(position + 1, close - position - 1), values[used++]));
                position = close + 1;
            }
            return filled.ToString();
        }

        string Fill(string hole, object value)
        {
            var colon = hole.IndexOf(':');
            var name = colon < 0 ? hole : hole.Substring(0, colon);
            var format = colon < 0 ? null : hole.Substring(colon + 1);
            var shown = new LogValue(value, name.StartsWith('@'));
            if (!int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            {
                fields.Add(new KeyValuePair<string, LogValue>(name.TrimStart('@'), shown));
            }
            return shown.Text(format);
        }
    }
}
