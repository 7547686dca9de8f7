namespace Leat.Connectors.MySql.Ddl;

/// <summary>What a token is.</summary>
internal enum TokenKind : byte
{
    /// <summary>The statement is over.</summary>
    End = 0,

    /// <summary>A word without quotes: a keyword or a name.</summary>
    Word,

    /// <summary>A name in quotes; never a keyword.</summary>
    Name,

    /// <summary>A text in quotes, without them.</summary>
    Text,

    /// <summary>A number as written.</summary>
    Number,

    /// <summary>One character of punctuation.</summary>
    Symbol,
}

/// <summary>One word, name, text, number or sign of a statement.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Text">Its content without quotes and escapes.</param>
internal readonly record struct Token(TokenKind Kind, string Text)
{
    /// <summary>Whether it is this keyword, in any case and without quotes.</summary>
    public bool Is(string keyword) => Kind == TokenKind.Word && string.Equals(Text, keyword, StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether it is this sign.</summary>
    public bool IsSymbol(char sign) => Kind == TokenKind.Symbol && Text[0] == sign;

    /// <summary>Whether it can be a name.</summary>
    public bool IsName => Kind is TokenKind.Word or TokenKind.Name;

    /// <summary>For messages.</summary>
    public override string ToString() => Kind == TokenKind.End ? "the end" : $"'{Text}'";
}

/// <summary>A statement is not one that can be understood for certain. Ends parsing; whoever asked marks the table as unverified.</summary>
/// <param name="reason">What was not understood, for the operator.</param>
internal sealed class DdlUnclearException(string reason) : Exception(reason);
