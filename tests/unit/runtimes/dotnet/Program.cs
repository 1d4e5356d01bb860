// A function that is a program and speaks to the Runtime API itself; it serves one event.

using System;
using System.Net;
using System.Reflection;

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
            var name = Assembly.GetEntryAssembly().GetName().Name;
            var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
            var answer = $"[{text}, {arguments.Length}, \"{AppContext.BaseDirectory}\", " +
                $"\"{name}\", {memory}]";
            client.UploadString(invocations + id + "/response", answer);
            Console.WriteLine("served");
            Console.Error.WriteLine("well");
            return 3;
        }
    }
}
