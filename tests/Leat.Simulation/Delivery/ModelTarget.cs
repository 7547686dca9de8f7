using Leat.Changes;

namespace Leat.Simulation.Delivery;

/// <summary>What a target holds. It lives on when the process ends.</summary>
internal sealed class ModelTarget
{
    // As long as Elasticsearch remembers that it deleted a document.
    private static readonly long TombstoneTicks = TimeSpan.FromSeconds(60).Ticks;

    private readonly SortedDictionary<string, Held> _rows = new(StringComparer.Ordinal);

    /// <summary>Rises when it is restarted: connections to the one before are broken.</summary>
    public int Generation { get; private set; }

    /// <summary>Offsets of the lanes, kept with the rows.</summary>
    public List<LaneRow> Lanes { get; } = [];

    /// <summary>Lines, each with its offset.</summary>
    public List<(long Offset, string Key, byte[]? Row)> Lines { get; } = [];

    /// <summary>Writes that it holds, or held once: offset and key. Kept with the lanes' offsets.</summary>
    public HashSet<(long Offset, string Key)> Applied { get; } = [];

    /// <summary>The rows.</summary>
    public IEnumerable<KeyValuePair<string, byte[]>> Rows
    {
        get
        {
            foreach (var (key, held) in _rows)
            {
                if (held.Row is { } row)
                    yield return new(key, row);
            }
        }
    }

    /// <summary>Whether another key holds a value of the unique index.</summary>
    public bool IsTaken(string key, int unique) => _rows.Any(held =>
        held.Value.Row is { } row && held.Key != key && held.Key.StartsWith("unique:", StringComparison.Ordinal)
        && ModelRow.Decode(ModelTable.All[0].Schema, row).U == unique);

    public void Restart() => Generation++;

    /// <summary>Writes if nothing newer is held.</summary>
    /// <returns>Whether it was written.</returns>
    public bool PutVersion(string key, byte[]? row, long version, long now)
    {
        if (_rows.TryGetValue(key, out var held) && held.Version >= version && (held.Row is not null || now - held.At < TombstoneTicks))
            return false;
        _rows[key] = new(row, version, now);
        return true;
    }

    /// <summary>Writes, whatever is held.</summary>
    public void Put(string key, byte[]? row)
    {
        if (row is null)
            _rows.Remove(key);
        else
            _rows[key] = new(row, 0, 0);
    }

    /// <summary>A lane begins: with its offset, or, when lanes are others than before, one that holds for all.</summary>
    public LaneRow Claim(LaneIdentity identity)
    {
        if (Lanes.Count != identity.Lanes || Lanes.Any(row => row.Epoch != identity.Epoch || row.LogId != identity.LogId))
        {
            var offset = Lanes.Count == 0 ? -1 : Lanes.Min(row => row.Offset);
            if (Lanes.Any(row => row.Epoch != identity.Epoch || row.LogId != identity.LogId))
                offset = Math.Min(offset, identity.Checkpoint - 1);
            Lanes.Clear();
            Lanes.AddRange(Enumerable.Range(0, identity.Lanes).Select(_ => new LaneRow(identity.LogId, identity.Epoch, offset)));
        }

        return Lanes[identity.Lane];
    }

    private readonly record struct Held(byte[]? Row, long Version, long At);

    /// <summary>The offset of one lane.</summary>
    internal sealed record LaneRow(Guid LogId, uint Epoch, long FirstOffset)
    {
        public long Offset { get; set; } = FirstOffset;
    }
}
