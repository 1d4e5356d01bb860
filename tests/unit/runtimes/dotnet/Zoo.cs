// Handlers of the tests, one for each thing that a handler may be or do.

using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Amazon.Lambda.Core;
using Amazon.Lambda.Serialization.SystemTextJson;

[assembly: LambdaSerializer(typeof(DefaultLambdaJsonSerializer))]

namespace Zoo
{
    public class Animal
    {
        public string Name { get; set; }

        public int Legs { get; set; }
    }

    public class Unlucky : Exception
    {
        public override string Message => throw new InvalidOperationException("hostile");

        public override string StackTrace => throw new InvalidOperationException("hostile");
    }

    public class Hostile
    {
        public string Name => throw new InvalidOperationException("hostile");
    }

    public sealed class ShoutingSerializer : ILambdaSerializer
    {
        public T Deserialize<T>(Stream requestStream) => (T)(object)"whatever";

        public void Serialize<T>(T response, Stream responseStream) =>
            responseStream.Write(Encoding.UTF8.GetBytes($"\"{response}\"".ToUpperInvariant()));
    }

    public class Animals
    {
        int calls;

        public Animal Pojo(Animal animal) => new Animal { Name = animal.Name, Legs = animal.Legs + 1 };

        public string Text(string text) => text + text.Length;

        public static string Static(string text) => text;

        public int Count() => ++calls;

        public void Nothing(string text)
        {
        }

        public async Task<string> Later(string text)
        {
            await Task.Delay(1);
            return text;
        }

        public async Task LaterNothing(string text) => await Task.Yield();

        public Stream Bytes(Stream input) => input;

        public async Task<Stream> BytesLater(Stream input, ILambdaContext context)
        {
            await Task.Yield();
            return input;
        }

        public string OnlyContext(ILambdaContext context) => context.FunctionName;

        [LambdaSerializer(typeof(ShoutingSerializer))]
        public string OwnSerializer(string text) => text;

        public string Overloaded(string text) => text;

        public string Overloaded(int number) => "number";

        public async void AsyncVoid(string text) => await Task.Yield();

        public string TooMany(string a, string b) => a + b;

        public Dictionary<string, object> Context(object input, ILambdaContext context) =>
            new Dictionary<string, object>
            {
                ["request"] = context.AwsRequestId,
                ["name"] = context.FunctionName,
                ["version"] = context.FunctionVersion,
                ["arn"] = context.InvokedFunctionArn,
                ["memory"] = context.MemoryLimitInMB,
                ["group"] = context.LogGroupName,
                ["stream"] = context.LogStreamName,
                ["remaining"] = context.RemainingTime.TotalMilliseconds > 1000,
                ["tenant"] = context.TenantId,
                ["trace"] = context.TraceId,
                ["variable"] = Environment.GetEnvironmentVariable("_X_AMZN_TRACE_ID"),
                ["custom"] = context.ClientContext?.Custom["a"],
                ["environment"] = context.ClientContext?.Environment.Count,
                ["title"] = context.ClientContext?.Client.AppTitle,
                ["identity"] = context.Identity.IdentityId,
                ["pool"] = context.Identity.IdentityPoolId,
            };

        public string Throw(string message) => throw new ArgumentException(message);

        public async Task<string> ThrowLater(string message)
        {
            await Task.Yield();
            throw new ArgumentException(message);
        }

        public Task<string> ThrowSeveral(string message) => Task.WhenAll(
            Task.FromException<string>(new ArgumentException(message))).ContinueWith(all => all.Result[0]);

        public string ThrowCause(string message) =>
            throw new InvalidOperationException("outer", new ArgumentException(message));

        public string ThrowEmptyWrapper(string message) =>
            throw new System.Reflection.TargetInvocationException(message, null);

        public string ThrowHostile(string message) => throw new Unlucky();

        public string CrashBeside(string message)
        {
            new Thread(() => throw new ArgumentException(message)).Start();
            Thread.Sleep(Timeout.Infinite);
            return "never";
        }

        public string Print(string text)
        {
            Console.WriteLine(text);
            Console.WriteLine("{0} of {1}", 1, 2);
            Console.WriteLine(5);
            Console.Out.WriteLine(new StringBuilder("built"));
            Console.Write("raw ");
            Console.Error.WriteLine("bad");
            return "printed";
        }

        public string Logs(string text, ILambdaContext context)
        {
            LambdaLogger.Log("static");
            LambdaLogger.Log(LogLevel.Warning, "static {what}", text);
            context.Logger.LogLine("line");
            context.Logger.LogInformation("information");
            context.Logger.LogWarning("{name} has {legs:000} legs", text, 4);
            context.Logger.Log(LogLevel.Debug, "debug");
            context.Logger.Log("Critical", "critical");
            context.Logger.LogError(new ArgumentException("no"), "error");
            return "logged";
        }
    }

    public class Templates
    {
        public void Handle(string text, ILambdaContext context)
        {
            var logger = context.Logger;
            var log = new Action<string, object[]>(logger.LogWarning);
            log("{id:Q} {id:N}", new object[] { Guid.Empty, Guid.Empty });
            log("{{lit}} {after} {{{again}}} {none}", new object[] { 1, 2 });
            log("{@animal}", new object[] { new Animal { Name = text, Legs = 4 } });
            log("{animal} {@bad}", new object[] { new Animal(), new Hostile() });
            log("{list}", new object[] { new List<string> { text, null } });
            log("{map}", new object[] { new Dictionary<string, int> { [text] = 1 } });
            log("{s} {f} {u} {b}", new object[] { (short)-1, 1.5f, 4000000000u, (byte)255 });
            log("{yes} {c} {grade} {nan}", new object[] { true, 'c', LogLevel.Error, double.NaN });
            var time = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc);
            log("{time} {time:yyyy} {zoned}", new object[] { time, time, new DateTimeOffset(time) });
            log("{nothing}{@none}", new object[] { null, null });
        }
    }

    public class BadStart
    {
        public BadStart() => throw new ArgumentException("no start");

        public string Handle(string text) => text;
    }
}
