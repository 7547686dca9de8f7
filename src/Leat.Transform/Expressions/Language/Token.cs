namespace Leat.Transform.Expressions.Language;

/// <summary>A place in an expression's text; both count from 1.</summary>
internal readonly record struct Place(int Line, int Column);

/// <summary>Kinds of words in an expression.</summary>
internal enum TokenKind
{
    End,
    Word,
    QuotedName,
    Text,
    Number,
    Symbol,
}

/// <summary>One word: a name or keyword, a quoted name, a text, a number, or a sign.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Text">Its value, without quotes.</param>
/// <param name="At">Where it begins.</param>
internal readonly record struct Token(TokenKind Kind, string Text, Place At)
{
    /// <summary>Whether it is that keyword, in any letter case.</summary>
    public bool IsWord(string word) => Kind == TokenKind.Word && Text.Equals(word, StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether it is that sign.</summary>
    public bool IsSymbol(string symbol) => Kind == TokenKind.Symbol && Text == symbol;

    /// <summary>The word as an error message names it.</summary>
    public string Shown => Kind switch
    {
        TokenKind.End => "the end",
        TokenKind.Text => $"the text '{Text}'",
        TokenKind.Number => $"the number {Text}",
        _ => $"'{Text}'",
    };
}
