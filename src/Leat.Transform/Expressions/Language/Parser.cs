using System.Collections.Immutable;

namespace Leat.Transform.Expressions.Language;

/// <summary>Reads an expression: OR, AND, NOT, comparisons, IN and its like, ||, + -, * / %, sign, -&gt;, parentheses; each binds tighter than the one before.</summary>
internal sealed partial class Parser
{
    /// <summary>Most operators and parentheses inside each other: far more than a person writes, far less than the stack holds.</summary>
    public const int MaxDepth = 200;

    /// <summary>Longest expression in characters: 64 Ki.</summary>
    public const int MaxLength = 64 * 1024;

    private static readonly string[] Reserved =
        ["AND", "OR", "NOT", "IN", "BETWEEN", "IS", "LIKE", "NULL", "TRUE", "FALSE", "WHERE", "SELECT", "FROM", "WHEN", "THEN", "ELSE"];

    private static readonly string[] Memberships = ["IN", "BETWEEN", "LIKE", "ILIKE", "REGEXP", "RLIKE"];

    private readonly Lexer _lexer;
    private readonly List<AggregateSyntax> _aggregates = [];
    private Token _token;
    private int _open;
    private bool _inAggregate;

    private Parser(string text)
    {
        _lexer = new(text);
        _token = _lexer.Next();
    }

    /// <summary>Reads a whole expression, and the aggregates in it.</summary>
    /// <exception cref="ExpressionException">It is not one; names line and column.</exception>
    public static (Syntax Syntax, List<AggregateSyntax> Aggregates) Parse(string text)
    {
        if (text.Length > MaxLength)
            throw ExpressionErrors.TooLong(new(1, 1), text.Length, MaxLength);
        var parser = new Parser(text);
        var syntax = parser.Or();
        return parser._token.Kind == TokenKind.End ? (syntax, parser._aggregates) : throw parser.Unexpected("an operator or the end");
    }

    private Syntax Or() => Logical("OR", And);

    private Syntax And() => Logical("AND", Not);

    private Syntax Logical(string word, Func<Syntax> next)
    {
        var at = _token.At;
        var first = next();
        if (!_token.IsWord(word))
            return first;

        var terms = ImmutableArray.CreateBuilder<Syntax>();
        terms.Add(first);
        while (TakeWord(word))
            terms.Add(next());
        return Checked(new LogicalSyntax(at, word == "AND", terms.ToImmutable()));
    }

    private Syntax Not()
    {
        var at = _token.At;
        if (!TakeWord("NOT"))
            return Comparison();

        Enter(at);
        var inner = Not();
        _open--;
        return Checked(new NotSyntax(at, inner));
    }

    private Syntax Comparison()
    {
        var left = Predicate();
        while (true)
        {
            var at = _token.At;
            if (_token.Kind == TokenKind.Symbol && _token.Text is "=" or "<>" or "!=" or "<" or "<=" or ">" or ">=" or "<=>")
            {
                var symbol = Take().Text;
                left = Checked(new BinarySyntax(at, symbol == "!=" ? "<>" : symbol, left, Predicate()));
            }
            else if (TakeWord("IS"))
            {
                var not = TakeWord("NOT");
                left = Negated(at, not, Is(at, left));
            }
            else
            {
                return left;
            }
        }
    }

    // As in MySQL and PostgreSQL, these bind tighter than '='.
    private Syntax Predicate()
    {
        var left = Joined();
        while (_token.IsWord("NOT") || Array.Exists(Memberships, _token.IsWord))
        {
            var at = _token.At;
            var not = TakeWord("NOT");
            left = Negated(at, not, Membership(at, left));
        }

        return left;
    }

    private Syntax Is(Place at, Syntax value)
    {
        if (TakeWord("DISTINCT"))
        {
            if (!TakeWord("FROM"))
                throw Unexpected("FROM");
            return new NotSyntax(at, Checked(new BinarySyntax(at, "<=>", value, Predicate())));
        }

        foreach (var word in (ReadOnlySpan<string>)["NULL", "TRUE", "FALSE", "UNKNOWN"])
        {
            if (TakeWord(word))
                return new IsSyntax(at, value, word);
        }

        throw Unexpected("NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM");
    }

    private Syntax Membership(Place at, Syntax value)
    {
        var ignoresCase = _token.IsWord("ILIKE");
        if (TakeWord("LIKE") || TakeWord("ILIKE"))
            return Like(at, value, ignoresCase);
        if (TakeWord("REGEXP") || TakeWord("RLIKE"))
            return Checked(new CallSyntax(at, "regexp_like", [value, Joined()]));
        if (TakeWord("IN"))
        {
            Expect("(");
            return Checked(new InSyntax(at, value, List()));
        }

        if (!TakeWord("BETWEEN"))
            throw Unexpected("IN, BETWEEN, LIKE, ILIKE or REGEXP");
        var low = Joined();
        if (!TakeWord("AND"))
            throw Unexpected("AND");
        return Checked(new BetweenSyntax(at, value, low, Joined()));
    }

    private Syntax Like(Place at, Syntax value, bool ignoresCase)
    {
        var pattern = Joined();
        var escape = '\\';
        if (TakeWord("ESCAPE"))
        {
            if (_token.Kind != TokenKind.Text || _token.Text.Length > 1 || (_token.Text.Length == 1 && !char.IsAscii(_token.Text[0])))
                throw Unexpected("one ASCII character between single quotes");
            escape = Take().Text is [var sign] ? sign : '\0';
        }

        return Checked(new LikeSyntax(at, value, pattern, ignoresCase, escape));
    }

    private Syntax Joined()
    {
        var left = Sum();
        while (_token.IsSymbol("||"))
        {
            var symbol = Take();
            left = Checked(new BinarySyntax(symbol.At, symbol.Text, left, Sum()));
        }

        return left;
    }

    private Syntax Sum()
    {
        var left = Product();
        while (_token.IsSymbol("+") || _token.IsSymbol("-"))
        {
            var symbol = Take();
            left = Checked(new BinarySyntax(symbol.At, symbol.Text, left, Product()));
        }

        return left;
    }

    private Syntax Product()
    {
        var left = Signed();
        while (_token.IsSymbol("*") || _token.IsSymbol("/") || _token.IsSymbol("%") || _token.IsWord("DIV"))
        {
            var symbol = Take();
            left = Checked(new BinarySyntax(symbol.At, symbol.Text.ToUpperInvariant(), left, Signed()));
        }

        return left;
    }

    private Syntax Signed()
    {
        var at = _token.At;
        if (!_token.IsSymbol("-"))
            return Path();

        Take();
        Enter(at);
        var inner = Signed();
        _open--;
        return Checked(new NegateSyntax(at, inner));
    }

    private Syntax Path()
    {
        var left = Primary();
        while (_token.IsSymbol("->") || _token.IsSymbol("->>"))
        {
            var symbol = Take();
            left = Checked(new BinarySyntax(symbol.At, symbol.Text, left, Primary()));
        }

        return left;
    }

    private Syntax Primary()
    {
        var token = _token;
        switch (token.Kind)
        {
            case TokenKind.Number:
                Take();
                return new NumberSyntax(token.At, token.Text);
            case TokenKind.Text:
                Take();
                return new TextSyntax(token.At, token.Text);
            case TokenKind.QuotedName:
                Take();
                return Column(token);
            case TokenKind.Word:
                return Word(token);
            case TokenKind.Symbol when token.Text == "(":
                Take();
                Enter(token.At);
                var inner = Or();
                _open--;
                Expect(")");
                return inner;
            default:
                throw Unexpected("a column, a value or '('");
        }
    }

    private static Syntax Negated(Place at, bool not, Syntax inner) => not ? Checked(new NotSyntax(at, inner)) : Checked(inner);

    private static Syntax Checked(Syntax syntax) =>
        syntax.Depth <= MaxDepth ? syntax : throw ExpressionErrors.TooDeep(syntax.At, MaxDepth);

    private void Enter(Place at)
    {
        if (++_open > MaxDepth)
            throw ExpressionErrors.TooDeep(at, MaxDepth);
    }

    private Token Take()
    {
        var taken = _token;
        _token = _lexer.Next();
        return taken;
    }

    private bool TakeWord(string word)
    {
        if (!_token.IsWord(word))
            return false;
        Take();
        return true;
    }

    private bool TakeSymbol(string symbol)
    {
        if (!_token.IsSymbol(symbol))
            return false;
        Take();
        return true;
    }

    private void Expect(string symbol)
    {
        if (!TakeSymbol(symbol))
            throw Unexpected($"'{symbol}'");
    }

    private void ExpectWord(string word)
    {
        if (!TakeWord(word))
            throw Unexpected(word);
    }

    private ExpressionException Unexpected(string expected) => ExpressionErrors.Unexpected(_token.At, _token.Shown, expected);
}
