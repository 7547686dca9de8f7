using System.Globalization;
using System.Text.Json;
using Leat.Changes;
using Microsoft.Extensions.Logging;

namespace Leat.Output;

/// <summary>Form of the log on standard error.</summary>
public enum LogFormat
{
    /// <summary>One line an event, for people.</summary>
    Text = 0,

    /// <summary>One JSON object an event, for collectors.</summary>
    Json = 1,
}

/// <summary>Writes log events to standard error, one line each; never a stack trace for an error that says what to do.</summary>
internal sealed class ErrorLog : ILoggerProvider
{
    private readonly Lock _lock = new();
    private readonly Terminal _terminal;
    private readonly LogFormat _format;

    private ErrorLog(Terminal terminal, LogFormat format)
    {
        _terminal = terminal;
        _format = format;
    }

    /// <summary>Loggers that write events of at least <paramref name="level"/>; of the framework's own only warnings and worse.</summary>
    public static ILoggerFactory Factory(Terminal terminal, LogLevel level, LogFormat format) => LoggerFactory.Create(builder => builder
        .SetMinimumLevel(level)
        .AddFilter("Microsoft", level > LogLevel.Warning ? level : LogLevel.Warning)
        .AddFilter("System", level > LogLevel.Warning ? level : LogLevel.Warning)
        .AddFilter("Microsoft.Extensions.Hosting", LogLevel.None) // tells with a stack trace what is told as an error anyway
        .AddProvider(new ErrorLog(terminal, format)));

    public ILogger CreateLogger(string categoryName) => new Category(this, categoryName);

    public void Dispose() => _terminal.Error.Flush();

    private void Write(LogLevel level, EventId id, string category, string message, object? state, Exception? error)
    {
        var time = _terminal.Time.GetUtcNow();
        var line = _format == LogFormat.Json ? JsonLine(time, level, id, category, message, state, error) : TextLine(time, level, id, message, error);
        lock (_lock)
            _terminal.Error.WriteLine(line);
    }

    private string TextLine(DateTimeOffset time, LogLevel level, EventId id, string message, Exception? error)
    {
        var (word, color) = level switch
        {
            LogLevel.Trace => ("trace", Paint.Dim),
            LogLevel.Debug => ("debug", Paint.Dim),
            LogLevel.Information => ("info ", Paint.None),
            LogLevel.Warning => ("warn ", Paint.Yellow),
            _ => ("error", Paint.Red),
        };
        var painted = Paint.With(word, color, _terminal.UsesColor(error: true));
        var cause = error is null || message.Contains(error.Message, StringComparison.Ordinal) ? "" : $": {Describe(error)}";
        var at = time.ToString(_terminal.IsErrorTerminal ? "HH:mm:ss.fff" : "yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture); // a file is read days later
        return string.Create(CultureInfo.InvariantCulture, $"{at} {painted} {id.Id,4} {message}{cause}");
    }

    private static string JsonLine(DateTimeOffset time, LogLevel level, EventId id, string category, string message, object? state, Exception? error)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, CliJson.LineOptions))
        {
            json.WriteStartObject();
            json.WriteString("time", time.UtcDateTime);
            json.WriteString("level", level.ToString().ToLowerInvariant());
            json.WriteNumber("event", id.Id);
            json.WriteString("category", category);
            json.WriteString("message", message);
            if (state is IEnumerable<KeyValuePair<string, object?>> fields)
            {
                json.WriteStartObject("fields");
                foreach (var (key, value) in fields.Where(field => field.Key != "{OriginalFormat}"))
                    json.WriteString(key, Convert.ToString(value, CultureInfo.InvariantCulture));
                json.WriteEndObject();
            }

            if (error is not null)
                json.WriteString("error", Describe(error));
            json.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    // An error with a code says all there is to do; anything else is a defect, whose trace is needed.
    private static string Describe(Exception error) => error is LeatException ? error.Message : error.ToString();

    private sealed class Category(ErrorLog log, string name) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            log.Write(logLevel, eventId, name, formatter(state, exception), state, exception);
    }
}
