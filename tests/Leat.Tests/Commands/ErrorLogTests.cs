using Leat.Changes;
using Leat.Output;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Leat.Tests.Commands;

public sealed partial class ErrorLogTests
{
    [Fact]
    public void Text_is_one_line_an_event_with_time_level_and_id()
    {
        var lines = Logged(LogFormat.Text, log => Lost(log, null, "shop"));

        Assert.Equal("2026-05-04T12:00:00.250Z warn  9001 Source shop was lost\n", lines);
    }

    [Fact]
    public void On_a_terminal_the_day_is_known() =>
        Assert.Equal("12:00:00.250 warn  9001 Source shop was lost\n", Logged(LogFormat.Text, log => Lost(log, null, "shop"), isTerminal: true));

    [Fact]
    public void An_error_with_a_code_says_all_and_shows_no_stack()
    {
        var error = new RetriableException(new(4201), "Redis at here:1 is not there.", "Start it.");

        Assert.Equal(
            "2026-05-04T12:00:00.250Z warn  9001 Source shop was lost: Redis at here:1 is not there. Start it. [LEAT-4201]\n",
            Logged(LogFormat.Text, log => Lost(log, error, "shop")));
    }

    [Fact]
    public void Any_other_error_is_shown_with_its_type() => Assert.Equal(
        "2026-05-04T12:00:00.250Z warn  9001 Source shop was lost: System.InvalidOperationException: odd\n",
        Logged(LogFormat.Text, log => Lost(log, new InvalidOperationException("odd"), "shop")));

    [Fact]
    public void Json_is_one_object_a_line_with_every_field() => Assert.Equal(
        "{\"time\":\"2026-05-04T12:00:00.25Z\",\"level\":\"warning\",\"event\":9001,\"category\":\"Test\",\"message\":\"Source shop was lost\","
        + "\"fields\":{\"Source\":\"shop\"},\"error\":\"System.InvalidOperationException: odd\"}\n",
        Logged(LogFormat.Json, log => Lost(log, new InvalidOperationException("odd"), "shop")));

    [Fact]
    public void What_is_below_the_level_is_not_written() => Assert.Equal("", Logged(LogFormat.Text, log => Fine(log), LogLevel.Warning));

    private static string Logged(LogFormat format, Action<ILogger> write, LogLevel level = LogLevel.Information, bool isTerminal = false)
    {
        using var output = new StringWriter();
        var terminal = new Terminal
        {
            Out = TextWriter.Null, Error = output, IsOutTerminal = false, IsErrorTerminal = isTerminal, Variable = name => name == "NO_COLOR" ? "1" : null, Time = new Noon(),
        };
        using (var loggers = ErrorLog.Factory(terminal, level, format))
            write(loggers.CreateLogger("Test"));
        return output.ToString();
    }

    [LoggerMessage(9001, LogLevel.Warning, "Source {Source} was lost")]
    private static partial void Lost(ILogger log, Exception? cause, string source);

    [LoggerMessage(9002, LogLevel.Information, "All is fine")]
    private static partial void Fine(ILogger log);

    private sealed class Noon : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2026, 5, 4, 12, 0, 0, 250, TimeSpan.Zero);
    }
}
