using Leat.Changes;

namespace Leat.Transform.Plan;

// From rows at the target back to those at the source.
public sealed partial class RowMap
{
    /// <summary>Whether the column that tells tables apart says that an output row is of this one; true where nothing tells them apart.</summary>
    public bool IsOfShard(ReadOnlySpan<byte> output)
    {
        if (_shard is not { } shard)
            return true;
        var reader = new RowReader(Output, output);
        return reader.Seek(Output.Find(shard.Column)) && reader.Bytes.SequenceEqual(shard.Value);
    }

    /// <summary>Whether a column tells its rows from those of other tables that are one with it.</summary>
    public bool TellsShard => _shard is not null;

    /// <summary>The source's row that has the key of an output row, with nothing but the key; <see langword="null"/> when it can have none, or when the key is computed.</summary>
    public byte[]? SourceKeyOf(ReadOnlySpan<byte> output)
    {
        if (IsKeyComputed)
            return null;
        var target = new RowBuilder();
        target.Begin(Source.Columns.Length, Source.IsPartial);
        var reader = new RowReader(Output, output);
        for (var ordinal = 0; ordinal < Source.Columns.Length; ordinal++)
        {
            var column = Source.Columns[ordinal];
            if (!Source.Key.Contains(ordinal))
            {
                target.WriteNull();
                continue;
            }

            reader.Seek(Output.Find(column.Name));
            if (reader.IsNull)
                target.WriteNull();
            else if (!ValueConversion.TryWrite(ref reader, column, target))
                return null;
        }

        return target.Row.ToArray();
    }
}
