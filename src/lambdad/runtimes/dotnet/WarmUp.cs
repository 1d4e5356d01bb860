// Whatever the first invocation would otherwise wait for: what .NET compiles and loads at first
// use. A function of our own is served here by a Runtime API of our own.

using System;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Runtime.Loader;
using System.Text;
using System.Threading;
using Amazon.Lambda.Core;

namespace Lambdad
{
    static class WarmUp
    {
        const int Rounds = 3;

        public static void Run(FunctionAssemblies assemblies)
        {
            using var _ = assemblies.EnterContextualReflection();
            using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
            listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            listener.Listen(1);
            var server = new Thread(() => Answer(listener)) { IsBackground = true };
            server.Start();
            Serve("127.0.0.1:" + ((IPEndPoint)listener.LocalEndPoint).Port);
            new AssemblyDependencyResolver(typeof(WarmUp).Assembly.Location)
                .ResolveAssemblyToPath(new AssemblyName("None"));
            Waiting.Rehearse();
            GC.Collect();
        }

        static void Serve(string address)
        {
            var api = new RuntimeApi(address);
            var log = Log.OfNothing();
            log.TakeConsole();
            var current = new CurrentInvocation(api, log);
            var handler = Handler.Of(typeof(StandIn).GetMethod(nameof(StandIn.Handle)), log);
            for (var round = 0; round < Rounds; round++)
            {
                var invocation = api.Next();
                current.Begin(invocation);
                current.Respond(handler.Call(invocation));
                current.Begin(api.Next());
                current.Fail(new InvalidOperationException("ë"));
            }
        }

        /// <summary>Give every request the same answer, which has an event in it.</summary>
        static void Answer(Socket listener)
        {
            var answer = Encoding.ASCII.GetBytes(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" +
                "Lambda-Runtime-Aws-Request-Id: none\r\nLambda-Runtime-Deadline-Ms: 0\r\n" +
                "Content-Length: 17\r\n\r\n{\"Text\": \"event\"}");
            try
            {
                using var connection = listener.Accept();
                var request = new byte[65536];
                while (connection.Receive(request) > 0)
                {
                    connection.Send(answer);
                }
            }
            catch (SocketException)
            {
                // The warm-up is over.
            }
        }
    }
}
