using Leat.Log;
using Leat.Log.Posix;
using Leat.Log.Tools;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.Tests.Log;

public sealed class LogScrubTests : IDisposable
{
    private readonly LogFixture _fixture = new();
    private readonly HandClock _time = new();

    [Fact]
    public async Task A_pass_reads_all_closed_segments_no_faster_than_it_may_and_once_a_day()
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);
        using var view = ToolFixture.View(folder);
        var bytes = view.Stream("shop").Segments.Where(segment => !segment.IsActive).Sum(segment => segment.Bytes);
        using var scrub = Scrub(folder, bytesPerSecond: 1000);

        var waited = Pass(scrub);

        Assert.Equal(bytes / 1000.0, waited.TotalSeconds, tolerance: 0.001);
        Assert.Equal(1, scrub.Passes);
        Assert.Equal(TimeSpan.FromDays(1) - waited, scrub.Step());
        Assert.Equal(1, scrub.Passes);
        _time.Advance(TimeSpan.FromDays(1));
        Pass(scrub);
        Assert.Equal(2, scrub.Passes);
        Assert.Empty(scrub.Findings);
    }

    [Fact]
    public async Task Damage_is_found_told_once_and_forgotten_when_it_is_gone()
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);
        var file = LogFixture.PathOf(folder, "shop", ToolFixture.Segments(folder)[1]);
        var good = File.ReadAllBytes(file);
        ToolFixture.Damage(file);
        using var scrub = Scrub(folder);

        Pass(scrub);
        var finding = Assert.Single(scrub.Findings);
        _time.Advance(TimeSpan.FromDays(1));
        Pass(scrub);
        Assert.Equal([finding], scrub.Findings);
        Assert.Equal((2070, "shop"), (finding.Code, finding.Stream));

        File.WriteAllBytes(file, good);
        _time.Advance(TimeSpan.FromDays(1));
        Pass(scrub);
        Assert.Empty(scrub.Findings);
    }

    [Fact]
    public async Task A_log_whose_segments_come_and_go_has_no_finding()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("shop", new() { SegmentBytes = 16 * 1024, RetentionBytes = 64 * 1024 });
        using var scrub = Scrub(_fixture.Folder);
        for (var i = 0; i < 30; i++)
        {
            await ToolFixture.FillAsync(stream, 20);
            _time.Advance(TimeSpan.FromDays(1));
            Pass(scrub);
            Assert.Empty(scrub.Findings);
        }

        Assert.Equal(30, scrub.Passes);
    }

    public void Dispose() => _fixture.Dispose();

    private LogScrub Scrub(string folder, long bytesPerSecond = 8 * 1024 * 1024) =>
        new(folder, new PosixDisk(), _time, new() { BytesPerSecond = bytesPerSecond }, NullLogger.Instance);

    // Steps until a pass is complete; returns how long it asked to wait in all.
    private TimeSpan Pass(LogScrub scrub)
    {
        var passes = scrub.Passes;
        var waited = TimeSpan.Zero;
        while (scrub.Passes == passes)
        {
            var wait = scrub.Step();
            _time.Advance(wait);
            waited += wait;
        }

        return waited;
    }

    private sealed class HandClock : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks;

        public void Advance(TimeSpan time) => _ticks += time.Ticks;
    }
}
