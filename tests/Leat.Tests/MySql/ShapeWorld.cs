using System.Collections.Immutable;
using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Ddl;
using Leat.Connectors.MySql.Shapes;
using Leat.Connectors.MySql.Wire;
using Microsoft.Extensions.Logging.Abstractions;

namespace Leat.Tests.MySql;

/// <summary>A history of shapes without a server: statements go in, shapes come out as text.</summary>
internal sealed class ShapeWorld
{
    private readonly ShapeStore _store;
    private readonly SqlDialect _dialect;

    public ShapeWorld(bool isMariaDb = true, string tables = "d.*", DroppedTables dropped = DroppedTables.Empty, ShapeStore? store = null, uint? restoreAt = null, string keyless = "", string history = "")
    {
        if (!TablePattern.TryParse(tables, out var pattern))
            throw new ArgumentException($"'{tables}' is no pattern.", nameof(tables));
        var options = new MySqlSourceOptions { Endpoint = new() { Host = "127.0.0.1", Port = 1, User = "u" }, Tables = [pattern], DroppedTables = dropped, Keyless = Patterns(keyless), History = Patterns(history) };
        _store = store ?? new();
        _dialect = new() { IsMariaDb = isMariaDb, Version = isMariaDb ? 101_119 : 90_100, LogsCascades = true };
        var defaults = new CatalogDefaults();
        defaults.SetDatabase("d", "utf8mb4");
        History = new("shop", options, new(options), _store, defaults, _dialect, NullLogger.Instance);
        if (restoreAt is { } newest)
            History.Restore(newest);
    }

    public ShapeHistory History { get; }

    public IReadOnlyList<KeyValuePair<uint, TableSchema>> Shapes => _store.Shapes;

    /// <summary>Applies statements one by one; what they meant for rows, as words.</summary>
    public string Apply(params string[] statements) => Apply(0, statements);

    public string Apply(ulong sqlMode, params string[] statements)
    {
        var told = new List<string>();
        foreach (var sql in statements)
        {
            var effect = History.Apply(sql, "d", sqlMode, "0-1-1");
            told.AddRange(effect.Emptied.Select(id => $"emptied {Shapes.Single(shape => shape.Key == id).Value.Table}"));
            told.AddRange(effect.ReadAgain.Select(again => $"read {again.Table} again: {again.Reason}"));
        }

        return string.Join("; ", told);
    }

    /// <summary>The shape under which rows are told: its columns, and behind a bar its key; a star when that is all columns of a table without one.</summary>
    public string Told(string table = "t")
    {
        var schema = Shapes.Last(shape => shape.Value.Table.Name == table).Value;
        return $"{string.Join(',', schema.Columns.Select(column => column.Name))}|{(schema.IsKeyless ? "*" : "")}{string.Join(',', schema.Key.Select(ordinal => schema.Columns[ordinal].Name))}";
    }

    /// <summary>Columns with their types and character sets, and the key: <c>id int(11), v varchar(9) latin1; key id</c>.</summary>
    public string Shape(string table = "t")
    {
        if (History.Find(new("d", table)) is not { } known)
            return "unknown";
        var columns = known.Columns.Select(column => $"{column.Name} {column.SourceType}{Charset(column)}{(column.Nullable ? "" : " not null")}{(column.IsJson ? " json" : "")}");
        var text = string.Join(", ", columns);
        if (known.Key.Length > 0)
            text += $"; key {string.Join(' ', known.Key)}";
        if (known.State != TableState.Live)
            text += $"; {known.State}";
        return known.Unverified is null ? text : $"{text}; unverified: {known.Unverified}";
    }

    private static ImmutableArray<TablePattern> Patterns(string text) => TablePattern.TryParse(text, out var pattern) ? [pattern] : [];

    private static string Charset(ColumnFacts column) => column.Charset is null or "binary" or "utf8mb4" ? "" : $" {column.Charset}";
}

/// <summary>Keeps shapes as the schema stream does.</summary>
internal sealed class ShapeStore : IChangeWriter
{
    private readonly List<KeyValuePair<uint, TableSchema>> _shapes = [];

    public IReadOnlyList<KeyValuePair<uint, TableSchema>> Shapes => [.. _shapes];

    public uint Define(TableSchema schema)
    {
        var known = _shapes.FindLast(shape => shape.Value.Equals(schema));
        return known.Value is null ? Add(schema) : known.Key;
    }

    public uint Renew(TableSchema schema)
    {
        var newest = _shapes.FindLast(shape => shape.Value.Table == schema.Table);
        return newest.Value is not null && newest.Value.Equals(schema) ? newest.Key : Add(schema);
    }

    public void Begin(ReadOnlySpan<byte> transactionId, long committedAtMicros) => throw new NotSupportedException();

    public Span<byte> BeginRow(int maxBytes) => throw new NotSupportedException();

    public void EndRow(ChangeKind kind, uint schemaId, int beforeBytes, int afterBytes) => throw new NotSupportedException();

    public ValueTask CommitAsync(IPosition position, bool moreInput, CancellationToken cancellationToken) => throw new NotSupportedException();

    public void Rollback() => throw new NotSupportedException();

    public ValueTask AdvanceAsync(IPosition position, bool moreInput, CancellationToken cancellationToken) => throw new NotSupportedException();

    public void Progress(SnapshotProgress progress) => throw new NotSupportedException();

    private uint Add(TableSchema schema)
    {
        _shapes.Add(new((uint)_shapes.Count + 1, schema));
        return (uint)_shapes.Count;
    }
}
