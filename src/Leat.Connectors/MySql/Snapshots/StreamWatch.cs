using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Connectors.MySql.Snapshots;

/// <summary>Sees the rows of the heartbeat table, which are not told on, and while the stream is between two marks the keys that transactions change.</summary>
/// <param name="chunks">The chunks under way.</param>
/// <param name="beaten">Told the time of each heartbeat of ours, microseconds since 1970 UTC.</param>
internal sealed class StreamWatch(Func<IReadOnlyList<Chunk>> chunks, Action<long> beaten)
{
    private readonly Func<IReadOnlyList<Chunk>> _chunks = chunks;
    private readonly List<(Chunk Chunk, string Key, bool IsPartial)> _open = [];

    /// <summary>Whether changed keys are wanted now.</summary>
    public bool IsBetween { get; private set; }

    /// <summary>A row of the heartbeat table.</summary>
    public void Beat(TableSchema schema, ReadOnlySpan<byte> after)
    {
        var reader = new RowReader(schema, after);
        if (!TrySeek(ref reader, "mark"))
            return;
        var mark = reader.UInt64;
        foreach (var chunk in _chunks())
        {
            if (chunk.FirstMark == mark)
                chunk.IsBetween = true;
            if (chunk.LastMark == mark)
                (chunk.IsBetween, chunk.IsDue) = (false, true);
        }

        IsBetween = _chunks().Any(chunk => chunk.IsBetween);
        if (TrySeek(ref reader, "beaten_at"))
            beaten(reader.Int64);
    }

    /// <summary>An image of a changed row, whose transaction may still be rolled back.</summary>
    public void Changed(TableSchema schema, ReadOnlySpan<byte> row)
    {
        foreach (var chunk in _chunks())
        {
            if (!chunk.IsBetween || chunk.Shape.Name != schema.Table)
                continue;
            if (schema.Key.IsEmpty || chunk.Shape.Schema.IsKeyless || chunk.Changed.Count + _open.Count >= Chunk.MostChangedKeys)
                chunk.IsSpoiled = true;
            else
                _open.Add((chunk, RowKeyText.Of(schema, row), schema.IsPartial));
        }
    }

    /// <summary>The open transaction counts.</summary>
    public void Commit()
    {
        foreach (var (chunk, key, isPartial) in _open)
            chunk.Changed[key] = isPartial || chunk.Changed.GetValueOrDefault(key);
        _open.Clear();
    }

    /// <summary>The open transaction does not count.</summary>
    public void Rollback() => _open.Clear();

    /// <summary>A transaction counts whose rows were told some time before.</summary>
    public void Spoil()
    {
        foreach (var chunk in _chunks())
            chunk.IsSpoiled |= chunk.IsBetween;
    }

    private static bool TrySeek(ref RowReader reader, string column)
    {
        var ordinal = reader.Schema.Find(column);
        return ordinal >= 0 && reader.Seek(ordinal);
    }
}
