// The Runtime API, as a runtime sees it.

using System;
using System.Text;

namespace Lambdad
{
    /// <summary>It did not do what was asked; the process must end.</summary>
    sealed class RuntimeApiException : Exception
    {
        public RuntimeApiException(string message, Exception cause = null)
            : base(message, cause)
        {
        }
    }

    sealed class RuntimeApi
    {
        const string Version = "/2018-06-01/runtime";
        const int AlwaysTaken = 65536;
        const int TooLarge = 413;

        readonly string address;
        readonly HttpConnection connection;
        readonly byte[] next;

        public RuntimeApi(string address)
        {
            this.address = address;
            connection = new HttpConnection(address);
            next = Ascii($"GET {Version}/invocation/next HTTP/1.1\r\nHost: {address}\r\n\r\n");
        }

        /// <summary>Wait until there is an event.</summary>
        public Invocation Next()
        {
            var answer = connection.SendAgain(next);
            if (answer.Status != 200)
            {
                throw new RuntimeApiException(
                    $"The Runtime API gave no event, but status {answer.Status}");
            }
            return new Invocation(answer);
        }

        /// <summary>The handler is done; `result` is JSON, or whatever its stream held.</summary>
        public void Respond(string requestId, ArraySegment<byte> result)
        {
            Post($"/invocation/{requestId}/response", "", result, "success");
        }

        /// <summary>The handler failed.</summary>
        public void Fail(string requestId, Exception error)
        {
            PostError($"/invocation/{requestId}/error", error, "failure");
        }

        /// <summary>The function could not be loaded; the process must end after this.</summary>
        public void FailInit(Exception error)
        {
            PostError("/init/error", error, "init error");
        }

        void PostError(string path, Exception error, string subject)
        {
            var cause = XrayCause.Of(error);
            var fields =
                $"Lambda-Runtime-Function-Error-Type: {Errors.Header(error)}\r\n" +
                (cause == "" ? "" : $"Lambda-Runtime-Function-XRay-Error-Cause: {cause}\r\n");
            Post(path, fields, Errors.Json(error), subject);
        }

        void Post(string path, string fields, ArraySegment<byte> body, string subject)
        {
            var head = Ascii(
                $"POST {Version}{path} HTTP/1.1\r\nHost: {address}\r\n" +
                $"Content-Type: application/json\r\nContent-Length: {body.Count}\r\n{fields}\r\n");
            HttpAnswer answer;
            try
            {
                answer = connection.Send(head, body);
            }
            catch (Exception error)
            {
                if (body.Count > AlwaysTaken)
                {
                    return; // refused halfway; the server knows what it refused
                }
                throw new RuntimeApiException("The Runtime API cannot be reached", error);
            }
            Check(answer, subject);
        }

        static void Check(HttpAnswer answer, string subject)
        {
            if (answer.Status >= 200 && answer.Status < 300)
            {
                return;
            }
            LogSink.StandardOutput.Write(
                LogLevel.Error,
                $"[ERROR] LAMBDA_RUNTIME Failed to post handler {subject} response. " +
                $"Http response code: {answer.Status}. {Encoding.UTF8.GetString(answer.Body)}");
            if (answer.Status != TooLarge)
            {
                // Of what is too large the caller of the function is told by the server.
                throw new RuntimeApiException("The Runtime API did not take the response");
            }
        }

        static byte[] Ascii(string text) => Encoding.ASCII.GetBytes(text);
    }
}
