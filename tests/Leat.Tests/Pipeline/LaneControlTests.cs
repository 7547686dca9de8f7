using Leat.Changes;
using Leat.Pipeline.Delivery;
using Xunit;

namespace Leat.Tests.Pipeline;

/// <summary>How many lanes, and how much each sends at once.</summary>
public sealed class LaneControlTests
{
    private readonly HandTime _time = new();

    [Theory]
    [InlineData(null, 64, false, 0, 4)]
    [InlineData(null, 64, false, 12, 12)] // as it was checkpointed
    [InlineData(null, 2, false, 0, 2)]
    [InlineData(null, 64, false, 60, 32)]
    [InlineData(50, 64, false, 4, 50)]
    [InlineData(50, 8, false, 0, 8)]
    [InlineData(8, 64, true, 0, 1)]
    public void The_number_at_the_start_is_what_the_file_says_or_what_was_before(int? asked, int most, bool whole, int before, int expected) =>
        Assert.Equal(expected, new LaneControl(asked, _time).Begin(new() { MaxLanes = most, WholeTransactions = whole }, before));

    [Fact]
    public void Lanes_that_everything_waits_for_become_more_while_that_helps()
    {
        var control = Begun();

        Assert.False(Pass(control, 9, rate: 1000, waiting: 0.75));
        Assert.True(Pass(control, 1, rate: 1000, waiting: 0.75));
        Assert.Equal(6, control.Lanes);
        control.Begin(new(), 0);
        Assert.True(Pass(control, 10, rate: 1400, waiting: 0.75));
        Assert.Equal(8, control.Lanes);
        control.Begin(new(), 0);
        Assert.True(Pass(control, 10, rate: 1420, waiting: 0.75));
        Assert.Equal(6, control.Lanes);
        Assert.Equal("more lanes did not help", control.Reason);
        control.Begin(new(), 0);
        Assert.False(Pass(control, 50, rate: 1400, waiting: 0.75));
        Assert.True(Pass(control, 20, rate: 1400, waiting: 0.75));
        Assert.Equal(8, control.Lanes);
    }

    [Fact]
    public void Lanes_that_nobody_waits_for_stay() => Assert.False(Pass(Begun(), 600, rate: 1000, waiting: 0.25));

    [Fact]
    public void A_busy_target_gets_half_the_lanes_soon_and_none_more_for_a_while()
    {
        var control = Begun();
        for (var i = 0; i < 3; i++)
            control.MetBusy();

        Assert.False(control.WantsChange());
        _time.Pass(TimeSpan.FromSeconds(2));
        Assert.True(control.WantsChange());
        Assert.Equal((2, "the target has too much to do"), (control.Lanes, control.Reason));
        control.Begin(new(), 0);
        Assert.False(Pass(control, 50, rate: 1000, waiting: 0.75));
        Assert.True(Pass(control, 20, rate: 1000, waiting: 0.75));
        Assert.Equal(4, control.Lanes);
    }

    [Fact]
    public void A_few_busy_answers_among_many_change_nothing()
    {
        var control = Begun();
        for (var i = 0; i < 1000; i++)
            control.Answered(TimeSpan.FromMilliseconds(5), 100, isFull: true, isBusy: i % 50 == 0);
        _time.Pass(TimeSpan.FromSeconds(10));

        Assert.False(control.WantsChange());
    }

    [Fact]
    public void Requests_that_take_ever_longer_halve_the_lanes()
    {
        var control = Begun();
        Assert.False(Window(control, 5));
        Assert.False(Window(control, 6));
        Assert.False(Window(control, 40));
        Assert.True(Window(control, 40));

        Assert.Equal((2, "the target takes ever longer"), (control.Lanes, control.Reason));
    }

    [Fact]
    public void A_target_that_keeps_offsets_is_asked_once_a_minute()
    {
        var control = Begun();
        control.Opened(keepsOffsets: true);

        Assert.False(Pass(control, 59, rate: 1000, waiting: 0.75));
        Assert.True(Pass(control, 1, rate: 1000, waiting: 0.75));
    }

    [Fact]
    public void A_number_from_the_file_never_changes()
    {
        var control = new LaneControl(4, _time);
        control.Begin(new(), 0);
        for (var i = 0; i < 100; i++)
            control.MetBusy();
        _time.Pass(TimeSpan.FromHours(1));

        Assert.False(control.WantsChange());
    }

    [Fact]
    public void A_batch_is_halved_by_a_busy_target_and_grows_by_steps()
    {
        var limit = new BatchLimit(new() { MaxBatchOperations = 1600, MaxBatchBytes = 160_000 });

        limit.Busy(1600, 90_000);
        Assert.Equal((800, 45_000), (limit.Operations, limit.Bytes));
        limit.Busy(100, 9_000);
        Assert.Equal((50, 4_500), (limit.Operations, limit.Bytes));
        limit.Answered();
        Assert.Equal((150, 14_500), (limit.Operations, limit.Bytes));
        for (var i = 0; i < 20; i++)
            limit.Answered();
        Assert.Equal((1600, 160_000), (limit.Operations, limit.Bytes));
        for (var i = 0; i < 20; i++)
            limit.Busy(1, 1);
        Assert.Equal((1, 1), (limit.Operations, limit.Bytes));
    }

    [Fact]
    public void A_batch_that_was_too_large_is_not_tried_again_until_a_thousand_others_went_well()
    {
        var limit = new BatchLimit(new() { MaxBatchOperations = 1000, MaxBatchBytes = 160_000 });

        limit.TooLarge(100_000);
        Assert.Equal((1000, 50_000), (limit.Operations, limit.Bytes));
        for (var i = 0; i < 999; i++)
            limit.Answered();
        Assert.Equal(99_999, limit.Bytes);
        limit.Answered();
        Assert.InRange(limit.Bytes, 100_000, 160_000);
    }

    private LaneControl Begun()
    {
        var control = new LaneControl(null, _time);
        control.Begin(new(), 0);
        return control;
    }

    // So many seconds in which the dispatcher waited for a part of each, asking at each.
    private bool Pass(LaneControl control, int seconds, int rate, double waiting)
    {
        var changed = false;
        for (var second = 0; second < seconds && !changed; second++)
        {
            var room = new TaskCompletionSource();
            var waited = control.WaitAsync(new ValueTask(room.Task));
            _time.Pass(TimeSpan.FromSeconds(waiting));
            room.SetResult();
            Assert.True(waited.IsCompletedSuccessfully);
            _time.Pass(TimeSpan.FromSeconds(1 - waiting));
            control.Answered(TimeSpan.FromMilliseconds(10), rate, isFull: false, isBusy: false);
            changed = control.WantsChange();
        }

        return changed;
    }

    private bool Window(LaneControl control, int milliseconds)
    {
        for (var i = 0; i < 50; i++)
            control.Answered(TimeSpan.FromMilliseconds(milliseconds), 100, isFull: true, isBusy: false);
        _time.Pass(TimeSpan.FromSeconds(10));
        return control.WantsChange();
    }

    private sealed class HandTime : TimeProvider
    {
        private long _now = 1;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Pass(TimeSpan time) => _now += time.Ticks;

        public override long GetTimestamp() => _now;
    }
}
