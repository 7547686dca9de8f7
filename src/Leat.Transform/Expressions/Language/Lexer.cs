using System.Text;

namespace Leat.Transform.Expressions.Language;

/// <summary>Cuts an expression into words.</summary>
internal sealed class Lexer(string text)
{
    // MySQL's DECIMAL has at most 65 digits; a longer literal could equal no value.
    private const int MaxDigits = 65;

    private static readonly string[] Symbols = ["->>", "->", "<=>", "<>", "!=", "<=", ">=", "||", "=", "<", ">", "+", "-", "*", "/", "%", "(", ")", ",", "."];

    private int _at;
    private int _line = 1;
    private int _lineStart;

    private Place Here => new(_line, _at - _lineStart + 1);

    /// <summary>The next word; <see cref="TokenKind.End"/> for ever after the last.</summary>
    public Token Next()
    {
        SkipSpace();
        var at = Here;
        if (_at >= text.Length)
            return new(TokenKind.End, "", at);

        var first = text[_at];
        if (first is '\'')
            return new(TokenKind.Text, ReadQuoted('\'', at), at);
        if (first is '`' or '"')
            return new(TokenKind.QuotedName, ReadQuoted(first, at), at);
        if (char.IsAsciiDigit(first) || (first == '.' && _at + 1 < text.Length && char.IsAsciiDigit(text[_at + 1])))
            return new(TokenKind.Number, ReadNumber(at), at);
        if (first == '_' || char.IsLetter(first))
            return new(TokenKind.Word, ReadWord(), at);

        foreach (var symbol in Symbols)
        {
            if (string.CompareOrdinal(text, _at, symbol, 0, symbol.Length) == 0)
            {
                _at += symbol.Length;
                return new(TokenKind.Symbol, symbol, at);
            }
        }

        throw ExpressionErrors.UnexpectedCharacter(at, first);
    }

    private void SkipSpace()
    {
        for (; _at < text.Length && char.IsWhiteSpace(text[_at]); _at++)
            CountLine();
    }

    private void CountLine()
    {
        if (text[_at] == '\n')
        {
            _line++;
            _lineStart = _at + 1;
        }
    }

    private string ReadQuoted(char quote, Place opened)
    {
        var value = new StringBuilder();
        for (_at++; _at < text.Length; _at++)
        {
            CountLine();
            if (text[_at] != quote)
            {
                value.Append(text[_at]);
            }
            else if (_at + 1 < text.Length && text[_at + 1] == quote)
            {
                value.Append(quote);
                _at++;
            }
            else
            {
                _at++;
                return value.ToString();
            }
        }

        throw ExpressionErrors.Unterminated(opened, quote);
    }

    private string ReadNumber(Place at)
    {
        var start = _at;
        var points = 0;
        while (_at < text.Length && (char.IsAsciiDigit(text[_at]) || (text[_at] == '.' && points++ == 0)))
            _at++;
        var digits = _at - start - points;
        SkipExponent();
        if (_at < text.Length && (text[_at] is '.' or '_' || char.IsLetter(text[_at])))
            throw ExpressionErrors.UnexpectedCharacter(Here, text[_at]);
        return digits <= MaxDigits ? text[start.._at] : throw ExpressionErrors.NumberTooLong(at);
    }

    // 1.5e-7; an e without digits is left for the caller to refuse.
    private void SkipExponent()
    {
        if (_at >= text.Length || text[_at] is not ('e' or 'E'))
            return;
        var digits = _at + 1 < text.Length && (text[_at + 1] is '+' or '-') ? _at + 2 : _at + 1;
        if (digits >= text.Length || !char.IsAsciiDigit(text[digits]))
            return;
        _at = digits;
        while (_at < text.Length && char.IsAsciiDigit(text[_at]))
            _at++;
    }

    private string ReadWord()
    {
        var start = _at;
        while (_at < text.Length && (text[_at] is '_' or '$' || char.IsLetterOrDigit(text[_at])))
            _at++;
        return text[start.._at];
    }
}
