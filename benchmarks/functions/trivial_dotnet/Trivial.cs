using System.IO;
using System.Text;

/// <summary>The least that a function can do. The count tells a cold invocation, 1, from a warm
/// one.</summary>
public class Trivial
{
    private static int count = 0;

    public Stream Handle(Stream input)
    {
        count++;
        return new MemoryStream(Encoding.UTF8.GetBytes($"{{\"count\":{count}}}"));
    }
}
