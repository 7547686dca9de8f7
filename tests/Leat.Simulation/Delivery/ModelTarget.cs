using Leat.Changes;
using Leat.Simulation.Delivery.Rows;

namespace Leat.Simulation.Delivery;

/// <summary>What a target holds. It lives on when the process ends.</summary>
internal sealed class ModelTarget
{
    // As long as Elasticsearch remembers that it deleted a document.
    private static readonly long TombstoneTicks = TimeSpan.FromSeconds(60).Ticks;

    private SortedDictionary<string, Held> _rows = new(StringComparer.Ordinal);

    /// <summary>Rises when it is restarted: connections to the one before are broken.</summary>
    public int Generation { get; private set; }

    /// <summary>Who wrote last; where lanes' offsets are kept, those tell it.</summary>
    public TargetMarker? Marker
    {
        get => Lanes.Count == 0 ? field : new(Lanes[0].LogId, Lanes.Max(row => row.Epoch), Lanes.Max(row => row.Offset) + 1) { Lanes = [.. Lanes.Select(row => row.Offset)] };
        set;
    }

    /// <summary>The marker that was there before the last was written.</summary>
    public TargetMarker? MarkerBefore { get; set; }

    /// <summary>Offsets of the lanes, kept with the rows.</summary>
    public List<LaneRow> Lanes { get; private set; } = [];

    /// <summary>Lines, each with its offset.</summary>
    public List<(long Offset, string Key, byte[]? Row)> Lines { get; } = [];

    /// <summary>Writes that it holds, or held once: offset and key. Kept with the lanes' offsets.</summary>
    public HashSet<(long Offset, string Key)> Applied { get; private set; } = [];

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

    /// <summary>Whether another key holds the value of the unique index that a row has.</summary>
    public bool IsTaken(string key, byte[] row)
    {
        var schema = ModelTable.All[0].Schema;
        return ModelRow.Decode(schema, row).U is { } unique && _rows.Any(held =>
            held.Value.Row is { } other && held.Key != key && held.Key.StartsWith("unique:", StringComparison.Ordinal) && ModelRow.Decode(schema, other).U == unique);
    }

    /// <summary>What it holds under a key.</summary>
    public byte[]? Find(string key) => _rows.TryGetValue(key, out var held) ? held.Row : null;

    public void Restart() => Generation++;

    /// <summary>What it holds now, to be put back later.</summary>
    public ModelTarget Copy() => new()
    {
        _rows = new(_rows, StringComparer.Ordinal), Marker = Marker, Applied = [.. Applied], Lanes = [.. Lanes.Select(row => new LaneRow(row.LogId) { Epoch = row.Epoch, Offset = row.Offset })],
    };

    /// <summary>Holds what the other did.</summary>
    public void Become(ModelTarget other)
    {
        var copy = other.Copy();
        (_rows, Applied, Lanes, Marker) = (copy._rows, copy.Applied, copy.Lanes, other.Lanes.Count == 0 ? other.Marker : null);
        Restart();
    }

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

    /// <summary>A lane begins: with its own offset where it holds, or, when lanes are others than before, with one that holds for all.</summary>
    public LaneRow Claim(LaneIdentity identity)
    {
        var isOfLanes = Lanes.Count == identity.Lanes && Lanes.All(row => row.LogId == identity.LogId);
        if (isOfLanes && Lanes.All(row => identity.Holds(row.Epoch)))
        {
            foreach (var row in Lanes)
                row.Epoch = identity.Epoch;
        }
        else if (!isOfLanes || Lanes.Any(row => row.Epoch != identity.Epoch))
        {
            var offset = Lanes.Count == 0 ? -1 : Lanes.Min(row => row.Offset);
            if (Lanes.Any(row => row.Epoch != identity.Epoch))
                offset = Math.Min(offset, identity.Checkpoint - 1);
            if (Lanes.Any(row => row.LogId != identity.LogId))
                offset = -1;
            Lanes.Clear();
            Lanes.AddRange(Enumerable.Range(0, identity.Lanes).Select(_ => new LaneRow(identity.LogId) { Epoch = identity.Epoch, Offset = offset }));
        }

        return Lanes[identity.Lane];
    }

    private readonly record struct Held(byte[]? Row, long Version, long At);

    /// <summary>The offset of one lane.</summary>
    internal sealed class LaneRow(Guid logId)
    {
        public Guid LogId => logId;

        public uint Epoch { get; set; }

        public long Offset { get; set; }
    }
}
