using System.Globalization;
using System.Text;
using Leat.Log;
using Xunit;

namespace Leat.IntegrationTests.Log;

/// <summary>What runs of <see cref="LogScenario"/> were told to be durable, and the check that a folder still has it.</summary>
internal sealed class ScenarioHistory
{
    private const int KeptAcknowledgementsBeforeDelete = 24;

    private readonly Dictionary<string, SortedSet<long>> _acknowledged = new(StringComparer.Ordinal);
    private bool _isDeletedNow;
    private bool _mayBeDeleted;

    /// <summary>Records acknowledged in all, but for those of a stream deleted since.</summary>
    public int Acknowledged => _acknowledged.Values.Sum(offsets => offsets.Count);

    /// <summary>A history that goes on from here without changing this one.</summary>
    public ScenarioHistory Copy()
    {
        var copy = new ScenarioHistory { _isDeletedNow = _isDeletedNow, _mayBeDeleted = _mayBeDeleted };
        foreach (var (stream, offsets) in _acknowledged)
            copy._acknowledged[stream] = [.. offsets];
        return copy;
    }

    /// <summary>Takes in what a run told before it ended, however it ended.</summary>
    /// <param name="run">The run.</param>
    /// <param name="certain">Lines that count; what was told later may have been overtaken by the power cut.</param>
    public void Add(ScenarioProcess run, int certain = int.MaxValue)
    {
        var kept = run.Lines.Count(line => line.StartsWith("ack kept", StringComparison.Ordinal));
        _isDeletedNow = false; // whoever opens the stream makes it anew
        foreach (var words in run.Lines.Take(certain).Select(line => line.Split(' ')))
        {
            if (words[0] == "deleted")
            {
                _isDeletedNow = true;
                _acknowledged.Remove("gone");
            }
            else if (words[0] == "ack")
            {
                Add(words[1], long.Parse(words[2], CultureInfo.InvariantCulture), int.Parse(words[3], CultureInfo.InvariantCulture));
            }
        }

        _mayBeDeleted |= kept >= KeptAcknowledgementsBeforeDelete;
    }

    /// <summary>Opens the folder as the next start would, and again: nothing acknowledged is missing, nothing else is there.</summary>
    public void Check(string folder, string what)
    {
        var first = Read(folder, what);
        var second = Read(folder, what);
        Assert.True(first.SequenceEqual(second), $"{what}: the second start reads {second.Count} records, the first {first.Count}");
    }

    private void Add(string stream, long first, int count)
    {
        if (!_acknowledged.TryGetValue(stream, out var offsets))
            _acknowledged.Add(stream, offsets = []);
        if (stream == "gone" && _mayBeDeleted)
        {
            // Begun anew when the run that deleted it was cut off before it could say so.
            if (offsets.Count > 0 && first <= offsets.Max)
                offsets.Clear();
            _mayBeDeleted = false;
        }

        for (var offset = first; offset < first + count; offset++)
            offsets.Add(offset);
    }

    private List<string> Read(string folder, string what)
    {
        var all = new List<string>();
        using var log = LogScenario.Open(folder, new LogScenario.OneThread());
        foreach (var name in (string[])["kept", "packed", "gone"])
        {
            var isThere = log.Streams.Contains(name);
            Assert.True(isThere || !_acknowledged.ContainsKey(name) || (name == "gone" && _mayBeDeleted), $"{what}: stream {name} is missing");
            Assert.False(isThere && name == "gone" && _isDeletedNow, $"{what}: the deleted stream is back");
            if (isThere)
                all.AddRange(ReadAll(log.OpenStream(name, LogScenario.OptionsOf(name)), what));
        }

        return all;
    }

    private List<string> ReadAll(StreamPartition stream, string what)
    {
        var values = new List<string>();
        var missing = _acknowledged.TryGetValue(stream.Name, out var offsets) ? new SortedSet<long>(offsets.Where(offset => offset >= stream.StartOffset)) : [];
        Assert.True(stream.Name == "kept" || stream.StartOffset == 0, $"{what}: stream {stream.Name} starts at {stream.StartOffset}");
        using var reader = stream.NewReader(stream.StartOffset);
        while (reader.Read(64 * 1024) is { } block)
        {
            using (block)
            {
                var records = block.Records();
                while (records.MoveNext())
                {
                    var value = Encoding.ASCII.GetString(block.Buffer, records.ValueStart, records.ValueLength);
                    Assert.Equal($"{what}: {LogScenario.ValueOf(stream.Name, records.Offset, isAborted: false)}", $"{what}: {value}");
                    missing.Remove(records.Offset);
                    values.Add(value);
                }
            }
        }

        Assert.True(missing.Count == 0 || (stream.Name == "gone" && _mayBeDeleted), $"{what}: {missing.Count} acknowledged records of {stream.Name} are lost, from offset {missing.FirstOrDefault()} on");
        return values;
    }
}
