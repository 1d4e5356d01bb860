// How grave a line of the log is, by the names that AWS and .NET give it.

using System;

namespace Lambdad
{
    enum LogLevel
    {
        Trace,
        Debug,
        Information,
        Warning,
        Error,
        Critical,
    }

    static class Levels
    {
        /// <summary>Null when it is no name of a level.</summary>
        public static LogLevel? Parse(string name) => name?.ToUpperInvariant() switch
        {
            "TRACE" => LogLevel.Trace,
            "DEBUG" => LogLevel.Debug,
            "INFO" => LogLevel.Information,
            "INFORMATION" => LogLevel.Information,
            "WARN" => LogLevel.Warning,
            "WARNING" => LogLevel.Warning,
            "ERROR" => LogLevel.Error,
            "FATAL" => LogLevel.Critical,
            "CRITICAL" => LogLevel.Critical,
            _ => (LogLevel?)null,
        };

        /// <summary>As lines in text show it.</summary>
        public static string Label(LogLevel level) => level switch
        {
            LogLevel.Trace => "trce",
            LogLevel.Debug => "dbug",
            LogLevel.Information => "info",
            LogLevel.Warning => "warn",
            LogLevel.Error => "fail",
            _ => "crit",
        };
    }
}
