using System.Collections.Immutable;
using Leat.Changes;
using Leat.Changes.Configuration;

namespace Leat.Pipeline.Definitions;

/// <summary>One entry of a pipeline's <c>tests:</c>: rows that are there, what happens to them, and what the target shall get.</summary>
public sealed record TestRule
{
    /// <summary>What it is about, in the file's words.</summary>
    public required string Name { get; init; }

    /// <summary>Columns by the alias of their table, where the file tells them; others are told from the values.</summary>
    public ImmutableDictionary<string, ImmutableArray<TestColumn>> Types { get; init; } = ImmutableDictionary<string, ImmutableArray<TestColumn>>.Empty;

    /// <summary>Rows that are there before, as inserts in the file's order; they deliver nothing.</summary>
    public ImmutableArray<TestStep> Given { get; init; } = [];

    /// <summary>What happens: the source's transactions, each with its steps, in order.</summary>
    public ImmutableArray<ImmutableArray<TestStep>> When { get; init; } = [];

    /// <summary>What the target shall get, and nothing else.</summary>
    public ImmutableArray<TestExpectation> Then { get; init; } = [];

    /// <summary>Where the entry stands.</summary>
    public required FileLocation Location { get; init; }
}

/// <summary>A column of a table in a test.</summary>
/// <param name="Column">Its name and type.</param>
/// <param name="IsKey">Whether it is written as part of the key.</param>
/// <param name="Location">Where its type stands.</param>
public sealed record TestColumn(Column Column, bool IsKey, FileLocation Location);

/// <summary>What a step does to a row.</summary>
public enum TestStepKind
{
    /// <summary><c>insert</c>: a new row.</summary>
    Insert,

    /// <summary><c>update</c>: the row with <see cref="TestStep.Key"/> gets other values in some columns.</summary>
    Update,

    /// <summary><c>delete</c>: the row with <see cref="TestStep.Key"/> goes.</summary>
    Delete,

    /// <summary><c>truncate</c>: all rows of the table go.</summary>
    Truncate,
}

/// <summary>One change of a row in a test.</summary>
public sealed record TestStep
{
    /// <summary>What it does.</summary>
    public required TestStepKind Kind { get; init; }

    /// <summary>Alias of the table.</summary>
    public required string Alias { get; init; }

    /// <summary>The source table, where the alias stands for several; <see langword="null"/>: the alias's own, or the first that the test names.</summary>
    public TableName? Table { get; init; }

    /// <summary>Update and delete: the row's key; a single value without a column's name has the name <c>""</c>.</summary>
    public ImmutableArray<TestField> Key { get; init; } = [];

    /// <summary>Insert: the row. Update: the columns that change, and their values.</summary>
    public ImmutableArray<TestField> Values { get; init; } = [];

    /// <summary>Where the step stands.</summary>
    public required FileLocation Location { get; init; }
}

/// <summary>A column's value in a test: a text when quoted, else a number, <c>true</c>, <c>false</c> or a text; a list or block is JSON.</summary>
/// <param name="Column">The column's name.</param>
/// <param name="Value">The value as it stands.</param>
/// <param name="Location">Where the name stands; the value's place when it has none.</param>
public readonly record struct TestField(string Column, ConfigNode Value, FileLocation Location);

/// <summary>An operation that the target shall get.</summary>
public sealed record TestExpectation
{
    /// <summary>Whether it is a delete; otherwise the whole row or document is written.</summary>
    public required bool IsDelete { get; init; }

    /// <summary>The key's values, joined by <c>:</c>.</summary>
    public required string Key { get; init; }

    /// <summary>Alias of the table, where there are several; <see langword="null"/>: any.</summary>
    public string? Alias { get; init; }

    /// <summary>What is written; <see langword="null"/>: anything.</summary>
    public ConfigMap? Document { get; init; }

    /// <summary>Whether <see cref="Document"/> holds all of it (<c>document:</c>), or only the fields that matter (<c>fields:</c>).</summary>
    public bool IsWhole { get; init; }

    /// <summary>Where it stands.</summary>
    public required FileLocation Location { get; init; }
}
