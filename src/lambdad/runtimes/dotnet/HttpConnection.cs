// HTTP/1.1 on one connection that is kept open: as much of it as the Runtime API speaks.
//
// There is only ever one request under way. A request is one system call, and so is an answer that
// fits into the buffer.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Lambdad
{
    sealed class HttpAnswer
    {
        readonly Dictionary<string, string> headers;

        public HttpAnswer(int status, Dictionary<string, string> headers, byte[] body)
        {
            Status = status;
            Body = body;
            this.headers = headers;
        }

        public int Status { get; }
        public byte[] Body { get; }

        /// <summary>Its text; null when there is no such header.</summary>
        public string Header(string name) => headers.TryGetValue(name, out var text) ? text : null;
    }

    sealed class HttpConnection
    {
        const int FirstBuffer = 16 * 1024;
        const int FirstFinal = 200; // of a lower status another one is still to come

        readonly string host;
        readonly int port;
        readonly ArraySegment<byte>[] pieces = new ArraySegment<byte>[2];
        byte[] buffer = new byte[FirstBuffer];
        int position;
        int received;
        Socket socket;

        public HttpConnection(string address)
        {
            var colon = address.LastIndexOf(':');
            host = colon < 0 ? address : address.Substring(0, colon);
            port = colon < 0 ? 80 : int.Parse(
                address.Substring(colon + 1), CultureInfo.InvariantCulture);
        }

        public HttpAnswer Send(byte[] head, ArraySegment<byte> body = default)
        {
            try
            {
                socket ??= Connect();
                Write(head, body);
                return Read();
            }
            catch
            {
                Close();
                throw;
            }
        }

        /// <summary>Send what may be sent again: the server may have closed the connection
        /// meanwhile.</summary>
        public HttpAnswer SendAgain(byte[] head)
        {
            var isOldConnection = socket != null;
            try
            {
                return Send(head);
            }
            catch (Exception error) when (
                isOldConnection && (error is SocketException || error is EndOfStreamException))
            {
                return Send(head);
            }
        }

        Socket Connect()
        {
            var connecting = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            if (IPAddress.TryParse(host, out var address))
            {
                connecting.Connect(address, port);
            }
            else
            {
                connecting.Connect(host, port);
            }
            return connecting;
        }

        void Close()
        {
            socket?.Dispose();
            socket = null;
        }

        void Write(byte[] head, ArraySegment<byte> body)
        {
            if (body.Count == 0)
            {
                socket.Send(head);
                return;
            }
            pieces[0] = new ArraySegment<byte>(head);
            pieces[1] = body;
            socket.Send(pieces);
            Array.Clear(pieces, 0, pieces.Length);
        }

        HttpAnswer Read()
        {
            position = received = 0;
            string[] lines;
            int status;
            do
            {
                lines = ReadUntil(EndOfHead).Split("\r\n");
                status = int.Parse(lines[0].Split(' ')[1], CultureInfo.InvariantCulture);
            }
            while (status < FirstFinal);
            var headers = Headers(lines);
            var body = ReadBody(headers);
            if (headers.TryGetValue("Connection", out var wish) &&
                wish.Equals("close", StringComparison.OrdinalIgnoreCase))
            {
                Close();
            }
            return new HttpAnswer(status, headers, body);
        }

        byte[] ReadBody(Dictionary<string, string> headers)
        {
            if (headers.ContainsKey("Transfer-Encoding"))
            {
                return ReadChunks();
            }
            return headers.TryGetValue("Content-Length", out var size)
                ? ReadBytes(int.Parse(size, CultureInfo.InvariantCulture))
                : Array.Empty<byte>();
        }

        byte[] ReadChunks()
        {
            using var body = new MemoryStream();
            for (var size = ReadChunkSize(); size > 0; size = ReadChunkSize())
            {
                body.Write(ReadBytes(size));
                ReadUntil(EndOfLine);
            }
            while (ReadUntil(EndOfLine) != "")
            {
                // A trailer: the Runtime API has none that a runtime needs.
            }
            return body.ToArray();
        }

        int ReadChunkSize()
        {
            var size = ReadUntil(EndOfLine).Split(';')[0].Trim();
            return int.Parse(size, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        }

        /// <summary>The text before this mark.</summary>
        string ReadUntil(ReadOnlySpan<byte> mark)
        {
            var searched = 0;
            while (true)
            {
                var start = position + searched;
                var found = buffer.AsSpan(start, received - start).IndexOf(mark);
                if (found >= 0)
                {
                    var text = Encoding.UTF8.GetString(buffer, position, searched + found);
                    position = start + found + mark.Length;
                    return text;
                }
                searched = Math.Max(0, received - position - mark.Length + 1);
                ReceiveMore();
            }
        }

        byte[] ReadBytes(int size)
        {
            var bytes = new byte[size];
            var filled = Math.Min(size, received - position);
            Buffer.BlockCopy(buffer, position, bytes, 0, filled);
            position += filled;
            while (filled < size)
            {
                filled += Receive(bytes, filled);
            }
            return bytes;
        }

        /// <summary>What was read already makes room in the buffer.</summary>
        void ReceiveMore()
        {
            received -= position;
            Buffer.BlockCopy(buffer, position, buffer, 0, received);
            position = 0;
            if (received == buffer.Length)
            {
                Array.Resize(ref buffer, 2 * buffer.Length);
            }
            received += Receive(buffer, received);
        }

        int Receive(byte[] into, int offset)
        {
            var count = socket.Receive(into, offset, into.Length - offset, SocketFlags.None);
            return count > 0 ? count : throw new EndOfStreamException("The connection was closed");
        }

        static ReadOnlySpan<byte> EndOfLine => new[] { (byte)'\r', (byte)'\n' };

        static ReadOnlySpan<byte> EndOfHead =>
            new[] { (byte)'\r', (byte)'\n', (byte)'\r', (byte)'\n' };

        static Dictionary<string, string> Headers(string[] lines)
        {
            var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            for (var i = 1; i < lines.Length; i++)
            {
                var colon = lines[i].IndexOf(':');
                headers[lines[i].Substring(0, colon)] = lines[i].Substring(colon + 1).Trim();
            }
            return headers;
        }
    }
}
