// One function that does what its event says; the same one there is in every language.

using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Threading;
using Amazon.Lambda.Core;
using Amazon.Lambda.Serialization.SystemTextJson;

[assembly: LambdaSerializer(typeof(DefaultLambdaJsonSerializer))]

namespace Conformance
{
    public class NoSuchLuck : Exception
    {
        public NoSuchLuck(string message)
            : base(message)
        {
        }
    }

    public class Function
    {
        const int Piece = 8 << 20;
        static readonly List<byte[]> held = new List<byte[]>();
        static int count;

        public object Handle(JsonElement input, ILambdaContext context)
        {
            count++;
            switch (Text(input, "do"))
            {
                case "echo": return input.GetProperty("value");
                case "context": return Describe(context);
                case "count": return count;
                case "environment": return Variables(input);
                case "big": return new string('x', Number(input, "size"));
                case "size": return Text(input, "text").Length;
                case "fail": return troublemaker(Text(input, "message"));
                case "custom": throw new NoSuchLuck(Text(input, "message"));
                case "sleep": return Sleep(Number(input, "ms"));
                case "allocate": return Allocate(Number(input, "mb"));
                case "exit": return Exit(Number(input, "status"));
                case "print": return Print(input);
                case "log": return Log(context, input);
                case "unserializable": return new Circle();
                case "files": return Files();
                case "clock": return Clock();
                case "text": return EncodingOf(Text(input, "text"));
                case "resolve": return Resolve(Text(input, "host"));
                case "tls": return Authorities();
                case "child": return Child(Text(input, "command"));
                case "sigterm": return SayGoodbye();
                default: throw new ArgumentException("no such thing to do");
            }
        }

        static object Describe(ILambdaContext context) => new
        {
            request_id = context.AwsRequestId,
            function_name = context.FunctionName,
            version = context.FunctionVersion,
            arn = context.InvokedFunctionArn,
            memory = context.MemoryLimitInMB,
            log_group = context.LogGroupName,
            log_stream = context.LogStreamName,
            remaining_ms = (long)context.RemainingTime.TotalMilliseconds,
        };

        static object Variables(JsonElement input) => input.GetProperty("names").EnumerateArray()
            .ToDictionary(name => name.GetString(), name => Environment.GetEnvironmentVariable(name.GetString()));

        static object troublemaker(string message) => throw new ArgumentException(message);

        static string Sleep(int ms)
        {
            Thread.Sleep(ms);
            return "slept";
        }

        static string Allocate(int mb)
        {
            while ((long)held.Count * Piece < (long)mb << 20)
            {
                var piece = new byte[Piece];
                Array.Fill(piece, (byte)1);
                held.Add(piece);
            }
            return "held";
        }

        static string Exit(int status)
        {
            Environment.Exit(status);
            return "never";
        }

        static string Print(JsonElement input)
        {
            foreach (var line in input.GetProperty("lines").EnumerateArray())
            {
                Console.WriteLine(line.GetString());
            }
            return "printed";
        }

        static string Log(ILambdaContext context, JsonElement input)
        {
            context.Logger.Log(Text(input, "level"), Text(input, "message"));
            return "logged";
        }

        static object Files()
        {
            const string path = "/tmp/written";
            File.WriteAllText(path, "ë");
            var refused = "none";
            try
            {
                var root = Environment.GetEnvironmentVariable("LAMBDA_TASK_ROOT");
                File.WriteAllText(Path.Combine(root, "written"), "ë");
            }
            catch (Exception error)
            {
                refused = error.GetType().Name;
            }
            return new { tmp = File.ReadAllText(path) == "ë", task = refused };
        }

        static object Clock() => new
        {
            zone = TimeZoneInfo.Local.Id,
            hour_offset = (int)DateTimeOffset.Now.Offset.TotalMinutes,
        };

        static object EncodingOf(string text) => new
        {
            encoding = Encoding.Default.WebName,
            length = new System.Globalization.StringInfo(text).LengthInTextElements,
        };

        static object Resolve(string host)
        {
            try
            {
                return Dns.GetHostAddresses(host)[0].ToString();
            }
            catch (SocketException error)
            {
                return new { error = error.GetType().Name };
            }
        }

        static int Authorities()
        {
            using var store = new X509Store(StoreName.Root, StoreLocation.LocalMachine);
            store.Open(OpenFlags.ReadOnly);
            return store.Certificates.Count;
        }

        static string Child(string command)
        {
            var start = new ProcessStartInfo("/bin/sh") { RedirectStandardOutput = true };
            start.ArgumentList.Add("-c");
            start.ArgumentList.Add(command == "" ? "echo $NAME" : command);
            using var shell = Process.Start(start);
            return shell.StandardOutput.ReadToEnd().Trim();
        }

        static string SayGoodbye()
        {
            AppDomain.CurrentDomain.ProcessExit += (_, __) => Console.WriteLine("goodbye");
            return "ready";
        }

        static string Text(JsonElement input, string name) =>
            input.TryGetProperty(name, out var text) ? text.GetString() : "";

        static int Number(JsonElement input, string name) => input.GetProperty(name).GetInt32();

        class Circle
        {
            public Circle Itself => this;
        }
    }
}
