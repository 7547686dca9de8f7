using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Leat.Connectors.MySql.Charsets;

namespace Leat.IntegrationTests.MySql;

/// <summary>Makes the file of character set tables from what servers answered.</summary>
internal static class CharsetFile
{
    private const ushort IsLonger = 0xFFFF;
    private const ushort Unknown = '?';

    /// <summary>The entries of one table.</summary>
    public static ushort[] Points(string name, int mostBytes, IEnumerable<(byte[] Code, string Text)> answers)
    {
        var points = new ushort[mostBytes switch
        {
            1 => CharsetTable.Singles,
            2 => CharsetTable.Singles + CharsetTable.Pairs,
            3 => CharsetTable.Singles + CharsetTable.Pairs * 2,
            _ => CharsetTable.Singles + CharsetTable.Pairs + CharsetTable.Quads,
        }];
        points.AsSpan(0, CharsetTable.Singles).Fill(IsLonger);
        points.AsSpan(CharsetTable.Singles).Fill(Unknown);
        foreach (var (code, text) in answers.OrderBy(answer => answer.Code.Length))
        {
            // Two question marks: two characters that do not exist, which MariaDB refuses and MySQL takes.
            var place = PlaceOf(points, code);
            if (place >= 0)
                points[place] = text == "??" ? (ushort)0 : text.Length == 1 ? text[0] : throw new InvalidDataException($"{name} {Convert.ToHexString(code)} is '{text}'");
        }

        return points;
    }

    /// <summary>Adds a table to the file.</summary>
    public static void Append(Stream file, string name, int mostBytes, ReadOnlySpan<ushort> points)
    {
        var planes = new byte[points.Length * 2];
        for (var i = 0; i < points.Length; i++)
        {
            var difference = (ushort)(points[i] - (i == 0 ? 0 : points[i - 1]));
            planes[i] = (byte)difference;
            planes[points.Length + i] = (byte)(difference >> 8);
        }

        using var packed = new MemoryStream();
        using (var deflating = new ZLibStream(packed, CompressionLevel.SmallestSize, leaveOpen: true))
            deflating.Write(planes);
        Span<byte> sizes = stackalloc byte[9];
        sizes[0] = (byte)mostBytes;
        BinaryPrimitives.WriteInt32LittleEndian(sizes[1..], points.Length);
        BinaryPrimitives.WriteInt32LittleEndian(sizes[5..], (int)packed.Length);
        file.WriteByte((byte)name.Length);
        file.Write(Encoding.ASCII.GetBytes(name));
        file.Write(sizes);
        packed.WriteTo(file);
    }

    // Below 0: not in the table, because it follows from others or stands for two characters of one byte.
    private static int PlaceOf(ushort[] points, byte[] code) => code.Length switch
    {
        1 => code[0],
        2 => points[code[0]] == IsLonger ? CharsetTable.Singles + (code[0] - 0x80) * 256 + code[1] : -1,
        3 => CharsetTable.Singles + CharsetTable.Pairs + (code[1] - 0x80) * 256 + code[2],
        _ => QuadPlace(code),
    };

    private static int QuadPlace(byte[] code)
    {
        const byte FirstLead = 0x81;
        var index = CharsetTable.QuadIndex(FirstLead, code[0], code[1], code[2], code[3]);
        return index < CharsetTable.Quads ? CharsetTable.Singles + CharsetTable.Pairs + index : -1;
    }
}
