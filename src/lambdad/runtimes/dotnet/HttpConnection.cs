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

        readonly string host;
        readonly int port;
        readonly ArraySegment<byte>[] pieces = new ArraySegment<byte>[2];
        byte[] buffer = new byte[FirstBuffer];
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
            received = 0;
            var end = ReadHead();
            var lines = Encoding.UTF8.GetString(buffer, 0, end).Split("\r\n");
            var status = int.Parse(lines[0].Split(' ')[1], CultureInfo.InvariantCulture);
            var headers = Headers(lines);
            var body = ReadBody(end + 4, headers);
            if (headers.TryGetValue("Connection", out var wish) &&
                wish.Equals("close", StringComparison.OrdinalIgnoreCase))
            {
                Close();
            }
            return new HttpAnswer(status, headers, body);
        }

        /// <summary>Receive until the head is there; gives where it ends.</summary>
        int ReadHead()
        {
            while (true)
            {
                var seen = Math.Max(0, received - 3);
                received += Receive(buffer, received);
                var end = buffer.AsSpan(seen, received - seen).IndexOf(EndOfHead);
                if (end >= 0)
                {
                    return seen + end;
                }
                if (received == buffer.Length)
                {
                    Array.Resize(ref buffer, 2 * buffer.Length);
                }
            }
        }

        byte[] ReadBody(int start, Dictionary<string, string> headers)
        {
            var size = headers.TryGetValue("Content-Length", out var text)
                ? int.Parse(text, CultureInfo.InvariantCulture)
                : 0;
            var body = new byte[size];
            var filled = Math.Min(size, received - start);
            Buffer.BlockCopy(buffer, start, body, 0, filled);
            while (filled < size)
            {
                filled += Receive(body, filled);
            }
            return body;
        }

        int Receive(byte[] into, int offset)
        {
            var count = socket.Receive(into, offset, into.Length - offset, SocketFlags.None);
            return count > 0 ? count : throw new EndOfStreamException("The connection was closed");
        }

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
