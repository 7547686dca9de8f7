using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.Expressions;
using Leat.Transform.Plan.Rules;

namespace Leat.Transform.Plan.Documents;

/// <summary>A table of the pipeline while the rule is understood: what of it is needed, and where it is looked up.</summary>
internal sealed class InputDraft(TableSelection selection, TableSchema mapped, ImmutableArray<ShapeColumn> delivered)
{
    private readonly SortedSet<int> _needed = [];
    private readonly Dictionary<string, ColumnUse> _uses = [];

    /// <summary>What is taken of the table.</summary>
    public TableSelection Selection { get; } = selection;

    /// <summary>Shape of the rows that expressions can see: the table's columns and its computed ones.</summary>
    public TableSchema Mapped { get; } = mapped;

    /// <summary>Its fields when nothing else is said.</summary>
    public ImmutableArray<ShapeColumn> Delivered { get; } = delivered;

    /// <summary>Columns that it is looked up by.</summary>
    public List<ImmutableArray<int>> Lookups { get; } = [];

    /// <summary>Its columns' names.</summary>
    public IReadOnlyList<string> Names => [.. Mapped.Columns.Select(column => column.Name)];

    /// <summary>Columns that have to be held, rising.</summary>
    public IReadOnlyCollection<int> Needed => _needed;

    /// <summary>Why.</summary>
    public ImmutableDictionary<string, ColumnUse> Uses => _uses.ToImmutableDictionary();

    /// <summary>Ordinal of a column by its name, without regard to case when no other has it exactly; -1 when there is none.</summary>
    public int Find(string name)
    {
        var exact = Mapped.Find(name);
        return exact >= 0 ? exact : Mapped.Columns.ToList().FindIndex(column => column.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>Notes that a column is needed.</summary>
    public int Need(int ordinal, FileLocation at, string words)
    {
        _needed.Add(ordinal);
        _uses.TryAdd(Mapped.Columns[ordinal].Name, new(at, words));
        return ordinal;
    }

    /// <summary>Ordinal of a column that is needed.</summary>
    /// <exception cref="PauseException">There is none.</exception>
    public int Need(string name, FileLocation at, string words) => Find(name) is var ordinal and >= 0
        ? Need(ordinal, at, words)
        : throw DocumentErrors.UnknownColumn(at, Selection.Alias, name, Names);

    /// <summary>Ordinal in the held rows of a column of the mapped ones.</summary>
    public int HeldOf(int mapped) => _needed.TakeWhile(ordinal => ordinal < mapped).Count();
}

/// <summary>How rows are joined, by ordinals of mapped rows.</summary>
internal sealed record JoinDraft(InputDraft From, InputDraft To, ImmutableArray<(int Joined, int To)> Pairs);

/// <summary>A field and the column of a table that it shows.</summary>
internal sealed record FieldDraft(string Name, int Ordinal);

/// <summary>A merge that is understood.</summary>
/// <param name="Rule">As written.</param>
/// <param name="Name">What its columns are qualified by.</param>
/// <param name="Join">How its row is found.</param>
/// <param name="Fields">Its fields.</param>
internal sealed record MergeDraft(MergeRule Rule, string Name, JoinDraft Join, ImmutableArray<FieldDraft> Fields)
{
    /// <summary>Whether an expression means it by a qualifier: by its table, or by the name of its object.</summary>
    public bool Is(string name) => Name.Equals(name, StringComparison.OrdinalIgnoreCase) || (Rule.As?.Equals(name, StringComparison.OrdinalIgnoreCase) ?? false);
}

/// <summary>A collection that is understood.</summary>
internal sealed record NestDraft(NestRule Rule, JoinDraft Join, ScopeDraft Scope, ImmutableArray<int> Key, ImmutableArray<(int Ordinal, bool Falling)> Order)
{
    /// <summary>Whether an aggregate means it by a name.</summary>
    public bool Is(string name) => Rule.As.Equals(name, StringComparison.OrdinalIgnoreCase) || Rule.From.Equals(name, StringComparison.OrdinalIgnoreCase);
}

/// <summary>An expression that is understood.</summary>
/// <param name="Written">As written.</param>
/// <param name="Expression">What it says.</param>
/// <param name="FirstAggregate">Place of its first aggregate among those of its scope.</param>
internal sealed record ExpressionDraft(WrittenExpression Written, Expression Expression, int FirstAggregate);

/// <summary>An aggregate that is understood.</summary>
/// <param name="Written">The expression that it stands in.</param>
/// <param name="Call">What it computes.</param>
/// <param name="Argument">What of; <see langword="null"/>: of rows as such.</param>
/// <param name="Nest">The collection; <see langword="null"/>: the rows of the group.</param>
internal sealed record AggregateDraft(WrittenExpression Written, AggregateCall Call, Expression? Argument, NestDraft? Nest);

/// <summary>An object that is understood: a document, or one of a collection.</summary>
internal sealed class ScopeDraft(InputDraft input, IReadOnlyList<string> ownNames, ImmutableArray<FieldDraft> fields)
{
    /// <summary>The table whose rows become the objects.</summary>
    public InputDraft Input { get; } = input;

    /// <summary>Qualifiers that mean its own columns.</summary>
    public IReadOnlyList<string> OwnNames { get; } = ownNames;

    /// <summary>Fields that show columns of its own.</summary>
    public ImmutableArray<FieldDraft> Fields { get; } = fields;

    /// <summary>Rows that are merged in.</summary>
    public List<MergeDraft> Merges { get; } = [];

    /// <summary>Collections.</summary>
    public List<NestDraft> Nests { get; } = [];

    /// <summary>Which objects there are.</summary>
    public ExpressionDraft? Where { get; set; }

    /// <summary>Computed fields.</summary>
    public List<(string Name, ExpressionDraft Expression)> Set { get; } = [];

    /// <summary>Aggregates over collections, of all its expressions.</summary>
    public List<AggregateDraft> Aggregates { get; } = [];
}

/// <summary>A document rule that is understood.</summary>
/// <param name="Root">Its objects; of groups the rows that they are made of.</param>
/// <param name="Group">Fields that tell groups apart; <see langword="null"/> without groups.</param>
/// <param name="GroupSet">Computed fields of groups.</param>
/// <param name="GroupAggregates">Aggregates of groups.</param>
/// <param name="Inputs">Tables that take part, the root first.</param>
internal sealed record DocumentDraft(
    ScopeDraft Root, ImmutableArray<(string Name, ExpressionDraft Expression)>? Group, ImmutableArray<(string Name, ExpressionDraft Expression)> GroupSet,
    ImmutableArray<AggregateDraft> GroupAggregates, ImmutableArray<InputDraft> Inputs);
