using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Leat.Tests.Pipeline;

/// <summary>Keeps what is logged, as <c>id message</c>.</summary>
internal sealed class ListedLog : ILogger, ILoggerFactory
{
    public ConcurrentQueue<string> Lines { get; } = [];

    /// <summary>The messages of one event.</summary>
    public string[] Of(int id) => [.. Lines.Where(line => line.StartsWith($"{id} ", StringComparison.Ordinal)).Select(line => line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..])];

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        Lines.Enqueue($"{eventId.Id} {formatter(state, exception)}");

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public void Dispose()
    {
    }
}
