namespace Leat.Output;

/// <summary>The few colours of plain lines, as ANSI codes.</summary>
internal static class Paint
{
    public const string None = "";
    public const string Red = "\e[31m";
    public const string Green = "\e[32m";
    public const string Yellow = "\e[33m";
    public const string Dim = "\e[2m";
    public const string Bold = "\e[1m";

    /// <summary>The text in a colour, or as it is.</summary>
    public static string With(string text, string color, bool useColor) => useColor && color.Length > 0 ? $"{color}{text}\e[0m" : text;
}
