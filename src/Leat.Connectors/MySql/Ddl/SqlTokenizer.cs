using System.Globalization;
using System.Text;

namespace Leat.Connectors.MySql.Ddl;

/// <summary>Cuts a statement into tokens, as the server that logged it did: both styles of quotes, comments, executable comments.</summary>
/// <remarks>Source: MySQL reference manual, "Language Structure"; MariaDB knowledge base, "Comment Syntax".</remarks>
internal ref struct SqlTokenizer(ReadOnlySpan<char> sql, SqlDialect dialect)
{
    private readonly ReadOnlySpan<char> _sql = sql;
    private int _at;
    private int _executable;
    private bool _afterDot;

    /// <summary>All tokens, ended by one of kind <see cref="TokenKind.End"/>.</summary>
    public static List<Token> Read(ReadOnlySpan<char> sql, SqlDialect dialect)
    {
        var tokens = new List<Token>();
        var tokenizer = new SqlTokenizer(sql, dialect);
        Token token;
        do
        {
            token = tokenizer.Next();
            tokens.Add(token);
        }
        while (token.Kind != TokenKind.End);
        return tokens;
    }

    private Token Next()
    {
        while (_at < _sql.Length && (char.IsWhiteSpace(_sql[_at]) || _sql[_at] == '\0' || TrySkipComment()))
        {
            if (_at < _sql.Length && (char.IsWhiteSpace(_sql[_at]) || _sql[_at] == '\0'))
                _at++;
        }

        if (_at >= _sql.Length)
            return new(TokenKind.End, "");
        var wasAfterDot = _afterDot;
        _afterDot = false;
        var c = _sql[_at];
        if (c == '`')
            return new(TokenKind.Name, Quoted(c, escapes: false));
        if (c == '"')
            return dialect.AnsiQuotes ? new(TokenKind.Name, Quoted(c, escapes: false)) : new(TokenKind.Text, Quoted(c, !dialect.NoBackslashEscapes));
        if (c == '\'')
            return new(TokenKind.Text, Quoted(c, !dialect.NoBackslashEscapes));
        if (char.IsAsciiDigit(c) && !wasAfterDot)
            return Number();
        if (IsWord(c))
            return new(TokenKind.Word, Word());
        _at++;
        _afterDot = c == '.';
        return new(TokenKind.Symbol, c.ToString());
    }

    // Passes over a comment, or over the signs around one that counts.
    private bool TrySkipComment()
    {
        var rest = _sql[_at..];
        if (rest[0] == '#')
            return SkipTo("\n");
        if (rest.StartsWith("--") && (rest.Length == 2 || char.IsWhiteSpace(rest[2]) || char.IsControl(rest[2])))
            return SkipTo("\n");
        if (_executable > 0 && rest.StartsWith("*/"))
        {
            _executable--;
            _at += 2;
            return true;
        }

        if (!rest.StartsWith("/*"))
            return false;
        var isMariaDbOnly = rest.StartsWith("/*M!");
        return isMariaDbOnly || rest.StartsWith("/*!") ? EnterExecutable(isMariaDbOnly) : SkipTo("*/");
    }

    private bool EnterExecutable(bool isMariaDbOnly)
    {
        const int MostDigits = 6;
        var at = _at + (isMariaDbOnly ? 4 : 3);
        var start = at;
        while (at < _sql.Length && at - start < MostDigits && char.IsAsciiDigit(_sql[at]))
            at++;

        // Five or six digits right behind the sign are a version.
        var digits = at - start;
        var number = digits >= 5 ? int.Parse(_sql[start..at], NumberStyles.None, CultureInfo.InvariantCulture) : 0;
        if (!dialect.Counts(number, isMariaDbOnly))
            return SkipTo("*/");
        _at = digits >= 5 ? at : start;
        _executable++;
        return true;
    }

    private bool SkipTo(string end)
    {
        var from = end == "*/" ? Math.Min(_at + 2, _sql.Length) : _at;
        var found = _sql[from..].IndexOf(end);
        _at = found < 0 ? _sql.Length : from + found + end.Length;
        return true;
    }

    private string Quoted(char quote, bool escapes)
    {
        var text = new StringBuilder();
        for (_at++; _at < _sql.Length; _at++)
        {
            var c = _sql[_at];
            if (c == quote)
            {
                if (_at + 1 >= _sql.Length || _sql[_at + 1] != quote)
                {
                    _at++;
                    return text.ToString();
                }

                _at++;
            }
            else if (c == '\\' && escapes && _at + 1 < _sql.Length)
            {
                Escape(_sql[++_at], text);
                continue;
            }

            text.Append(c);
        }

        throw new DdlUnclearException("a quote is not closed");
    }

    private static void Escape(char c, StringBuilder text)
    {
        if (c is '%' or '_')
            text.Append('\\'); // kept for LIKE
        text.Append(c switch { 'n' => '\n', 't' => '\t', 'r' => '\r', '0' => '\0', 'b' => '\b', 'Z' => '\u001A', _ => c });
    }

    // A name may begin with a digit; what is digits only, or a decimal number, is none.
    private Token Number()
    {
        var start = _at;
        SkipDigits();
        if (_at < _sql.Length && _sql[_at] == '.' && (_at + 1 >= _sql.Length || !IsWord(_sql[_at + 1]) || char.IsAsciiDigit(_sql[_at + 1])))
        {
            _at++;
            SkipDigits();
        }

        if (_at + 1 < _sql.Length && _sql[_at] is 'e' or 'E')
        {
            var sign = _sql[_at + 1] is '+' or '-' ? 1 : 0;
            if (_at + 1 + sign < _sql.Length && char.IsAsciiDigit(_sql[_at + 1 + sign]))
            {
                _at += 1 + sign;
                SkipDigits();
            }
        }

        if (_at >= _sql.Length || !IsWord(_sql[_at]))
            return new(TokenKind.Number, _sql[start.._at].ToString());
        Word();
        return new(TokenKind.Word, _sql[start.._at].ToString());
    }

    private void SkipDigits()
    {
        while (_at < _sql.Length && char.IsAsciiDigit(_sql[_at]))
            _at++;
    }

    private string Word()
    {
        var start = _at;
        while (_at < _sql.Length && IsWord(_sql[_at]))
            _at++;
        return _sql[start.._at].ToString();
    }

    private static bool IsWord(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '$' || c >= 0x80;
}
