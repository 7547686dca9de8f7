using Xunit;

namespace Leat.Tests.Commands;

public sealed class ProgramSignalTests : IDisposable
{
    private readonly HandClock _clock = new();
    private readonly Signals _signals;

    public ProgramSignalTests() => _signals = new(_clock);

    public void Dispose() => _signals.Dispose();

    [Fact]
    public void The_first_asks_to_stop_and_says_with_which_code()
    {
        Assert.False(_signals.Stopping.IsCancellationRequested);

        Assert.False(_signals.IsSecond(ExitCodes.Interrupted));

        Assert.True(_signals.Stopping.IsCancellationRequested);
        Assert.Equal(ExitCodes.Interrupted, _signals.ExitCode);
    }

    [Fact]
    public void The_same_again_at_once_is_what_timeout_sends_to_the_group_too()
    {
        Assert.False(_signals.IsSecond(ExitCodes.Terminated));
        _clock.Ticks += 499;

        Assert.False(_signals.IsSecond(ExitCodes.Terminated));
        Assert.Equal(ExitCodes.Terminated, _signals.ExitCode);
    }

    [Theory]
    [InlineData(ExitCodes.Terminated, 500)]
    [InlineData(ExitCodes.Interrupted, 0)]
    public void The_same_later_or_another_one_is_a_second(int second, long afterMs)
    {
        Assert.False(_signals.IsSecond(ExitCodes.Terminated));
        _clock.Ticks += afterMs;

        Assert.True(_signals.IsSecond(second));
    }

    private sealed class HandClock : TimeProvider
    {
        public long Ticks { get; set; } = 1_000;

        public override long TimestampFrequency => 1_000;

        public override long GetTimestamp() => Ticks;
    }
}
