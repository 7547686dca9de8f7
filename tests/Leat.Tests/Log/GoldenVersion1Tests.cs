using System.Globalization;
using Leat.Log;
using Xunit;

namespace Leat.Tests.Log;

/// <summary>Folders that the first format wrote. They must open for ever, and give every record that they gave then.</summary>
/// <remarks>
/// <c>clean</c> was closed in an orderly way: two streams, closed segments, an aborted and a committed transaction. <c>torn</c> is what a
/// killed process left: an open transaction, and the first half of a batch at the end. Nothing writes these files any more.
/// </remarks>
public sealed class GoldenVersion1Tests : IDisposable
{
    private static readonly StreamOptions Options = new() { SegmentBytes = 8192 };

    private readonly LogFixture _fixture = new();

    [Fact]
    public void A_folder_that_was_closed_opens_and_gives_every_record()
    {
        using var log = _fixture.Open(_fixture.CopyAsIfKilled(Golden("clean")));

        Assert.Equal(["orders", "shop"], log.Streams);
        Assert.Equal(Expected("clean"), RecordsOf(log, "orders").Concat(RecordsOf(log, "shop")));
        Assert.Equal(1u, log.OpenStream("shop", Options).Epoch);
    }

    [Fact]
    public void A_folder_with_a_torn_tail_opens_and_gives_every_record_that_was_whole()
    {
        using var log = _fixture.Open(_fixture.CopyAsIfKilled(Golden("torn")));

        Assert.Equal(Expected("torn"), RecordsOf(log, "orders").Concat(RecordsOf(log, "shop")));
        Assert.Equal(2u, log.OpenStream("shop", Options).Epoch);
        Assert.Equal(1u, log.OpenStream("orders", Options).Epoch);
    }

    [Fact]
    public async Task A_folder_of_the_first_format_is_written_on()
    {
        var folder = _fixture.CopyAsIfKilled(Golden("clean"));
        using (var log = _fixture.Open(folder))
            await LogFixture.AppendSyncedAsync(log.OpenStream("shop", Options), "one more");

        using var again = _fixture.Open(folder);
        var values = LogFixture.ReadAll(again.OpenStream("shop", Options));
        Assert.EndsWith("=one more", values[^1], StringComparison.Ordinal);
        Assert.Equal(Expected("clean").Count(line => line.StartsWith("shop ", StringComparison.Ordinal)) + 1, values.Count);
    }

    public void Dispose() => _fixture.Dispose();

    private static string Golden(string name) => Repository.Path($"tests/Leat.Tests/Log/Golden/v1/{name}/log");

    private static List<string> Expected(string name) => [.. File.ReadAllLines(Repository.Path($"tests/Leat.Tests/Log/Golden/v1/{name}/records.txt"))];

    // stream, offset, time, key in hexadecimal (- : none), value in hexadecimal
    private static List<string> RecordsOf(LogDirectory log, string name)
    {
        var lines = new List<string>();
        var stream = log.OpenStream(name, Options);
        using var reader = stream.NewReader(stream.StartOffset);
        while (reader.Read(4096) is { } block)
        {
            using (block)
            {
                var records = block.Records();
                while (records.MoveNext())
                {
                    var key = records.KeyLength < 0 ? "-" : Convert.ToHexString(block.Buffer, records.KeyStart, records.KeyLength);
                    var value = Convert.ToHexString(block.Buffer, records.ValueStart, records.ValueLength);
                    lines.Add(string.Create(CultureInfo.InvariantCulture, $"{name} {records.Offset} {records.TimestampMs} {key} {value}"));
                }
            }
        }

        return lines;
    }
}
