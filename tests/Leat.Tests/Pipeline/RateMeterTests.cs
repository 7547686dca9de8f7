using Leat.Pipeline;
using Leat.Pipeline.Delivery;
using Leat.Pipeline.Status;
using Xunit;

namespace Leat.Tests.Pipeline;

public sealed class RateMeterTests
{
    [Fact]
    public void Looks_back_five_seconds_and_no_further()
    {
        var time = new SetTime();
        var meter = new RateMeter(time);
        for (var mark = 0; mark < 20; mark++)
        {
            meter.Mark(mark < 10 ? 0 : (mark - 10) * 500);
            time.Advance(TimeSpan.FromMilliseconds(500));
        }

        Assert.Equal(1000 * 5 / 5.5, meter.PerSecond(5000), precision: 6);
    }

    [Fact]
    public void Waits_double_up_to_the_limit_and_are_spread()
    {
        var backoff = new Backoff(seed: 1);
        var waits = Enumerable.Range(0, 12).Select(_ => backoff.Next().TotalMilliseconds).ToList();

        for (var i = 0; i < waits.Count; i++)
        {
            var full = Math.Min(100 * Math.Pow(2, i), 30_000);
            Assert.InRange(waits[i], full / 2, full);
        }

        Assert.Equal(12, backoff.Attempts);
        backoff.Reset();
        Assert.InRange(backoff.Next().TotalMilliseconds, 50, 100);
    }

    [Fact]
    public void A_checkpoint_reads_what_it_wrote()
    {
        var written = new Checkpoint(Guid.Parse("11111111-2222-3333-4444-555555555555"), 3, 99, 4711, "2;items;", [4702, -1]);

        var read = Checkpoint.FromJson(written.ToJson().Span);

        Assert.Equal(
            """{"log_id":"11111111-2222-3333-4444-555555555555","epoch":3,"incarnation":99,"offset":4711,"routing":"2;items;","lanes":[{"lane":0,"offset":4702},{"lane":1,"offset":-1}]}""",
            System.Text.Encoding.UTF8.GetString(written.ToJson().Span));
        Assert.Equal((written.LogId, written.Epoch, written.Incarnation, written.Offset, written.Routing), (read.LogId, read.Epoch, read.Incarnation, read.Offset, read.Routing));
        Assert.Equal(written.Lanes, read.Lanes);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"log_id":"x","epoch":1,"offset":1,"lanes":[]}""")]
    public void What_is_no_checkpoint_is_refused(string json) =>
        Assert.Throws<InvalidDataException>(() => Checkpoint.FromJson(System.Text.Encoding.UTF8.GetBytes(json)));

    private sealed class SetTime : TimeProvider
    {
        private long _now = 1;

        public override long TimestampFrequency => 10_000_000;

        public override long GetTimestamp() => _now;

        public void Advance(TimeSpan time) => _now += time.Ticks;
    }
}
