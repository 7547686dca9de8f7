using System.Runtime.CompilerServices;
using Leat.Changes;
using Leat.Changes.Formats;
using Xunit;

namespace Leat.Tests.Shaping;

/// <summary>Some tables in memory, which can be read and do not run.</summary>
internal sealed class MemorySource : ISource
{
    private readonly Dictionary<TableName, (TableSchema Schema, List<byte[]> Rows)> _tables = [];

    /// <summary>Called before a table is read.</summary>
    public Action<TableName>? OnRead { get; set; }

    /// <summary>Adds a table whose columns are all numbers or, when their name ends with <c>$</c>, texts; the first one is the key.</summary>
    public MemorySource Add(string table, string columns, params object?[][] rows)
    {
        var name = Name(table);
        var schema = new TableSchema(
            name, [.. columns.Split(' ').Select(column => new Column { Name = column.TrimEnd('$'), Kind = column.EndsWith('$') ? ColumnKind.String : ColumnKind.Int64 })], [0]);
        _tables[name] = (schema, [.. rows.Select(row => Row(schema, row))]);
        return this;
    }

    /// <summary>Puts other rows into a table.</summary>
    public void Replace(string table, params object?[][] rows)
    {
        var (schema, held) = _tables[Name(table)];
        held.Clear();
        held.AddRange(rows.Select(row => Row(schema, row)));
    }

    public ValueTask<IReadOnlyList<TableSchema>> TablesAsync(CancellationToken cancellationToken) => new([.. _tables.Values.Select(table => table.Schema)]);

    public async IAsyncEnumerable<SourceRow> ReadTableAsync(TableSchema table, SourcePosition? captured, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        OnRead?.Invoke(table.Table);
        foreach (var row in _tables[table.Table].Rows.ToArray())
            yield return new(table, row);
    }

    public ValueTask<IReadOnlyList<Finding>> CheckAsync(CancellationToken cancellationToken) => new([]);

    public ValueTask RunAsync(SourceRun run, IChangeWriter writer, CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask<SourcePosition> CurrentPositionAsync(CancellationToken cancellationToken) => new(new SourcePosition("0"));

    public ValueTask<SourcePosition> ParsePositionAsync(string text, CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask<bool[]> ExistingAsync(TableSchema table, IReadOnlyList<ReadOnlyMemory<byte>> rows, SourcePosition? captured, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask DisposeAsync() => default;

    private static TableName Name(string table) => TableName.TryParse(table, out var name) ? name : throw new ArgumentException(table);

    private static byte[] Row(TableSchema schema, object?[] values)
    {
        var bytes = new byte[1024];
        var row = new RowWriter(bytes, schema.Columns.Length);
        foreach (var (column, value) in schema.Columns.Zip(values))
        {
            if (value is null)
                row.WriteNull();
            else
                Assert.True(ValueParser.TryWrite(column, value.ToString() ?? "", ref row));
        }

        return bytes[..row.WrittenBytes];
    }
}

/// <summary>A target in memory: a text for each field of each key.</summary>
internal sealed class MemoryTarget : ISink
{
    /// <summary>What it holds, by key.</summary>
    public Dictionary<string, TargetRow> Rows { get; } = [];

    /// <summary>Holds a row.</summary>
    public MemoryTarget With(string key, params (string Name, string? Value)[] fields)
    {
        Rows[key] = new(key, [.. fields.Select(field => KeyValuePair.Create(field.Name, field.Value))]);
        return this;
    }

    public TargetRow Expect(Shape shape, ReadOnlySpan<byte> row)
    {
        var reader = new RowReader(shape.Schema, row);
        var key = new List<string?>();
        foreach (var ordinal in shape.Key)
        {
            reader.Seek(ordinal);
            key.Add(ValueText.Of(ref reader));
        }

        var fields = new List<KeyValuePair<string, string?>>();
        foreach (var column in shape.Columns)
        {
            reader.Seek(column.Ordinal);
            fields.Add(new(column.Name, ValueText.Of(ref reader)));
        }

        return new(string.Join(':', key), [.. fields]);
    }

    public async IAsyncEnumerable<TargetRow> ReadAsync(Shape shape, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        foreach (var row in Rows.Values.ToArray())
            yield return row;
    }

    public ValueTask<IReadOnlyList<Finding>> CheckAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken) => new([]);

    public ValueTask<SinkTraits> PrepareAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask<ISinkLane> OpenLaneAsync(LaneIdentity identity, CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask DisposeAsync() => default;
}
