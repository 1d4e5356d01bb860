// A function that is a program and speaks to the Runtime API itself; it serves one event.

using System;
using System.Net;

namespace Program
{
    static class Program
    {
        static int Main(string[] arguments)
        {
            var api = Environment.GetEnvironmentVariable("AWS_LAMBDA_RUNTIME_API");
            var invocations = $"http://{api}/2018-06-01/runtime/invocation/";
            using var client = new WebClient();
            var text = client.DownloadString(invocations + "next");
            var id = client.ResponseHeaders["Lambda-Runtime-Aws-Request-Id"];
            var answer = $"[{text}, {arguments.Length}, \"{AppContext.BaseDirectory}\"]";
            client.UploadString(invocations + id + "/response", answer);
            Console.WriteLine("served");
            return 3;
        }
    }
}
