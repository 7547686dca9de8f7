using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Leat.Changes.Formats.Envelopes;

/// <summary>Prints a geometry as MySQL stores it (SRID and well-known binary) in the words of OpenGIS: <c>POINT (1 2)</c>.</summary>
/// <remarks>Source: OGC 06-103r4, "Well-known Binary Representation for Geometry". The server writes coordinates in little-endian order, two to a point.</remarks>
internal static class WellKnownText
{
    private const int SridBytes = 4;
    private const int MostNesting = 32;

    private static readonly string[] Names = ["", "POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION"];

    /// <summary>The text; <see langword="null"/> when the bytes are no such geometry.</summary>
    public static string? Of(ReadOnlySpan<byte> value)
    {
        if (value.Length < SridBytes)
            return null;
        var text = new StringBuilder();
        var rest = value[SridBytes..];
        return TryWrite(ref rest, text, MostNesting, named: true) && rest.IsEmpty ? text.ToString() : null;
    }

    private static bool TryWrite(ref ReadOnlySpan<byte> rest, StringBuilder text, int nesting, bool named)
    {
        const byte LittleEndian = 1;
        if (nesting == 0 || rest.Length < 5 || rest[0] != LittleEndian)
            return false;
        var type = BinaryPrimitives.ReadUInt32LittleEndian(rest[1..]);
        rest = rest[5..];
        if (type is 0 or > 7)
            return false;
        if (named)
            text.Append(Names[type]).Append(' ');
        if (type == 1)
            return TryPoint(ref rest, text.Append('('), ")");
        return TryMany(ref rest, text, type, nesting);
    }

    private static bool TryMany(ref ReadOnlySpan<byte> rest, StringBuilder text, uint type, int nesting)
    {
        if (!TryCount(ref rest, out var count))
            return false;
        if (count == 0)
        {
            text.Append("EMPTY");
            return true;
        }

        text.Append('(');
        for (uint i = 0; i < count; i++)
        {
            if (i > 0)
                text.Append(", ");
            var isRead = type switch
            {
                2 => TryPoint(ref rest, text, ""),
                3 => TryRing(ref rest, text),
                _ => TryWrite(ref rest, text, nesting - 1, named: type == 7),
            };
            if (!isRead)
                return false;
        }

        text.Append(')');
        return true;
    }

    private static bool TryRing(ref ReadOnlySpan<byte> rest, StringBuilder text)
    {
        if (!TryCount(ref rest, out var count))
            return false;
        text.Append('(');
        for (uint i = 0; i < count; i++)
        {
            if (!TryPoint(ref rest, i > 0 ? text.Append(", ") : text, ""))
                return false;
        }

        text.Append(')');
        return true;
    }

    private static bool TryPoint(ref ReadOnlySpan<byte> rest, StringBuilder text, string end)
    {
        if (rest.Length < 16)
            return false;
        var (x, y) = (BinaryPrimitives.ReadDoubleLittleEndian(rest), BinaryPrimitives.ReadDoubleLittleEndian(rest[8..]));
        text.Append(CultureInfo.InvariantCulture, $"{x} {y}").Append(end);
        rest = rest[16..];
        return true;
    }

    private static bool TryCount(ref ReadOnlySpan<byte> rest, out uint count)
    {
        count = 0;
        if (rest.Length < 4)
            return false;
        count = BinaryPrimitives.ReadUInt32LittleEndian(rest);
        rest = rest[4..];
        return true;
    }
}
