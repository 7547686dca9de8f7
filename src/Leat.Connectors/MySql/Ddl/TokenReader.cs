using System.Globalization;

namespace Leat.Connectors.MySql.Ddl;

/// <summary>Walks over the tokens of one statement. Whatever is not as expected ends with a <see cref="DdlUnclearException"/>.</summary>
internal sealed class TokenReader(List<Token> tokens)
{
    private int _at;

    /// <summary>The token that comes next.</summary>
    public Token Current => tokens[_at];

    /// <summary>Whether the statement is over; a semicolon ends it, too.</summary>
    public bool IsAtEnd => Current.Kind == TokenKind.End || Current.IsSymbol(';');

    /// <summary>A token further on, without passing over anything.</summary>
    public Token Peek(int ahead = 1) => tokens[Math.Min(_at + ahead, tokens.Count - 1)];

    /// <summary>Takes the next token, whatever it is.</summary>
    public Token Take()
    {
        var token = tokens[_at];
        if (token.Kind != TokenKind.End)
            _at++;
        return token;
    }

    /// <summary>Takes these keywords when all of them come next.</summary>
    public bool Try(params ReadOnlySpan<string> keywords)
    {
        for (var i = 0; i < keywords.Length; i++)
        {
            if (!Peek(i).Is(keywords[i]))
                return false;
        }

        _at += keywords.Length;
        return true;
    }

    /// <summary>Takes one of these keywords.</summary>
    public bool TryAny(params ReadOnlySpan<string> keywords)
    {
        foreach (var keyword in keywords)
        {
            if (Try(keyword))
                return true;
        }

        return false;
    }

    /// <summary>Takes a sign.</summary>
    public bool TrySymbol(char sign)
    {
        if (!Current.IsSymbol(sign))
            return false;
        _at++;
        return true;
    }

    /// <summary>A keyword that must come next.</summary>
    public void Expect(string keyword)
    {
        if (!Try(keyword))
            throw Unexpected($"'{keyword}'");
    }

    /// <summary>A sign that must come next.</summary>
    public void ExpectSymbol(char sign)
    {
        if (!TrySymbol(sign))
            throw Unexpected($"'{sign}'");
    }

    /// <summary>A name with or without quotes.</summary>
    public string Name() => Current.IsName ? Take().Text : throw Unexpected("a name");

    /// <summary>A name, a text or a number where settings take any of them.</summary>
    public string Value()
    {
        TrySymbol('=');
        return Current.IsName || Current.Kind is TokenKind.Text or TokenKind.Number ? Take().Text : throw Unexpected("a value");
    }

    /// <summary>A text; texts that follow each other are one.</summary>
    public string Text()
    {
        if (Current.Kind != TokenKind.Text)
            throw Unexpected("a text");
        var text = Take().Text;
        while (Current.Kind == TokenKind.Text)
            text += Take().Text;
        return text;
    }

    /// <summary>A whole number.</summary>
    public int Number() =>
        Current.Kind == TokenKind.Number && int.TryParse(Current.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? Taken(number)
            : throw Unexpected("a number");

    /// <summary>Passes over an opening parenthesis and all up to the one that closes it.</summary>
    public void SkipParentheses()
    {
        ExpectSymbol('(');
        for (var depth = 1; depth > 0;)
        {
            var token = Take();
            if (token.Kind == TokenKind.End)
                throw Unexpected("')'");
            depth += token.IsSymbol('(') ? 1 : token.IsSymbol(')') ? -1 : 0;
        }
    }

    /// <summary>Passes over all up to the next comma or closing parenthesis that is not inside parentheses.</summary>
    public void SkipElement()
    {
        while (!IsAtEnd && !Current.IsSymbol(',') && !Current.IsSymbol(')'))
        {
            if (Current.IsSymbol('('))
                SkipParentheses();
            else
                Take();
        }
    }

    /// <summary>Passes over names with commas between, up to the first word that does not follow one.</summary>
    public void SkipElementList()
    {
        Try("IF", "EXISTS");
        do
        {
            Name();
        }
        while (TrySymbol(','));
    }

    /// <summary>Passes over the rest.</summary>
    public void SkipRest() => _at = tokens.Count - 1;

    /// <summary>What to throw when something else was expected.</summary>
    public DdlUnclearException Unexpected(string expected) => new($"{Current} stands where {expected} is expected");

    private int Taken(int number)
    {
        _at++;
        return number;
    }
}
