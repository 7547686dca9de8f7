namespace Leat.IntegrationTests.Transform;

/// <summary>Types of random expressions.</summary>
internal enum Sort
{
    Truth,
    Integer,
    Exact,
    Real,
    Text,
    Date,
    Moment,
}

/// <summary>How tightly the outermost operator of a text binds; texts of a lower level need parentheses inside higher ones.</summary>
internal enum Level
{
    Or,
    And,
    Not,
    Comparison,
    Joined,
    Sum,
    Product,
    Atom,
}

/// <summary>One expression in Leat's words and in PostgreSQL's, with what it is made of.</summary>
/// <param name="Sort">Its type.</param>
/// <param name="Leat">For Leat.</param>
/// <param name="Sql">For PostgreSQL.</param>
/// <param name="Level">How tightly both bind.</param>
/// <param name="Parts">What it is made of; each is an expression of its own.</param>
internal sealed record TypedExpression(Sort Sort, string Leat, string Sql, Level Level, params TypedExpression[] Parts)
{
    /// <summary>Digits before the point, at most; of exact numbers.</summary>
    public int Whole { get; init; }

    /// <summary>Digits behind the point; of exact numbers.</summary>
    public int Scale { get; init; }

    /// <summary>What PostgreSQL shall print for a comparison with what Leat computes.</summary>
    public string Printed => Sort == Sort.Truth ? $"({Sql})::int::text" : $"({Sql})::text";

    /// <summary>Leat's text for a place that asks for at least that level.</summary>
    public string LeatAt(Level least, bool always) => always || Level < least ? $"({Leat})" : Leat;

    /// <summary>PostgreSQL's text for a place that asks for at least that level.</summary>
    public string SqlAt(Level least, bool always) => always || Level < least ? $"({Sql})" : Sql;
}
