using System.IO.Compression;
using System.Text;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Charsets;

/// <summary>The tables of <c>tables.bin</c>, made by asking the servers for the character of every sequence of bytes that a column takes.</summary>
/// <remarks>
/// <code>
/// for each character set, sorted by name:
///   1 byte length of the name, the name in ASCII
///   1 byte most bytes of a character
///   4 bytes number of entries (see <see cref="CharsetTable"/>), 4 bytes length of what follows; little-endian
///   zlib: the low bytes of the differences of each entry to the one before, then the high bytes
/// </code>
/// <c>CharsetTests</c> of the integration tests asks every server again for every character and compares; with LEAT_CHARSETS=path it writes the file.
/// </remarks>
internal static class CharsetTables
{
    private const string Resource = "Leat.Connectors.MySql.Charsets.tables.bin";

    /// <summary>All character sets of the file, with the most bytes of their characters.</summary>
    public static IReadOnlyList<(string Name, int MostBytes)> Names() => [.. Read().Select(entry => (entry.Name, entry.MostBytes))];

    /// <summary>Reads one table.</summary>
    public static CharsetTable Load(string name) => new(Points(name));

    /// <summary>The entries of one table.</summary>
    internal static ushort[] Points(string name)
    {
        var entry = Read().Single(one => one.Name == name);
        using var inflating = new ZLibStream(new MemoryStream(entry.Packed), CompressionMode.Decompress);
        var planes = new byte[entry.Entries * 2];
        inflating.ReadExactly(planes);
        var points = new ushort[entry.Entries];
        ushort last = 0;
        for (var i = 0; i < points.Length; i++)
            points[i] = last += (ushort)(planes[i] | planes[points.Length + i] << 8);
        return points;
    }

    private static IEnumerable<(string Name, int MostBytes, int Entries, byte[] Packed)> Read()
    {
        using var file = typeof(CharsetTables).Assembly.GetManifestResourceStream(Resource)
            ?? throw new InvalidOperationException($"the resource {Resource} is missing");
        var all = new byte[file.Length];
        file.ReadExactly(all);
        for (var at = 0; at < all.Length;)
        {
            var fields = new WireReader(all.AsSpan(at));
            var name = Encoding.ASCII.GetString(fields.ReadBytes(fields.ReadByte()));
            int mostBytes = fields.ReadByte();
            var entries = (int)fields.ReadUInt32();
            var packed = fields.ReadBytes((int)fields.ReadUInt32()).ToArray();
            at = all.Length - fields.RemainingBytes;
            yield return (name, mostBytes, entries, packed);
        }
    }
}
