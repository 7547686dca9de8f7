using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Transform.Plan.Rules;

namespace Leat.Transform.Plan.Documents;

/// <summary>Rows of another table that become a collection inside an object. For one thread.</summary>
internal sealed class Nest
{
    private readonly Join _join;
    private readonly RowOrder _order;
    private readonly ImmutableArray<int> _key;
    private readonly ObjectWriter _object;
    private readonly List<int> _slots = [];
    private readonly ArrayBufferWriter<byte> _text = new();
    private readonly ArrayBufferWriter<byte> _name = new();
    private readonly Utf8JsonWriter _json;
    private long _count;

    /// <summary>A collection.</summary>
    /// <param name="join">How its rows are found.</param>
    /// <param name="scope">Its objects.</param>
    /// <param name="form">What it becomes.</param>
    /// <param name="order">How its rows are ordered, to the last bit: the nest's order, its key, the table's key; for a map the key first.</param>
    /// <param name="key">Columns of its key.</param>
    /// <param name="fields">Fields of its objects.</param>
    public Nest(Join join, Scope scope, NestForm form, ImmutableArray<(int Ordinal, bool Falling)> order, ImmutableArray<int> key, ImmutableArray<ObjectField> fields)
    {
        (_join, Scope, Form, _key) = (join, scope, form, key);
        _order = new(join.From.Rows, order);
        _object = new(scope.Schema, fields);
        _json = ObjectWriter.Writer(_text);
    }

    /// <summary>Its objects.</summary>
    public Scope Scope { get; }

    /// <summary>What it becomes.</summary>
    public NestForm Form { get; }

    /// <summary>Most objects of an array. Default: all.</summary>
    public int Limit { get; init; } = int.MaxValue;

    /// <summary>What looks at its rows beside.</summary>
    public List<IRowVisitor> Visitors { get; } = [];

    /// <summary>Reads its rows for an object: writes them, and shows them to those who compute of them.</summary>
    public void Read(ReadOnlySpan<byte> toRow)
    {
        _slots.Clear();
        for (var slot = _join.First(toRow); slot >= 0; slot = _join.Down.Lookup.Next(slot))
            _slots.Add(slot);
        if (Form is not NestForm.Count and not NestForm.None)
            _order.Sort(CollectionsMarshal.AsSpan(_slots));

        _count = 0;
        Begin();
        var previous = -1;
        foreach (var slot in _slots)
        {
            if (_count >= Limit && Visitors.Count == 0)
                break;
            var row = _join.From.Rows.Row(slot);
            if (!Scope.IsPlain)
            {
                if (!Scope.TryBuild(row))
                    continue;
                row = Scope.Row;
            }

            Add(row, slot, previous);
            _count++;
            previous = slot;
            foreach (var visitor in Visitors)
                visitor.Visit(row);
        }

        End();
    }

    /// <summary>Writes the collection that was read as the next column.</summary>
    public void Append(RowBuilder target)
    {
        switch (Form)
        {
            case NestForm.None:
                break;
            case NestForm.Count:
                target.WriteUInt64((ulong)_count);
                break;
            case NestForm.First when _count == 0:
                target.WriteNull();
                break;
            default:
                target.WriteBytes(_text.WrittenSpan);
                break;
        }
    }

    private void Begin()
    {
        if (Form is NestForm.Count or NestForm.None)
            return;
        _text.ResetWrittenCount();
        _json.Reset();
        if (Form == NestForm.Array)
            _json.WriteStartArray();
        else if (Form == NestForm.Map)
            _json.WriteStartObject();
    }

    private void Add(ReadOnlySpan<byte> row, int slot, int previous)
    {
        switch (Form)
        {
            case NestForm.Array when _count < Limit:
            case NestForm.First when _count == 0:
                _object.Write(row, _json);
                break;
            case NestForm.Map when previous < 0 || _order.Compare(previous, slot, _key.Length) != 0: // of equal keys the first
                WriteName(slot);
                _object.Write(row, _json);
                break;
            default:
                break;
        }
    }

    private void End()
    {
        if (Form is NestForm.Count or NestForm.None)
            return;
        if (Form == NestForm.Array)
            _json.WriteEndArray();
        else if (Form == NestForm.Map)
            _json.WriteEndObject();
        _json.Flush();
    }

    // Several columns are joined by a colon.
    private void WriteName(int slot)
    {
        _name.ResetWrittenCount();
        var reader = new RowReader(_join.From.Held, _join.From.Rows.Row(slot));
        for (var i = 0; i < _key.Length; i++)
        {
            if (i > 0)
                _name.Write(":"u8);
            if (!reader.Seek(_key[i]))
                continue;
            if (reader.Column.Kind == ColumnKind.Binary)
                _name.Write(Encoding.ASCII.GetBytes(Convert.ToBase64String(reader.Bytes)));
            else
                ValueText.Write(ref reader, _name);
        }

        _json.WritePropertyName(_name.WrittenSpan);
    }
}

/// <summary>Looks at the rows of a collection, one after another.</summary>
internal interface IRowVisitor
{
    /// <summary>One row, in the shape of its scope.</summary>
    void Visit(ReadOnlySpan<byte> row);
}
