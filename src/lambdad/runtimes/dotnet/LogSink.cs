// Where lines of the log go: to standard output, or, when the platform offers a telemetry channel,
// to that as frames, which keep a message of several lines in one piece.

using System;
using System.Buffers.Binary;
using System.Globalization;
using System.IO;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Lambdad
{
    sealed class LogSink
    {
        const string ChannelVariable = "_LAMBDA_TELEMETRY_LOG_FD";
        const uint FirstFrame = 0xa55a0007;
        const int FrameHead = 16;
        static readonly Encoding Utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);

        public static readonly LogSink StandardOutput = new LogSink(Descriptor(1), null);
        public static readonly LogSink StandardError = new LogSink(Descriptor(2), null);

        public static readonly LogSink Nowhere = new LogSink(Stream.Null, null);

        readonly Stream stream;
        readonly uint? firstFrame;

        LogSink(Stream stream, uint? firstFrame)
        {
            this.stream = stream;
            this.firstFrame = firstFrame;
        }

        public static LogSink OfEnvironment(bool isJson)
        {
            var descriptor = Environment.GetEnvironmentVariable(ChannelVariable);
            if (string.IsNullOrEmpty(descriptor))
            {
                return StandardOutput;
            }
            Environment.SetEnvironmentVariable(ChannelVariable, null);
            var number = int.Parse(descriptor, CultureInfo.InvariantCulture);
            return new LogSink(Descriptor(number), isJson ? FirstFrame - 1 : FirstFrame);
        }

        /// <summary>Write a whole line.</summary>
        public void Write(LogLevel level, string line)
        {
            if (firstFrame == null)
            {
                // A line feed would end the event of the log in the middle of its message.
                WriteRaw(line.Replace('\n', '\r') + "\n");
                return;
            }
            var frame = new byte[FrameHead + Utf8.GetByteCount(line)];
            var size = Utf8.GetBytes(line, 0, line.Length, frame, FrameHead);
            var us = 1000 * DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
            BinaryPrimitives.WriteUInt32BigEndian(frame, firstFrame.Value + 4 * (uint)level);
            BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(4), size);
            BinaryPrimitives.WriteInt64BigEndian(frame.AsSpan(8), us);
            WriteBytes(frame);
        }

        /// <summary>Write text as it is.</summary>
        public void WriteRaw(string text) => WriteBytes(Utf8.GetBytes(text));

        static Stream Descriptor(int number) => new FileStream(
            new SafeFileHandle((IntPtr)number, ownsHandle: false), FileAccess.Write, bufferSize: 1);

        void WriteBytes(byte[] bytes)
        {
            lock (stream)
            {
                stream.Write(bytes, 0, bytes.Length);
                stream.Flush();
            }
        }
    }
}
