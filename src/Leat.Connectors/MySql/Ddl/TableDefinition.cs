using System.Collections.Immutable;
using Leat.Changes;
using Leat.Connectors.MySql.Binlog;

namespace Leat.Connectors.MySql.Ddl;

/// <summary>What has become of a table that was known.</summary>
internal enum TableState : byte
{
    /// <summary>It is there.</summary>
    Live = 0,

    /// <summary>It was dropped or renamed, and the targets were told that its rows are gone.</summary>
    Emptied = 1,

    /// <summary>It is gone, and its rows are kept at the targets: a tool that changes tables has put it aside, or the file says so.</summary>
    Kept = 2,
}

/// <summary>A table as statements have made it: names and types of its columns, its key, its defaults. Immutable.</summary>
internal sealed record TableDefinition
{
    /// <summary>Its name.</summary>
    public required TableName Name { get; init; }

    /// <summary>Its columns in order.</summary>
    public required ImmutableArray<ColumnFacts> Columns { get; init; }

    /// <summary>Names of the primary key's columns in key order.</summary>
    public ImmutableArray<string> Key { get; init; } = [];

    /// <summary>Character set of text columns that do not name one; empty when not known.</summary>
    public string Charset { get; init; } = "";

    /// <summary>Character set of the database's tables that do not name one; empty when not known.</summary>
    public string DatabaseCharset { get; init; } = "";

    /// <summary>Storage engine; empty when not told.</summary>
    public string Engine { get; init; } = "";

    /// <summary>How it keeps its history.</summary>
    public Versioning Versioning { get; init; }

    /// <summary>The column that says when a row ended, where that is one of the table's own.</summary>
    public string? RowEnd { get; init; }

    /// <summary>Whether rows of its history are told, too; columns and key here are those of a table without.</summary>
    public bool TellsHistory { get; init; }

    /// <summary>Whether all columns stand in for the key that it has not.</summary>
    public bool IsKeyless { get; init; }

    /// <summary>Why the whole table cannot be captured; <see langword="null"/> when it can.</summary>
    public string? Refusal { get; init; }

    /// <summary>Whether it is there.</summary>
    public TableState State { get; init; }

    /// <summary>Why its columns are not certain; <see langword="null"/> when they are.</summary>
    public string? Unverified { get; init; }

    /// <summary>A table as the server, or the binlog's metadata, describes it.</summary>
    /// <param name="table">The table.</param>
    /// <param name="charset">Its default character set; empty when not known.</param>
    /// <param name="databaseCharset">That of its database.</param>
    public static TableDefinition Of(MySqlTable table, string charset, string databaseCharset) => new TableDefinition
    {
        Name = table.Name,
        Columns = [.. table.Columns.Select(column => column.Facts.Charset == "utf8" ? column.Facts with { Charset = "utf8mb3" } : column.Facts)],
        Key = [.. table.Schema.Key.Select(ordinal => table.Schema.Columns[ordinal].Name)],
        TellsHistory = table.TellsHistory,
        IsKeyless = table.Schema.IsKeyless,
        Charset = charset,
        DatabaseCharset = databaseCharset,
        Engine = table.Engine,
        Versioning = table.Versioning,
        RowEnd = table.RowEnd,
        Refusal = table.Refusal,
    }.Plain();

    /// <summary>The definition without what is added to the shape where history is told, or all columns stand in for a key.</summary>
    public TableDefinition Plain() => (TellsHistory && Versioning == Versioning.Implicit ? this with { Columns = Columns[..^VersionedTable.HiddenColumns] } : this).WithPlainKey();

    /// <summary>The definition without what is so added to the shape's key.</summary>
    public TableDefinition WithPlainKey()
    {
        var end = TellsHistory ? VersionedTable.EndOf(Versioning, RowEnd) : null;
        return this with { Key = IsKeyless ? [] : [.. Key.Where(column => column != end)] };
    }

    /// <summary>Position of a column by its name in any case, or -1.</summary>
    public int Find(string column)
    {
        for (var i = 0; i < Columns.Length; i++)
        {
            if (Same(Columns[i].Name, column))
                return i;
        }

        return -1;
    }

    /// <summary>The table with its columns' encodings chosen.</summary>
    public MySqlTable ToTable()
    {
        var key = Key.Select(Find).Where(ordinal => ordinal >= 0);
        return new(Name, [.. Columns.Select(ColumnRules.Make)], [.. key]) { Engine = Engine, Versioning = Versioning, RowEnd = RowEnd, Refusal = Refusal };
    }

    /// <summary>Whether two names of columns are one.</summary>
    public static bool Same(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);
}
