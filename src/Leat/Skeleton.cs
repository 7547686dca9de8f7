using System.Text;

namespace Leat;

/// <summary>Puts the first configuration of somebody together, from the pieces in <c>Skeletons/</c>, which are part of the program.</summary>
/// <remarks>
/// A piece is plain YAML. A line that begins with <c>#document </c> or <c>#plain </c> is there in that case only, without these words.
/// A line of the file that is only <c>{piece.yaml}</c>, indented or not, stands for the lines of that piece.
/// </remarks>
internal static class Skeleton
{
    private const string Prefix = "skeletons/";
    private const string OnlyDocument = "#document ";
    private const string OnlyPlain = "#plain ";
    private const int SourceIndentation = 4;
    private const int PipelineIndentation = 4;
    private const int SinkIndentation = 6;

    /// <summary>The configuration.</summary>
    /// <param name="source">Kind of the source.</param>
    /// <param name="sink">Kind of the sink.</param>
    /// <param name="isDocument">Whether rows of several tables become documents.</param>
    /// <param name="file">Name of the file, for the commands that stand in it.</param>
    public static string Text(string source, string sink, bool isDocument, string file)
    {
        var variant = isDocument ? ".document" : "";
        return Piece("file.yaml")
            .Replace("{source.yaml}", Lines($"source.{source}.yaml", isDocument, SourceIndentation), StringComparison.Ordinal)
            .Replace("{tables.yaml}", Lines($"tables{variant}.yaml", isDocument, PipelineIndentation), StringComparison.Ordinal)
            .Replace("{sink.yaml}", Lines($"sink.{sink}.yaml", isDocument, SinkIndentation), StringComparison.Ordinal)
            .Replace("{tests.yaml}", Lines($"tests{variant}.yaml", isDocument, PipelineIndentation), StringComparison.Ordinal)
            .Replace("{pipeline}", isDocument ? "order-documents" : "orders", StringComparison.Ordinal)
            .Replace("{source}", source, StringComparison.Ordinal)
            .Replace("{sink}", sink, StringComparison.Ordinal)
            .Replace("{file}", file, StringComparison.Ordinal);
    }

    private static string Lines(string piece, bool isDocument, int indentation)
    {
        var (wanted, other) = isDocument ? (OnlyDocument, OnlyPlain) : (OnlyPlain, OnlyDocument);
        var lines = Piece(piece).TrimEnd().Split('\n').Where(line => !line.StartsWith(other, StringComparison.Ordinal));
        return string.Join('\n', lines.Select(line => new string(' ', indentation) + (line.StartsWith(wanted, StringComparison.Ordinal) ? line[wanted.Length..] : line)));
    }

    private static string Piece(string name)
    {
        using var stream = typeof(Skeleton).Assembly.GetManifestResourceStream(Prefix + name) ?? throw new InvalidOperationException($"there is no skeleton {name}");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
