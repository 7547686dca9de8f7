using System.Globalization;

namespace Leat.IntegrationTests.Transform;

/// <summary>Throws random expressions that mean the same to Leat and to PostgreSQL. Where the two differ on purpose (docs/expressions.md), PostgreSQL's text says what Leat does.</summary>
internal sealed partial class ExpressionDice(Random random)
{
    // Decimals may have at most 65 digits, 30 behind the point: what grows towards that is not multiplied any more.
    private const int MostWhole = 30;
    private const int MostScale = 14;

    private static readonly string[] Words = ["'a'", "'ab'", "'B'", "''", "' x '", "'0'", "'a,b,c'", "'ü'", "'Äß'", "'12'", "'a_b%'", "'aXbX'"];

    public TypedExpression Throw(int depth) => Throw((Sort)random.Next(7), depth);

    public TypedExpression Throw(Sort sort, int depth)
    {
        if (depth <= 0 || random.Next(8) == 0)
            return Leaf(sort);
        if (random.Next(5) == 0)
            return Choice(sort, depth - 1);
        return sort switch
        {
            Sort.Truth => Truth(depth - 1),
            Sort.Integer => Integer(depth - 1),
            Sort.Exact => Exact(depth - 1),
            Sort.Real => Real(depth - 1),
            Sort.Text => Text(depth - 1),
            Sort.Date => Date(depth - 1),
            _ => Moment(depth - 1),
        };
    }

    private bool Coin => random.Next(2) == 0;

    private T Any<T>(params T[] choices) => choices[random.Next(choices.Length)];

    private static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private TypedExpression Leaf(Sort sort)
    {
        var number = random.Next(-20, 100);
        return sort switch
        {
            Sort.Truth => Any(Same(sort, "TRUE"), Same(sort, "FALSE"), Same(sort, "(i1 > i2)"), Same(sort, "(t1 = t2)")),
            Sort.Integer when Coin => Constant(number),
            Sort.Integer => Same(sort, Any("i1", "i2", "i3")) with { Whole = 19 },
            Sort.Exact when random.Next(3) == 0 => Same(sort, $"{Math.Abs(number)}.{random.Next(10, 99)}") with { Whole = 2, Scale = 2 },
            Sort.Exact => Coin ? Same(sort, "d1") with { Whole = 8, Scale = 2 } : Same(sort, "d2") with { Whole = 4, Scale = 4 },
            Sort.Real when Coin => new(sort, $"{Number(Math.Abs(number) / 8.0)}e0", $"{Number(Math.Abs(number) / 8.0)}::float8", Level.Atom),
            Sort.Real => Same(sort, "r1"),
            Sort.Text when Coin => Same(sort, Any(Words)),
            Sort.Text => Any(Same(sort, "t1"), Same(sort, "t2"), new(sort, "j1 ->> '$.s'", "(j1 #>> '{s}')", Level.Atom), new(sort, "j1 ->> '$.l[1]'", "(j1 #>> '{l,1}')", Level.Atom), new(sort, "j1 ->> '$.o'", "(j1 #>> '{o}')", Level.Atom)),
            Sort.Date when Coin => Same(sort, new DateOnly(2024, 1, 1).AddDays(random.Next(800)).ToString(@"\D\A\T\E \'yyyy-MM-dd\'", CultureInfo.InvariantCulture)),
            Sort.Date => Same(sort, "a1"),
            _ => Same(Sort.Moment, "s1"),
        };
    }

    private static TypedExpression Constant(int number) => new(Sort.Integer, number < 0 ? $"({number})" : $"{number}", $"({number})::int8", Level.Atom) { Whole = Math.Max(1, $"{Math.Abs(number)}".Length) };

    // Both write it alike.
    private static TypedExpression Same(Sort sort, string text) => new(sort, text, sort == Sort.Text ? $"{text}::text" : text, Level.Atom);

    private TypedExpression Binary(Sort sort, string sign, Level level, TypedExpression left, TypedExpression right)
    {
        var always = Coin;
        return new(sort, $"{left.LeatAt(level, always)} {sign} {right.LeatAt(level + 1, always)}", $"{left.SqlAt(level, always)} {sign} {right.SqlAt(level + 1, always)}", level, left, right);
    }

    private static TypedExpression Call(Sort sort, string leat, string sql, params TypedExpression[] parts) => new(
        sort, string.Format(CultureInfo.InvariantCulture, leat, [.. parts.Select(part => part.LeatAt(Level.Atom, always: false))]),
        "(" + string.Format(CultureInfo.InvariantCulture, sql, [.. parts.Select(part => $"({part.Sql})")]) + ")", Level.Atom, parts);

    private static TypedExpression Alike(Sort sort, string both, params TypedExpression[] parts) => Call(sort, both, both, parts);

    private TypedExpression Choice(Sort sort, int depth)
    {
        var a = Throw(sort, depth);
        var b = Throw(sort, depth);
        var chosen = random.Next(7) switch
        {
            0 => Alike(sort, "CASE WHEN {0} THEN {1} ELSE {2} END", Throw(Sort.Truth, depth), a, b),
            1 => Alike(sort, "CASE {0} WHEN {1} THEN {2} WHEN {3} THEN {4} END", Throw(Sort.Integer, depth), Throw(Sort.Integer, 0), a, Throw(Sort.Integer, 0), b),
            2 => Alike(sort, "coalesce({0}, {1})", a, b),
            3 when sort != Sort.Truth => Alike(sort, "nullif({0}, {1})", a, b),
            4 when sort != Sort.Truth => Call(sort, "greatest({0}, {1})", "CASE WHEN {0} IS NULL OR {1} IS NULL THEN NULL ELSE greatest({0}, {1}) END", a, b),
            5 when sort != Sort.Truth => Call(sort, "least({0}, {1})", "CASE WHEN {0} IS NULL OR {1} IS NULL THEN NULL ELSE least({0}, {1}) END", a, b),
            _ => Call(sort, "if({0}, {1}, {2})", "CASE WHEN {0} THEN {1} ELSE {2} END", Throw(Sort.Truth, depth), a, b),
        };
        return chosen.Leat.StartsWith("nullif", StringComparison.Ordinal) ? chosen with { Whole = a.Whole, Scale = a.Scale } : chosen with { Whole = Math.Max(a.Whole, b.Whole), Scale = Math.Max(a.Scale, b.Scale) };
    }

    private TypedExpression Truth(int depth)
    {
        switch (random.Next(10))
        {
            case 0:
                return Binary(Sort.Truth, "AND", Level.And, Throw(Sort.Truth, depth), Throw(Sort.Truth, depth));
            case 1:
                return Binary(Sort.Truth, "OR", Level.Or, Throw(Sort.Truth, depth), Throw(Sort.Truth, depth));
            case 2:
                var inner = Throw(Sort.Truth, depth);
                return new(Sort.Truth, $"NOT {inner.LeatAt(Level.Not, always: false)}", $"NOT {inner.SqlAt(Level.Not, always: false)}", Level.Not, inner);
            case 3:
                return Alike(Sort.Truth, Any("({0} IS TRUE)", "({0} IS NOT FALSE)", "({0} IS UNKNOWN)", "({0} IS NOT NULL)"), Throw(Sort.Truth, depth));
            case 4:
                return Call(Sort.Truth, "({0} IS NULL)", "{0} IS NULL", Throw(depth));
            case 5:
                return Patterns(depth);
            case 6:
                var sort = (Sort)random.Next(1, 7);
                return Alike(Sort.Truth, Any("({0} IN ({1}, {2}, {3}))", "({0} NOT IN ({1}, {2}, {3}))"), Throw(sort, depth), Throw(sort, 1), Throw(sort, 0), Throw(sort, 0));
            case 7:
                var (value, low, high) = (Comparable(depth), Comparable(0), Comparable(0));
                return Alike(Sort.Truth, Any("({0} BETWEEN {1} AND {2})", "({0} NOT BETWEEN {1} AND {2})"), value, low, high);
            default:
                var (left, right) = Coin ? (Comparable(depth), Comparable(depth)) : Moments(depth);
                if (random.Next(4) == 0)
                {
                    var both = (Sort)random.Next(1, 7);
                    (left, right) = (Throw(both, depth), Throw(both, depth));
                }

                return random.Next(5) == 0
                    ? Alike(Sort.Truth, Any("({0} IS DISTINCT FROM {1})", "({0} IS NOT DISTINCT FROM {1})"), left, right)
                    : Alike(Sort.Truth, $"({{0}} {Any("=", "<>", "<", "<=", ">", ">=")} {{1}})", left, right);
        }
    }

    // Numbers of any sort compare with each other, and dates with moments.
    private TypedExpression Comparable(int depth) => Throw(Any(Sort.Integer, Sort.Exact, Sort.Real), depth);

    private (TypedExpression, TypedExpression) Moments(int depth) => (Throw(Any(Sort.Date, Sort.Moment), depth), Throw(Any(Sort.Date, Sort.Moment), depth));

    private TypedExpression Patterns(int depth)
    {
        var text = Throw(Sort.Text, depth);
        var pattern = Any("'a%'", "'%b'", "'%X%'", "'_'", "'a\\_%'", "'%'", "'a_b%'", "''");
        return random.Next(6) switch
        {
            0 => Call(Sort.Truth, $"({{0}} ILIKE {pattern})", $"{{0}} ILIKE {pattern}", text),
            1 => Call(Sort.Truth, "({0} LIKE 'a!_%' ESCAPE '!')", "{0} LIKE 'a!_%' ESCAPE '!'", text),
            2 => Alike(Sort.Truth, "starts_with({0}, {1})", text, Throw(Sort.Text, 0)),
            3 => Call(Sort.Truth, "regexp_like({0}, '^[a-z]+,?b')", "{0} ~ '^[a-z]+,?b'", text),
            4 => Call(Sort.Truth, $"({{0}} NOT LIKE {pattern})", $"{{0}} NOT LIKE {pattern}", text),
            _ => Call(Sort.Truth, $"({{0}} LIKE {pattern})", $"{{0}} LIKE {pattern}", text),
        };
    }
}
