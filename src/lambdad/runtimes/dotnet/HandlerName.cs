// The name of a handler: `Assembly::Namespace.Class::Method`, or an assembly alone, which is a
// program that speaks to the Runtime API itself.

namespace Lambdad
{
    sealed class HandlerName
    {
        readonly string text;

        HandlerName(string text, string[] parts)
        {
            this.text = text;
            IsExecutable = parts.Length == 1 && parts[0] != "";
            IsComplete = parts.Length == 3 && parts[0] != "" && parts[1] != "" && parts[2] != "";
            Assembly = parts[0];
            Type = IsComplete ? parts[1] : "";
            Method = IsComplete ? parts[2] : "";
        }

        public bool IsExecutable { get; }
        public bool IsComplete { get; }
        public string Assembly { get; }
        public string Type { get; }
        public string Method { get; }

        public static HandlerName Parse(string text) => new HandlerName(text, text.Split("::"));

        public override string ToString() => text;
    }
}
