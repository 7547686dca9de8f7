using System.Collections.Immutable;
using System.Globalization;
using Leat.Transform.Expressions.Functions;

namespace Leat.Transform.Expressions.Language;

// What begins with a word: names, CASE, CAST, calls with a syntax of their own, aggregates.
internal sealed partial class Parser
{
    private Syntax Word(Token word)
    {
        if (TakeWord("NULL"))
            return new NullSyntax(word.At);
        if (TakeWord("TRUE"))
            return new BoolSyntax(word.At, Value: true);
        if (TakeWord("FALSE"))
            return new BoolSyntax(word.At, Value: false);
        if (Array.Exists(Reserved, word.IsWord))
            throw Unexpected("a column, a value or '('");

        Take();
        if (word.IsWord("CASE") && !_token.IsSymbol("."))
            return Case(word);
        if (word.IsWord("INTERVAL") && (_token.Kind is TokenKind.Number or TokenKind.Text or TokenKind.Word || _token.IsSymbol("(") || _token.IsSymbol("-")))
            return Interval(word);
        if (_token.Kind == TokenKind.Text && (word.IsWord("DATE") || word.IsWord("TIMESTAMP") || word.IsWord("TIME")))
            return new TemporalSyntax(word.At, word.Text.ToUpperInvariant(), Take().Text);
        if (!TakeSymbol("("))
            return Column(word);
        if (AggregateOf(word.Text) is { } kind)
            return Aggregate(word, kind);

        Enter(word.At);
        Syntax call = word.Text.ToUpperInvariant() switch
        {
            "CAST" => Cast(word),
            "EXTRACT" => Extract(word),
            "SUBSTRING" or "SUBSTR" or "MID" => Substring(word),
            "TRIM" => Trim(word),
            "POSITION" => Position(word),
            _ => FunctionTable.Known(new(word.At, word.Text, TakeSymbol(")") ? [] : List())),
        };
        _open--;
        return Checked(call);
    }

    private ColumnSyntax Column(Token first)
    {
        if (!TakeSymbol("."))
            return new(first.At, null, first.Text);
        return _token.Kind is TokenKind.Word or TokenKind.QuotedName ? new(first.At, first.Text, Take().Text) : throw Unexpected("the name of a column");
    }

    // Behind the parenthesis that opens it, to the one that closes it.
    private ImmutableArray<Syntax> List()
    {
        Enter(_token.At);
        var items = ImmutableArray.CreateBuilder<Syntax>();
        do
            items.Add(Or());
        while (TakeSymbol(","));
        Expect(")");
        _open--;
        return items.ToImmutable();
    }

    private Syntax Case(Token word)
    {
        Enter(word.At);
        var operand = _token.IsWord("WHEN") ? null : Or();
        var branches = ImmutableArray.CreateBuilder<(Syntax, Syntax)>();
        while (TakeWord("WHEN"))
        {
            var when = Or();
            ExpectWord("THEN");
            branches.Add((when, Or()));
        }

        if (branches.Count == 0)
            throw Unexpected("WHEN");
        var otherwise = TakeWord("ELSE") ? Or() : null;
        ExpectWord("END");
        _open--;
        return Checked(new CaseSyntax(word.At, operand, branches.ToImmutable(), otherwise));
    }

    private Syntax Interval(Token word)
    {
        Enter(word.At);
        var amount = Signed();
        _open--;
        var unit = _token;
        if (unit.Kind != TokenKind.Word || !Units.TryName(unit.Text, out var name))
            throw ExpressionErrors.UnknownUnit(unit.At, unit.Kind == TokenKind.End ? "" : unit.Text, Units.Names);
        Take();
        return Checked(new IntervalSyntax(word.At, amount, name));
    }

    private CastSyntax Cast(Token word)
    {
        var inner = Or();
        ExpectWord("AS");
        if (_token.Kind != TokenKind.Word)
            throw Unexpected("a type");
        var type = Take();
        var name = type.Text.ToUpperInvariant();
        if (name == "DOUBLE")
            TakeWord("PRECISION");
        if (name is "SIGNED" or "UNSIGNED" && !TakeWord("INTEGER"))
            TakeWord("INT");
        int first = -1, second = -1;
        if (TakeSymbol("("))
        {
            first = Size();
            if (TakeSymbol(","))
                second = Size();
            Expect(")");
        }

        Expect(")");
        return new(word.At, inner, type.At, name, first, second);
    }

    private int Size()
    {
        if (_token.Kind != TokenKind.Number || !int.TryParse(_token.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var size))
            throw Unexpected("a whole number");
        Take();
        return size;
    }

    private CallSyntax Extract(Token word)
    {
        var unit = _token.Kind is TokenKind.Word or TokenKind.Text ? Take() : throw Unexpected("a unit, such as YEAR");
        ExpectWord("FROM");
        var value = Or();
        Expect(")");
        return new(word.At, "extract", [new TextSyntax(unit.At, unit.Text), value]);
    }

    private CallSyntax Substring(Token word)
    {
        var arguments = ImmutableArray.CreateBuilder<Syntax>();
        arguments.Add(Or());
        if (TakeWord("FROM"))
        {
            arguments.Add(Or());
            if (TakeWord("FOR"))
                arguments.Add(Or());
        }
        else
        {
            while (TakeSymbol(","))
                arguments.Add(Or());
        }

        Expect(")");
        return new(word.At, word.Text, arguments.ToImmutable());
    }

    // trim(x), trim(x, signs), trim(BOTH signs FROM x), trim(LEADING FROM x), trim(signs FROM x)
    private CallSyntax Trim(Token word)
    {
        var function = TakeWord("LEADING") ? "ltrim" : TakeWord("TRAILING") ? "rtrim" : "trim";
        TakeWord("BOTH");
        if (TakeWord("FROM"))
            return EndTrim(word, function, Or(), null);
        var first = Or();
        if (TakeWord("FROM"))
            return EndTrim(word, function, Or(), first);
        return EndTrim(word, function, first, TakeSymbol(",") ? Or() : null);
    }

    private CallSyntax EndTrim(Token word, string function, Syntax value, Syntax? signs)
    {
        Expect(")");
        return new(word.At, function, signs is null ? [value] : [value, signs]);
    }

    private CallSyntax Position(Token word)
    {
        var part = Joined();
        if (!TakeWord("IN"))
            Expect(",");
        var whole = Or();
        Expect(")");
        return new(word.At, word.Text, [part, whole]);
    }

    private static AggregateKind? AggregateOf(string function) => function.ToUpperInvariant() switch
    {
        "COUNT" => AggregateKind.Count,
        "SUM" => AggregateKind.Sum,
        "AVG" => AggregateKind.Average,
        "MIN" => AggregateKind.Min,
        "MAX" => AggregateKind.Max,
        "STRING_AGG" => AggregateKind.StringAggregate,
        _ => null,
    };

    // Behind the parenthesis that opens its arguments.
    private AggregateSyntax Aggregate(Token name, AggregateKind kind)
    {
        if (_inAggregate)
            throw ExpressionErrors.AggregateInAggregate(name.At);
        _inAggregate = true;
        Enter(name.At);
        Syntax? argument = null;
        Syntax? order = null;
        var separator = "";
        var falling = false;
        if (kind == AggregateKind.Count && TakeWord("DISTINCT"))
            kind = AggregateKind.CountDistinct;
        if (kind != AggregateKind.Count || !TakeSymbol("*"))
            argument = Or();
        if (kind == AggregateKind.StringAggregate)
        {
            Expect(",");
            separator = _token.Kind == TokenKind.Text ? Take().Text : throw Unexpected("a text between single quotes");
            if (TakeWord("ORDER"))
            {
                ExpectWord("BY");
                order = Or();
                falling = TakeWord("DESC");
                if (!falling)
                    TakeWord("ASC");
            }
        }

        Expect(")");
        _open--;
        _inAggregate = false;
        var aggregate = new AggregateSyntax(name.At, _aggregates.Count, kind, argument, separator, order, falling);
        _aggregates.Add(aggregate);
        return aggregate;
    }
}
