// A program in .NET that waited for its function and becomes another program, with all that it has.

using System;
using System.Collections;
using System.Linq;
using System.Runtime.InteropServices;

public class Takeover
{
    const string Program = "/usr/bin/python3";

    [DllImport("libc")]
    static extern int execve(string path, string[] arguments, string[] variables);

    static Takeover()
    {
        Environment.SetEnvironmentVariable("_HANDLER", "app.handler");
        var variables = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .Select(variable => variable.Key + "=" + variable.Value).Append(null).ToArray();
        execve(Program, new[] { Program, "/var/task/runtime/bootstrap.py", null }, variables);
    }

    public void Handle()
    {
    }
}
