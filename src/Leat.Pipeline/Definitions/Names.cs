namespace Leat.Pipeline.Definitions;

/// <summary>What users may call their things.</summary>
internal static class Names
{
    /// <summary>The form of names of sources and pipelines, which become folders, in words.</summary>
    public const string NameForm = "lower-case letters, digits, '_' and '-', beginning with a letter";

    /// <summary>The form of the names that a pipeline gives its tables, in words.</summary>
    public const string AliasForm = "letters, digits, '_' and '-', beginning with a letter";

    private const int MaxLength = 64;

    /// <summary>Whether a source or pipeline can be called so.</summary>
    public static bool IsName(string name) =>
        name.Length is > 0 and <= MaxLength && char.IsAsciiLetterLower(name[0])
        && name.All(letter => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter) || letter is '_' or '-');

    /// <summary>Whether a table of a pipeline can be called so.</summary>
    public static bool IsAlias(string name) =>
        name.Length is > 0 and <= MaxLength && char.IsAsciiLetter(name[0])
        && name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '_' or '-');
}
