using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;
using Leat.Changes;

namespace Leat.Transform.Plan.Documents;

/// <summary>A row of another table that becomes part of the object that it is joined to.</summary>
internal sealed class Merge
{
    private readonly ArrayBufferWriter<byte> _text = new();
    private readonly Utf8JsonWriter _json;
    private readonly RowOrder _order;
    private int _slot;

    public Merge(Join join, bool isRequired, ImmutableArray<ObjectField>? fields)
    {
        Join = join;
        IsRequired = isRequired;
        Object = fields is { } named ? new(join.From.Held, named) : null;
        _json = ObjectWriter.Writer(_text);
        _order = new(join.From.Rows, [.. join.From.Held.Key.Select(ordinal => (ordinal, false))]);
    }

    /// <summary>How the row is found.</summary>
    public Join Join { get; }

    /// <summary>Whether there is no object without it.</summary>
    public bool IsRequired { get; }

    /// <summary>Writes it as an object of its own; <see langword="null"/> when its fields stand in the one that it is joined to.</summary>
    public ObjectWriter? Object { get; }

    /// <summary>Finds the row, of several the one with the lowest key, and writes its columns; NULLs without one.</summary>
    /// <returns>False when it is missing and required.</returns>
    public bool TryAppend(ReadOnlySpan<byte> toRow, RowBuilder target)
    {
        var rows = Join.From.Rows;
        _slot = Join.First(toRow);
        for (var other = _slot < 0 ? -1 : Join.Down.Lookup.Next(_slot); other >= 0; other = Join.Down.Lookup.Next(other))
        {
            if (_order.Compare(other, _slot) < 0)
                _slot = other;
        }

        if (_slot >= 0)
            target.CopyAll(rows.Row(_slot), Join.From.Held);
        else if (IsRequired)
            return false;
        else
            target.WriteNulls(Join.From.Held.Columns.Length);
        return true;
    }

    /// <summary>Writes the row that was found as an object; NULL without one.</summary>
    public void AppendObject(ObjectWriter writer, RowBuilder target)
    {
        if (_slot < 0)
        {
            target.WriteNull();
            return;
        }

        _text.ResetWrittenCount();
        _json.Reset();
        writer.Write(Join.From.Rows.Row(_slot), _json);
        _json.Flush();
        target.WriteBytes(_text.WrittenSpan);
    }
}
