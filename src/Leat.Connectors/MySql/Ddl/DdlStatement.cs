using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Connectors.MySql.Ddl;

/// <summary>A statement that concerns tables as such, as far as capture has to know it.</summary>
internal abstract record DdlStatement;

/// <summary>CREATE TABLE with columns of its own.</summary>
/// <param name="Table">Its name.</param>
/// <param name="Columns">Its columns in order.</param>
/// <param name="Changes">Keys and options, in the words of ALTER.</param>
/// <param name="IfNotExists">Does nothing when the table is there already.</param>
internal sealed record CreateTable(TableName Table, ImmutableArray<ColumnClause> Columns, ImmutableArray<TableChange> Changes, bool IfNotExists) : DdlStatement;

/// <summary>CREATE TABLE … LIKE.</summary>
internal sealed record CreateTableLike(TableName Table, TableName Model, bool IfNotExists) : DdlStatement;

/// <summary>ALTER TABLE.</summary>
internal sealed record AlterTable(TableName Table, ImmutableArray<TableChange> Changes) : DdlStatement;

/// <summary>DROP TABLE.</summary>
internal sealed record DropTables(ImmutableArray<TableName> Tables) : DdlStatement;

/// <summary>RENAME TABLE; the pairs happen one after the other.</summary>
internal sealed record RenameTables(ImmutableArray<(TableName From, TableName To)> Pairs) : DdlStatement;

/// <summary>TRUNCATE.</summary>
internal sealed record TruncateTable(TableName Table) : DdlStatement;

/// <summary>DROP DATABASE.</summary>
internal sealed record DropDatabase(string Database) : DdlStatement;

/// <summary>CREATE or ALTER DATABASE with a default character set or collation.</summary>
internal sealed record SetDatabaseCharset(string Database, CharsetClause Charset) : DdlStatement;

/// <summary>Something that changes no table's shape or rows.</summary>
internal sealed record Unrelated : DdlStatement
{
    /// <summary>The one.</summary>
    public static readonly Unrelated Statement = new();
}

/// <summary>A character set and a collation as written; either may be absent.</summary>
/// <param name="Charset">Name, <c>DEFAULT</c>, or <see langword="null"/>.</param>
/// <param name="Collation">Name, or <see langword="null"/>.</param>
internal readonly record struct CharsetClause(string? Charset, string? Collation)
{
    /// <summary>Whether nothing was written.</summary>
    public bool IsEmpty => Charset is null && Collation is null;
}

/// <summary>Where ALTER puts a column.</summary>
/// <param name="IsFirst">Before all others.</param>
/// <param name="After">Behind this one; with neither: where it is, a new one at the end.</param>
internal readonly record struct ColumnPlace(bool IsFirst, string? After)
{
    /// <summary>Whether a place was written.</summary>
    public bool IsGiven => IsFirst || After is not null;
}

/// <summary>A column as a statement defines it.</summary>
internal sealed record ColumnClause
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Its type in information_schema's word (DATA_TYPE), e.g. <c>varchar</c>.</summary>
    public required string Type { get; init; }

    /// <summary>The numbers in parentheses.</summary>
    public ImmutableArray<int> Arguments { get; init; } = [];

    /// <summary>The labels of an enum or set.</summary>
    public ImmutableArray<string> Labels { get; init; } = [];

    /// <summary>UNSIGNED or ZEROFILL.</summary>
    public bool Unsigned { get; init; }

    /// <summary>ZEROFILL.</summary>
    public bool Zerofill { get; init; }

    /// <summary>NOT NULL was written, or follows from what was.</summary>
    public bool NotNull { get; init; }

    /// <summary>NULL was written.</summary>
    public bool Null { get; init; }

    /// <summary>Character set and collation as written.</summary>
    public CharsetClause Charset { get; init; }

    /// <summary>The column alone is the primary key.</summary>
    public bool IsKey { get; init; }

    /// <summary>MariaDB's COMPRESSED.</summary>
    public bool IsCompressed { get; init; }

    /// <summary>A text that holds JSON: MariaDB's JSON, or a check by json_valid.</summary>
    public bool IsJson { get; init; }

    /// <summary>GENERATED ALWAYS AS ROW END: says when a row ended.</summary>
    public bool IsRowEnd { get; init; }

    /// <summary>A foreign key written within the definition that changes rows unseen.</summary>
    public AddForeignKey? Reference { get; init; }
}

/// <summary>One clause of ALTER TABLE.</summary>
internal abstract record TableChange;

/// <summary>ADD COLUMN.</summary>
internal sealed record AddColumn(ColumnClause Column, ColumnPlace Place, bool IfNotExists) : TableChange;

/// <summary>DROP COLUMN.</summary>
internal sealed record DropColumn(string Column, bool IfExists) : TableChange;

/// <summary>MODIFY or CHANGE COLUMN.</summary>
internal sealed record ChangeColumn(string Column, ColumnClause Definition, ColumnPlace Place, bool IfExists) : TableChange;

/// <summary>RENAME COLUMN.</summary>
internal sealed record RenameColumn(string Column, string Name, bool IfExists) : TableChange;

/// <summary>ADD PRIMARY KEY.</summary>
internal sealed record AddKey(ImmutableArray<string> Columns) : TableChange;

/// <summary>DROP PRIMARY KEY.</summary>
internal sealed record DropKey : TableChange;

/// <summary>The table's default for texts.</summary>
internal sealed record SetCharset(CharsetClause Charset) : TableChange;

/// <summary>CONVERT TO CHARACTER SET.</summary>
internal sealed record ConvertCharset(CharsetClause Charset) : TableChange;

/// <summary>RENAME TO.</summary>
internal sealed record RenameTo(TableName Table) : TableChange;

/// <summary>Whether and how the table keeps its history (MariaDB).</summary>
/// <param name="IsKept">ADD SYSTEM VERSIONING, or WITH SYSTEM VERSIONING; otherwise DROP.</param>
internal sealed record SetVersioning(bool IsKept) : TableChange;

/// <summary>ENGINE.</summary>
internal sealed record SetEngine(string Engine) : TableChange;

/// <summary>A foreign key whose parent's changes change this table's rows.</summary>
/// <param name="Parent">The table that is referred to.</param>
/// <param name="Actions">What happens, e.g. <c>ON DELETE CASCADE</c>.</param>
internal sealed record AddForeignKey(TableName Parent, string Actions) : TableChange;

/// <summary>Rows come or go without being told: a partition dropped, emptied, exchanged; a tablespace discarded.</summary>
/// <param name="What">The clause in words.</param>
internal sealed record MoveRows(string What) : TableChange;
