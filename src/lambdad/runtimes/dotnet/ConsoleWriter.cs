// The console of the function: a line that it writes is one of the log; text that it writes without
// an end of line goes out as it is.

using System;
using System.Globalization;
using System.IO;
using System.Text;

namespace Lambdad
{
    sealed class ConsoleWriter : TextWriter
    {
        readonly Log log;
        readonly LogLevel level;
        readonly LogSink sink;

        public ConsoleWriter(Log log, LogLevel level, LogSink sink)
            : base(CultureInfo.InvariantCulture)
        {
            this.log = log;
            this.level = level;
            this.sink = sink;
        }

        public override Encoding Encoding => Encoding.UTF8;

        public override void Write(char value) => sink.WriteRaw(value.ToString());

        public override void Write(char[] buffer, int index, int count) =>
            sink.WriteRaw(new string(buffer, index, count));

        public override void Write(string value) => sink.WriteRaw(value ?? "");

        // The others of TextWriter end in one of these.

        public override void WriteLine(string value) => log.Write(level, value, null, null);

        public override void WriteLine() => WriteLine("");

        public override void WriteLine(bool value) => WriteText(value);

        public override void WriteLine(char value) => WriteText(value);

        public override void WriteLine(int value) => WriteText(value);

        public override void WriteLine(uint value) => WriteText(value);

        public override void WriteLine(long value) => WriteText(value);

        public override void WriteLine(ulong value) => WriteText(value);

        public override void WriteLine(float value) => WriteText(value);

        public override void WriteLine(double value) => WriteText(value);

        public override void WriteLine(decimal value) => WriteText(value);

        public override void WriteLine(object value) => WriteText(value);

        public override void WriteLine(StringBuilder value) => WriteText(value);

        public override void WriteLine(char[] buffer) => WriteLine(new string(buffer));

        public override void WriteLine(char[] buffer, int index, int count) =>
            WriteLine(new string(buffer, index, count));

        void WriteText(object value) =>
            WriteLine(Convert.ToString(value, CultureInfo.InvariantCulture));
    }
}
