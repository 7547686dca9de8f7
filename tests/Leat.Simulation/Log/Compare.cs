namespace Leat.Simulation.Log;

/// <summary>Compares what was read with what must be there.</summary>
internal static class Compare
{
    /// <summary>Every record from an offset to before another, and no other.</summary>
    public static void All(LogModel model, List<ModelRecord> found, long from, long next, string how)
    {
        var at = model.IndexOf(from);
        foreach (var record in found)
        {
            Violation.Unless(at < model.Readable.Count, $"offset {record.Offset} was read {how} and was never committed");
            Violation.Unless(record == model.Readable[at], $"{record} was read {how}, expected {model.Readable[at]}");
            at++;
        }

        Violation.Unless(
            at == model.IndexOf(next), $"reading {how} from {from} to {next} passed over offset {(at < model.Readable.Count ? model.Readable[at].Offset : -1)}");
    }

    /// <summary>The same for a stream that is compacted: what is missing has a successor with its key, or says that a key went long ago; and no key comes back.</summary>
    public static void Compacted(LogModel model, List<ModelRecord> found, long from, long next, string how, double tombstonesBefore)
    {
        var newest = new Dictionary<int, ModelRecord>();
        foreach (var record in model.Readable)
            newest[record.Key] = record;
        var alive = new HashSet<int>();
        var i = 0;
        for (var at = model.IndexOf(from); at < model.IndexOf(next); at++)
        {
            var expected = model.Readable[at];
            var isThere = i < found.Count && found[i].Offset == expected.Offset;
            if (isThere)
            {
                Violation.Unless(found[i] == expected, $"{found[i]} was read {how}, expected {expected}");
                alive.Add(expected.Key);
                i++;
                continue;
            }

            var isSuperseded = expected.Key >= 0 && newest[expected.Key].Offset > expected.Offset;
            var isForgotten = expected is { Key: >= 0, Bytes: < 0 } && expected.TimeMs <= tombstonesBefore;
            Violation.Unless(isSuperseded || isForgotten, $"reading {how} from {from} to {next} passed over {expected}");
            Violation.Unless(isSuperseded || !alive.Contains(expected.Key), $"key {expected.Key} came back: it went at offset {expected.Offset}");
        }

        Violation.Unless(i == found.Count, $"offset {(i < found.Count ? found[i].Offset : -1)} was read {how} and was never committed");
    }
}
