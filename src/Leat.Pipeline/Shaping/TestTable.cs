using System.Collections.Immutable;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Changes.Formats;
using Leat.Pipeline.Definitions;

namespace Leat.Pipeline.Shaping;

/// <summary>A table of a test with the rows that are in it, so that a step can be told as the change that a source would tell.</summary>
internal sealed class TestTable(string test, TableSchema schema)
{
    private readonly Dictionary<string, byte[]> _rows = new(StringComparer.Ordinal);

    /// <summary>The table's shape.</summary>
    public TableSchema Schema => schema;

    /// <summary>Takes a step and tells what it does to the row: as it was, and as it is; empty where there is none.</summary>
    /// <exception cref="TestMistakeException">The step cannot be: no such row, a row that is there already, a value that the column does not hold.</exception>
    public (ChangeKind Kind, byte[] Before, byte[] After) Take(TestStep step)
    {
        switch (step.Kind)
        {
            case TestStepKind.Insert:
                var inserted = Encode(step.Values, over: []);
                return _rows.TryAdd(KeyOf(inserted), inserted)
                    ? (ChangeKind.Insert, [], inserted)
                    : throw ShapingErrors.RowThere(test, step, Key(inserted));
            case TestStepKind.Update:
                var before = Find(step);
                var after = Encode(step.Values, before);
                _rows.Remove(KeyOf(before));
                return _rows.TryAdd(KeyOf(after), after) ? (ChangeKind.Update, before, after) : throw ShapingErrors.RowThere(test, step, Key(after));
            case TestStepKind.Delete:
                var deleted = Find(step);
                _rows.Remove(KeyOf(deleted));
                return (ChangeKind.Delete, deleted, []);
            default:
                throw new ArgumentOutOfRangeException(nameof(step), step.Kind, "not a change of a row");
        }
    }

    /// <summary>Takes all rows out, and returns them.</summary>
    public IReadOnlyList<byte[]> Clear()
    {
        var rows = _rows.Values.ToList();
        _rows.Clear();
        return rows;
    }

    private byte[] Find(TestStep step)
    {
        var fields = step.Key;
        if (fields is [{ Column: "" } sole])
        {
            fields = schema.Key.Length == 1
                ? [sole with { Column = schema.Columns[schema.Key[0]].Name }]
                : throw ShapingErrors.KeyNotNamed(test, step, schema, [.. schema.Key.Select(ordinal => schema.Columns[ordinal].Name)]);
        }

        var names = schema.Key.Select(ordinal => schema.Columns[ordinal].Name).ToList();
        if (!fields.Select(field => field.Column).Order(StringComparer.Ordinal).SequenceEqual(names.Order(StringComparer.Ordinal)))
            throw ShapingErrors.KeyNotNamed(test, step, schema, names);
        var key = Encode(fields, over: []);
        return _rows.GetValueOrDefault(KeyOf(key)) ?? throw ShapingErrors.NoSuchRow(test, step, Key(key));
    }

    // The values that are written, and for the others those of another row; NULL without one.
    private byte[] Encode(ImmutableArray<TestField> fields, ReadOnlySpan<byte> over)
    {
        foreach (var field in fields)
        {
            if (schema.Find(field.Column) < 0)
                throw ShapingErrors.UnknownColumn(test, field, schema);
        }

        var room = EncodedRow.BitmapBytes(schema.Columns.Length) + over.Length + fields.Sum(field => WrittenValue.MostBytes(field.Value));
        var bytes = new byte[room];
        var writer = new RowWriter(bytes, schema.Columns.Length);
        var reader = over.IsEmpty ? default : new RowReader(schema, over);
        for (var ordinal = 0; ordinal < schema.Columns.Length; ordinal++)
        {
            var column = schema.Columns[ordinal];
            var at = fields.FirstOrDefault(field => field.Column == column.Name);
            if (at.Column is not null)
                Write(at, column, ref writer);
            else if (over.IsEmpty)
                writer.WriteNull();
            else
                Copy(ref reader, ordinal, ref writer);
        }

        return bytes[..writer.WrittenBytes];
    }

    private void Write(in TestField field, Column column, ref RowWriter writer)
    {
        if (field.Value is ConfigScalar { Text: null } && !column.Nullable)
            throw ShapingErrors.NoKeyValue(test, field, schema);
        if (!WrittenValue.TryWrite(column, field.Value, ref writer))
            throw ShapingErrors.NoValue(test, field, column, schema);
    }

    private static void Copy(ref RowReader reader, int ordinal, ref RowWriter writer)
    {
        reader.Seek(ordinal);
        writer.Copy(in reader);
    }

    private string KeyOf(byte[] row) => RowKeyText.Of(schema, row);

    // For people.
    private string Key(byte[] row)
    {
        var reader = new RowReader(schema, row);
        var texts = new List<string>();
        foreach (var ordinal in schema.Key)
        {
            reader.Seek(ordinal);
            texts.Add(ValueText.Of(ref reader) ?? "NULL");
        }

        return string.Join(":", texts);
    }
}
