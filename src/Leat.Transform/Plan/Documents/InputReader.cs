using System.Buffers;
using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.State;

namespace Leat.Transform.Plan.Documents;

/// <summary>Makes held rows of the rows that a stream has in one shape of their table. For one thread.</summary>
/// <remarks>
/// <code>
/// image ──► filled: what it does not tell is as it was, as far as that is held ──► condition ──► computed columns ──► held columns
/// </code>
/// </remarks>
internal sealed class InputReader
{
    private readonly TableSchema _schema;
    private readonly RowMap _map;
    private readonly ImmutableArray<Step> _steps;
    private readonly ImmutableArray<int> _rawOf;
    private readonly bool _isDirect;
    private readonly RowBuilder _filled = new();
    private readonly RowBuilder _mapped = new();
    private readonly RowBuilder _row = new();
    private readonly ArrayBufferWriter<byte> _key = new();

    /// <summary>Ties an input to a shape of one of its tables.</summary>
    /// <exception cref="PauseException">The table's rules do not fit the shape.</exception>
    public InputReader(Input input, TablesOfInput tables, TableSchema schema)
    {
        (Input, _schema) = (input, schema);
        _map = tables.MapOf(schema);
        var held = input.Held;
        _steps = [.. held.Columns.Select(column => StepOf(column))];
        _isDirect = _steps.Length == _map.Output.Columns.Length && _steps.Select((step, at) => step.IsSame && step.Ordinal == at).All(same => same);
        _rawOf = [.. schema.Columns.Select(column => held.Find(column.Name) is var raw and >= 0 && !IsComputed(column.Name) && ValueConversion.IsSame(held.Columns[raw], column) ? raw : -1)];
    }

    /// <summary>The input.</summary>
    public Input Input { get; }

    /// <summary>The shape that it reads.</summary>
    public TableSchema Schema => _schema;

    /// <summary>Of the key that was looked for last.</summary>
    public uint KeyHash => JoinKey.Hash(_key.WrittenSpan);

    /// <summary>The slot of the row with the key of an image, or -1.</summary>
    public int Find(ReadOnlySpan<byte> image, ChangeKind kind, long offset)
    {
        var mapped = Map(image, default, out _);
        if (!JoinKey.Write(_map.Output, _map.Key, mapped, _key) && _schema.IsPartial)
        {
            var reader = new RowReader(_map.Output, mapped);
            foreach (var ordinal in _map.Key)
            {
                reader.Seek(ordinal);
                if (reader.IsAbsent)
                    throw NotTold(_map.Output.Columns[ordinal].Name, kind, offset);
            }
        }

        return Input.Rows.Find(_key.WrittenSpan);
    }

    /// <summary>Whether an after image makes a row that takes part, and that row as it is held: what the image does not tell is as it was.</summary>
    /// <param name="image">The image.</param>
    /// <param name="before">The image before; empty when the source told none.</param>
    /// <param name="held">Slot of the row as it was, or -1.</param>
    /// <param name="kind">What happened.</param>
    /// <param name="offset">For the error.</param>
    /// <param name="row">The row; valid until the next is made.</param>
    /// <exception cref="PauseException">Something is needed that nothing tells.</exception>
    public bool TryTake(ReadOnlySpan<byte> image, ReadOnlySpan<byte> before, int held, ChangeKind kind, long offset, out ReadOnlySpan<byte> row)
    {
        row = default;
        if (!_schema.IsPartial)
        {
            if (!_map.Accepts(image))
                return false;
            row = Hold(Map(image, default, out _), held: -1, kind, offset);
            return true;
        }

        var filled = held < 0 ? image : Fill(image, held);
        var untested = FirstUntold(filled);
        if (untested >= 0)
        {
            // What an update does not tell is as it was. When it tells nothing that the condition looks at, that is as it was, too.
            if (kind != ChangeKind.Update || TellsAny(filled))
                throw NotTold(_schema.Columns[untested].Name, kind, offset);
            if (held < 0)
                return false;
        }
        else if (!_map.Accepts(filled))
        {
            return false;
        }

        var mapped = Map(filled, before, out var untold);
        if (untold >= 0 && Input.Held.Find(_map.Output.Columns[untold].Name) >= 0)
            throw NotTold(_map.Output.Columns[untold].Name, kind, offset);
        row = Hold(mapped, held, kind, offset);
        return true;
    }

    /// <summary>Whether a before image is of a row that takes part; false when it does not tell.</summary>
    public bool Took(ReadOnlySpan<byte> image) => FirstUntold(image) < 0 && _map.Accepts(image);

    private Step StepOf(Column held)
    {
        var ordinal = _map.Output.Find(held.Name);
        return new(ordinal, ordinal >= 0 && ValueConversion.IsSame(_map.Output.Columns[ordinal], held));
    }

    private bool IsComputed(string name) => Input.Selection.Set.Any(rule => rule.Name == Input.Selection.Rename.GetValueOrDefault(name, name));

    private ReadOnlySpan<byte> Map(ReadOnlySpan<byte> image, ReadOnlySpan<byte> before, out int untold)
    {
        untold = -1;
        if (_map.IsIdentity)
            return image;
        if (_schema.IsPartial)
            untold = _map.MapPartial(image, before, _mapped);
        else
            _map.Map(image, _mapped);
        return _mapped.Row;
    }

    // The image with what it lacks out of the row held, as far as that has it as the table has it.
    private ReadOnlySpan<byte> Fill(ReadOnlySpan<byte> image, int held)
    {
        var old = new RowReader(Input.Held, Input.Rows.Row(held));
        var reader = new RowReader(_schema, image);
        _filled.Begin(_schema.Columns.Length, isPartial: true);
        while (reader.Read())
        {
            if (reader.IsAbsent && _rawOf[reader.Ordinal] is var raw and >= 0)
            {
                old.Seek(raw);
                _filled.Copy(ref old);
            }
            else
            {
                _filled.Copy(ref reader);
            }
        }

        return _filled.Row;
    }

    private ReadOnlySpan<byte> Hold(ReadOnlySpan<byte> mapped, int held, ChangeKind kind, long offset)
    {
        if (_isDirect && !_schema.IsPartial)
            return mapped;
        _row.Begin(_steps.Length);
        var reader = new RowReader(_map.Output, mapped);
        for (var at = 0; at < _steps.Length; at++)
        {
            var step = _steps[at];
            if (step.Ordinal < 0)
            {
                _row.WriteNull();
                continue;
            }

            reader.Seek(step.Ordinal);
            if (reader.IsAbsent)
                Keep(at, held, kind, offset);
            else if (step.IsSame || reader.IsNull)
                _row.Copy(ref reader);
            else if (!ValueConversion.TryWrite(ref reader, Input.Held.Columns[at], _row))
                _row.WriteNull();
        }

        return _row.Row;
    }

    private void Keep(int column, int held, ChangeKind kind, long offset)
    {
        if (held < 0)
            throw NotTold(Input.Held.Columns[column].Name, kind, offset);
        var old = new RowReader(Input.Held, Input.Rows.Row(held));
        old.Seek(column);
        _row.Copy(ref old);
    }

    // The first column that the condition looks at and the image lacks; -1 when it can be tested.
    private int FirstUntold(ReadOnlySpan<byte> image)
    {
        if (!_schema.IsPartial)
            return -1;
        var reader = new RowReader(_schema, image);
        foreach (var ordinal in _map.FilterColumns)
        {
            reader.Seek(ordinal);
            if (reader.IsAbsent)
                return ordinal;
        }

        return -1;
    }

    private bool TellsAny(ReadOnlySpan<byte> image)
    {
        var reader = new RowReader(_schema, image);
        foreach (var ordinal in _map.FilterColumns)
        {
            reader.Seek(ordinal);
            if (!reader.IsAbsent)
                return true;
        }

        return false;
    }

    private PauseException NotTold(string column, ChangeKind kind, long offset)
    {
        var selection = Input.Selection;
        var use = Input.Uses.GetValueOrDefault(column) ?? new(selection.WhereWritten?.Location ?? selection.Location ?? default, "which its rules look at");
        return DocumentErrors.NotTold(use.At, selection.Alias, _schema.Table, column, use.Words, kind, offset);
    }

    private readonly record struct Step(int Ordinal, bool IsSame);
}
