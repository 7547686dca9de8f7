using Microsoft.Extensions.Logging;
using Xunit;

namespace Leat.Simulation.Delivery;

/// <summary>Tells what is logged in the test's output.</summary>
internal sealed class OutputLogger(ITestOutputHelper output) : ILoggerFactory, ILogger
{
    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
        // There is no other.
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        output.WriteLine(formatter(state, exception) + (exception is null ? "" : Environment.NewLine + exception));

    public void Dispose()
    {
        // Nothing is held.
    }
}
