// A class library whose assembly names no serializer.

using System.IO;

namespace Bare
{
    public class Function
    {
        public string Text(string text) => text;

        public Stream Bytes(Stream input) => input;
    }
}
