namespace Leat.Output;

/// <summary>Lines up cells in columns: two spaces between them, the heads in capitals, no lines drawn.</summary>
/// <param name="heads">One a column; a head that begins with <c>&gt;</c> has its column aligned to the right.</param>
internal sealed class PlainTable(params string[] heads)
{
    private readonly List<string[]> _rows = [];

    /// <summary>Adds a row with one cell a column.</summary>
    public void Add(params string[] cells) => _rows.Add(cells);

    /// <summary>Writes it; nothing when it has no row.</summary>
    public void WriteTo(TextWriter writer, bool color)
    {
        if (_rows.Count == 0)
            return;
        var widths = heads.Select((head, i) => Math.Max(head.TrimStart('>').Length, _rows.Max(row => row[i].Length))).ToArray();
        writer.WriteLine(Paint.With(Line([.. heads.Select(head => head.TrimStart('>'))], widths), Paint.Dim, color));
        foreach (var row in _rows)
            writer.WriteLine(Line(row, widths));
    }

    private string Line(string[] cells, int[] widths) =>
        string.Join("  ", cells.Select((cell, i) => heads[i].StartsWith('>') ? cell.PadLeft(widths[i]) : cell.PadRight(widths[i]))).TrimEnd();
}
