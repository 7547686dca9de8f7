using System.Collections.Immutable;

namespace Leat.Transform.Expressions;

/// <summary>Reads a condition: OR, AND, NOT, comparisons, + -, * / %, sign, parentheses; each binds tighter than the one before.</summary>
internal sealed class Parser
{
    /// <summary>Most operators and parentheses inside each other: far more than a person writes, far less than the stack holds.</summary>
    public const int MaxDepth = 200;

    private static readonly string[] Reserved =
        ["AND", "OR", "NOT", "IN", "BETWEEN", "IS", "LIKE", "NULL", "TRUE", "FALSE", "WHERE", "SELECT", "FROM"];

    private readonly Lexer _lexer;
    private Token _token;
    private int _open;

    private Parser(string text)
    {
        _lexer = new(text);
        _token = _lexer.Next();
    }

    /// <summary>Reads a whole condition.</summary>
    /// <exception cref="ExpressionException">It is not one; names line and column.</exception>
    public static Syntax Parse(string text)
    {
        var parser = new Parser(text);
        var syntax = parser.Or();
        return parser._token.Kind == TokenKind.End ? syntax : throw parser.Unexpected("an operator or the end");
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
        var left = Sum();
        while (true)
        {
            var at = _token.At;
            if (_token.Kind == TokenKind.Symbol && _token.Text is "=" or "<>" or "!=" or "<" or "<=" or ">" or ">=")
            {
                var symbol = Take().Text;
                left = Checked(new BinarySyntax(at, symbol == "!=" ? "<>" : symbol, left, Sum()));
            }
            else if (TakeWord("IS"))
            {
                var not = TakeWord("NOT");
                if (!TakeWord("NULL"))
                    throw Unexpected("NULL");
                left = Negated(at, not, new IsNullSyntax(at, left));
            }
            else if (_token.IsWord("NOT") || _token.IsWord("IN") || _token.IsWord("BETWEEN") || _token.IsWord("LIKE"))
            {
                var not = TakeWord("NOT");
                left = Negated(at, not, Membership(at, left));
            }
            else
            {
                return left;
            }
        }
    }

    private Syntax Membership(Place at, Syntax value)
    {
        if (TakeWord("LIKE"))
            return Checked(new LikeSyntax(at, value, Sum()));
        if (TakeWord("IN"))
        {
            Expect("(");
            return Checked(new InSyntax(at, value, List()));
        }

        if (!TakeWord("BETWEEN"))
            throw Unexpected("IN, BETWEEN or LIKE");
        var low = Sum();
        if (!TakeWord("AND"))
            throw Unexpected("AND");
        var high = Sum();
        return Checked(new LogicalSyntax(at, IsAnd: true, [new BinarySyntax(at, ">=", value, low), new BinarySyntax(at, "<=", value, high)]));
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
        while (_token.IsSymbol("*") || _token.IsSymbol("/") || _token.IsSymbol("%"))
        {
            var symbol = Take();
            left = Checked(new BinarySyntax(symbol.At, symbol.Text, left, Signed()));
        }

        return left;
    }

    private Syntax Signed()
    {
        var at = _token.At;
        if (!_token.IsSymbol("-"))
            return Primary();

        Take();
        Enter(at);
        var inner = Signed();
        _open--;
        return Checked(new NegateSyntax(at, inner));
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
                return new TextSyntax(token.At, token.Text, Temporal: false);
            case TokenKind.QuotedName:
                Take();
                return new ColumnSyntax(token.At, token.Text);
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
        if (_token.Kind == TokenKind.Text && (word.IsWord("DATE") || word.IsWord("TIMESTAMP") || word.IsWord("TIME")))
            return new TextSyntax(word.At, Take().Text, Temporal: true);
        if (!_token.IsSymbol("("))
            return new ColumnSyntax(word.At, word.Text);

        Take();
        return Checked(new CallSyntax(word.At, word.Text, _token.IsSymbol(")") ? CloseEmpty() : List()));
    }

    private ImmutableArray<Syntax> CloseEmpty()
    {
        Take();
        return [];
    }

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

    private ExpressionException Unexpected(string expected) => ExpressionErrors.Unexpected(_token.At, _token.Shown, expected);
}
