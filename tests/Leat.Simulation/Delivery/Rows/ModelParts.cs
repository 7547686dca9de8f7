using System.Globalization;
using Leat.Changes;

namespace Leat.Simulation.Delivery.Rows;

/// <summary>Documents that several tables write, as a target holds them: a place for each table's row, empty where its fields are NULL.</summary>
/// <remarks>A place is one byte with the length of the row, then the row.</remarks>
internal static class ModelParts
{
    /// <summary>The document after a write to one part of it; <see langword="null"/>: there is none.</summary>
    /// <param name="held">The document before.</param>
    /// <param name="part">Whose part is written.</param>
    /// <param name="row">The row; <see langword="null"/>: it is deleted.</param>
    public static byte[]? Apply(byte[]? held, DocumentPart part, byte[]? row)
    {
        if (row is null && (part.IsRoot || held is null))
            return null;
        var document = new List<byte>();
        foreach (var table in ModelTable.All)
        {
            var place = table.Alias == part.Table ? row ?? [] : held is null ? [] : PlaceOf(held, table.Alias);
            document.Add((byte)place.Length);
            document.AddRange(place);
        }

        return [.. document];
    }

    /// <summary>Whether a document has something of a part.</summary>
    public static bool Holds(byte[] document, DocumentPart part) => PlaceOf(document, part.Table).Length > 0;

    /// <summary>What a target tells of one part.</summary>
    public static TargetRow Read(Shape shape, DocumentPart part, string key, byte[] held)
    {
        var place = PlaceOf(held, part.Table);
        var row = place.Length == 0 ? null : Decode(place);
        string?[] values = row is null ? [null, null, null] : [Text(row.N), row.U is { } unique ? Text(unique) : null, row.IsPoison ? "poison" : "bread"];
        if (shape.Columns.Length < ModelTable.Columns)
            values = [row is null ? null : $$"""{"n":{{values[0]}},"u":{{values[1] ?? "null"}},"s":"{{values[2]}}"}"""];
        var id = key[(key.IndexOf(':', StringComparison.Ordinal) + 1)..];
        return new(key, [.. shape.Columns.Select((column, at) => KeyValuePair.Create(column.Name, at == 0 ? id : values[at - 1]))]);
    }

    /// <summary>A document in words.</summary>
    public static string Show(byte[] document) => string.Join(' ', ModelTable.All.Select(table => (table.Alias, Place: PlaceOf(document, table.Alias)))
        .Select(one => $"{one.Alias}={(one.Place.Length == 0 ? "NULL" : Text(Decode(one.Place).N))}"));

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static ModelRow Decode(byte[] place) => ModelRow.Decode(ModelTable.All[0].Schema, place);

    private static byte[] PlaceOf(byte[] document, string alias)
    {
        var at = 0;
        foreach (var table in ModelTable.All)
        {
            if (table.Alias == alias)
                return document[(at + 1)..(at + 1 + document[at])];
            at += 1 + document[at];
        }

        throw new InvalidOperationException($"no part '{alias}'");
    }
}
