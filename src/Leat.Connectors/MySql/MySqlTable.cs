using System.Collections.Immutable;
using Leat.Changes;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Charsets;

namespace Leat.Connectors.MySql;

/// <summary>How a value whose bytes in the binlog are those of a number or an address becomes the text that the server shows.</summary>
internal enum ValueForm : byte
{
    /// <summary>As the column's kind says.</summary>
    Plain = 0,

    /// <summary>MariaDB's UUID: 16 bytes in the order of its digits.</summary>
    Uuid = 1,

    /// <summary>MariaDB's INET4: 4 bytes in network order.</summary>
    Inet4 = 2,

    /// <summary>MariaDB's INET6: 16 bytes in network order.</summary>
    Inet6 = 3,
}

/// <summary>A column as the binlog encodes it and as we do.</summary>
/// <param name="Schema">Our own shape.</param>
/// <param name="Type">Type number in TABLE_MAP.</param>
/// <param name="Metadata">Metadata in TABLE_MAP.</param>
/// <param name="Charset">Of text; <see langword="null"/> for everything else.</param>
/// <param name="Unsigned">Whether a numeric column is unsigned.</param>
/// <param name="Form">What text the bytes stand for.</param>
/// <param name="Refusal">Why the column cannot be captured; <see langword="null"/> when it can.</param>
internal sealed record MySqlColumn(
    Column Schema, byte Type, ushort Metadata, Charset? Charset, bool Unsigned, ValueForm Form = ValueForm.Plain, string? Refusal = null)
{
    /// <summary>What the column was made from.</summary>
    public ColumnFacts Facts { get; init; } = new() { Name = Schema.Name, Type = Type, Metadata = Metadata };
}

/// <summary>A captured table as information_schema, or the binlog's own metadata, describes it. Immutable.</summary>
internal sealed class MySqlTable
{
    /// <summary>A table of these columns with this key.</summary>
    public MySqlTable(TableName name, ImmutableArray<MySqlColumn> columns, ImmutableArray<int> key)
    {
        Name = name;
        Columns = columns;
        Schema = new(name, [.. columns.Select(column => column.Schema)], key);
    }

    /// <summary>The table's name.</summary>
    public TableName Name { get; }

    /// <summary>Columns in the table's order.</summary>
    public ImmutableArray<MySqlColumn> Columns { get; }

    /// <summary>The shape of encoded rows.</summary>
    public TableSchema Schema { get; private set; }

    /// <summary>Storage engine; empty when not told.</summary>
    public string Engine { get; init; } = "";

    /// <summary>Why the whole table cannot be captured (system-versioned, a sequence); <see langword="null"/> when it can.</summary>
    public string? Refusal { get; init; }

    /// <summary>How it keeps history; none by default.</summary>
    public Versioning Versioning { get; init; }

    /// <summary>Name of the column that says when a row ended, where that is a column of the table's own.</summary>
    public string? RowEnd { get; init; }

    /// <summary>Whether rows of its history are told like others: see <see cref="VersionedTable.WithHistory"/>.</summary>
    public bool TellsHistory { get; init; }

    /// <summary>The server's own estimate of its rows.</summary>
    public long EstimatedRows { get; init; }

    /// <summary>The same table, whose shape remembers where it comes from.</summary>
    public MySqlTable WithOrigin(string origin)
    {
        var copy = (MySqlTable)MemberwiseClone();
        copy.Schema = Schema with { Origin = origin };
        return copy;
    }

    /// <summary>The same table, whose columns together stand in for a key.</summary>
    public MySqlTable KeyedByAll()
    {
        var copy = (MySqlTable)MemberwiseClone();
        copy.Schema = new(Name, Schema.Columns, [.. Enumerable.Range(0, Columns.Length)]) { IsKeyless = true, Origin = Schema.Origin };
        return copy;
    }

    /// <summary>The table as the file wants it told: with its history, or by all its columns when it has no key.</summary>
    public MySqlTable AsWanted(MySqlSourceOptions options)
    {
        var table = Versioning != Versioning.None && !TellsHistory && options.TellsHistory(Name) ? VersionedTable.WithHistory(this) : this;
        return table.Schema.Key.IsEmpty && options.IsKeyless(Name) ? table.KeyedByAll() : table;
    }

    /// <summary>The first difference to a TABLE_MAP in words, or <see langword="null"/> when rows of that shape can be read with this one.</summary>
    public string? DifferenceTo(TableMap map, Func<uint, string?> charsetOfCollation)
    {
        if (map.Columns != Columns.Length)
            return $"it has {Columns.Length} columns, the binlog {map.Columns}";
        for (var i = 0; i < Columns.Length; i++)
        {
            var column = Columns[i];
            var name = column.Schema.Name;
            if (column.Type != map.Types[i] || column.Metadata != map.Metadata[i])
                return $"column '{name}' is of type {column.Type} with metadata {column.Metadata}, in the binlog of type {map.Types[i]} with metadata {map.Metadata[i]}";
            if (map.Unsigned?[i] is { } unsigned && unsigned != column.Unsigned && ColumnRules.HasSign(column.Type))
                return $"column '{name}' is {(column.Unsigned ? "unsigned" : "signed")}, in the binlog {(unsigned ? "unsigned" : "signed")}";
            if (map.Names is { } names && names[i] != name)
                return $"column {i + 1} is called '{name}', in the binlog '{names[i]}'";
            if (map.Collations?[i] is { } collation && OtherCharset(column, charsetOfCollation(collation)) is { } charset)
                return $"column '{name}' has the character set {column.Charset?.Name ?? "binary"}, in the binlog {charset}";
            if (map.LabelsOf(i, charsetOfCollation) is { } labels && !labels.SequenceEqual(column.Schema.Labels))
                return $"the labels of column '{name}' differ";
        }

        return map.Key is { } key && !key.SequenceEqual(Schema.Key) ? "the primary key differs" : null;
    }

    /// <summary>The shape that a TABLE_MAP with FULL metadata describes by itself. What it does not tell (that a text is JSON) comes from <paramref name="known"/>.</summary>
    public static MySqlTable FromMetadata(TableMap map, MySqlTable? known, Func<uint, string?> charsetOfCollation)
    {
        var columns = ImmutableArray.CreateBuilder<MySqlColumn>(map.Columns);
        for (var i = 0; i < map.Columns; i++)
        {
            var name = map.Names is { } names ? names[i] : throw new ArgumentException("names are required", nameof(map));
            var old = known?.Columns.FirstOrDefault(column => column.Schema.Name == name);
            var same = old is not null && old.Type == map.Types[i] && old.Metadata == map.Metadata[i];
            var charset = map.Collations?[i] is { } collation ? charsetOfCollation(collation) : null;
            var facts = new ColumnFacts
            {
                Name = name,
                Type = map.Types[i],
                Metadata = map.Metadata[i],
                Nullable = map.IsNullable(i),
                Unsigned = map.Unsigned?[i] ?? false,
                Charset = charset,
                Labels = map.LabelsOf(i, charsetOfCollation) ?? [],
                Form = same && old is not null ? old.Form : ValueForm.Plain,
                Fraction = same ? old?.Facts.Fraction : null,
                IsJson = same && old?.Schema.Kind == ColumnKind.Json,
                SourceType = same && old is not null ? old.Schema.SourceType : map.SourceTypeOf(i),
                Refusal = same ? old?.Refusal : null,
            };
            columns.Add(ColumnRules.Make(facts));
        }

        return new(map.Table, columns.MoveToImmutable(), map.Key is { } key ? [.. key] : [])
        {
            Engine = known?.Engine ?? "",
            Refusal = known?.Refusal,
            Versioning = known?.Versioning ?? Versioning.None,
            RowEnd = known?.RowEnd,
            TellsHistory = known?.TellsHistory ?? false,
        };
    }

    // A text or binary column whose bytes are of another character set than the binlog tells; null when they agree.
    private static string? OtherCharset(MySqlColumn column, string? told)
    {
        if (column.Form != ValueForm.Plain || column.Schema.Kind is not (ColumnKind.String or ColumnKind.Json or ColumnKind.Binary))
            return null;
        var charset = Charset.Find(told);
        var same = told == "binary" ? column.Charset is null : charset is not null && (charset == column.Charset || (charset.IsUtf8 && column.Charset is { IsUtf8: true }));
        return same ? null : told ?? "unknown";
    }
}
