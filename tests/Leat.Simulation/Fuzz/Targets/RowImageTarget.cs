using System.Buffers.Binary;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Charsets;
using Leat.Connectors.MySql.Wire;

namespace Leat.Simulation.Fuzz.Targets;

/// <summary>Row images of every type: of a table that has one column of each, or of one that a TABLE_MAP in front of the image describes.</summary>
internal sealed class RowImageTarget : FuzzTarget
{
    private const byte Guard = 0xC5;
    private const int GuardBytes = 64;

    private static readonly string[] Charsets = [.. Charset.Names, "binary"];

    private static readonly MySqlTable Everything = new(new("d", "t"), [.. Definitions().Select(definition => definition.ToColumn())], []);

    // Tables of character sets are read once, when first asked for.
    static RowImageTarget()
    {
        foreach (var name in Charset.Names)
            Charset.Find(name)?.ToText([0x80]);
    }

    public override string Name => "binlog-row";

    // A column of metadata is one byte, and becomes a description; a compressed byte becomes a thousand, three times that as text.
    public override long FixedBytes => 1024 * 1024;

    public override long BytesEach => 16 * 1024;

    public override long FixedSteps => 400_000;

    public override long StepsEach => 40_000;

    public override IReadOnlyList<byte[]> Dictionary { get; } = [[0x8A, 0x01, 0x2C], [0x82, 0x01, 0x2C], [0x8F], [0x81, 0x30, 0x81, 0x30], [0xFC, 0xFF, 0xFF]];

    public override IEnumerable<byte[]> Seeds()
    {
        // All NULL, and all empty; then a table of MySQL with FULL metadata and a row, and one of MariaDB, as their servers wrote them.
        yield return [0, 0, .. Enumerable.Repeat((byte)0xFF, 32)];
        yield return [0, 0, .. new byte[512]];
        yield return Described(
            "027479000176000A030FF2F5FF0303010DF60750000404040401FC0301010C0304FCFF003F0701000D0103041B026964016B0176016A01670367656E03696E76026276017902"
            + "6E640904010300000C02FDC0",
            "C00301000000066162636465660C0000000000803F00000040000000001F0000000001001E000B000100020C0061020012000501000B0A00000000000000044019000000E610"
            + "000001010000000000000000000040000000000000F03F02000000");
        yield return Described(
            "027479000161000E03FEFE8C8D8DFFFEFEFEFE8C8CFE16FE10FE100291012D0104FE10FE28FE0CF7010104FEF0FE3F01010003163F3F08FC00093F3F3FFC000AFC000CFC0009"
            + "3FFC00090701000427026964017502693601630176027662016703623136026368036368320165027463026C620263740A03FC000A0607020200610200FC080100",
            "40D0010000000E123E4567E89B12D3A456426655441000000000000000000000FFFF010203040C008A012C4B4C4A4E1C45C42100330000787878787878787878787878787878"
            + "7878787878787878787878787878787878787878787878787878787878787878787878040000616263026162040061012004000001200104006162630178");
        yield return [0, 0, .. new byte[16], .. Convert.FromHexString("0C008A012C4B4C4A4E1C45C42100"), .. new byte[256]];
    }

    public override void Run(byte[] input)
    {
        try
        {
            if (input.Length < sizeof(ushort))
                return;
            int mapBytes = BinaryPrimitives.ReadUInt16LittleEndian(input);
            var rest = input.AsSpan(sizeof(ushort));
            if (mapBytes == 0 || mapBytes > rest.Length)
            {
                Decode(Everything, rest);
                return;
            }

            var map = TableMap.Read(rest[..mapBytes]);
            if (map.Names is null)
                return;
            var table = MySqlTable.FromMetadata(map, known: null, collation => Charsets[collation % Charsets.Length]);
            if (table.Columns.All(column => column.Refusal is null))
                Decode(table, rest[mapBytes..]);
        }
        catch (MySqlFormatException)
        {
            // declared
        }
    }

    private static void Decode(MySqlTable table, ReadOnlySpan<byte> image)
    {
        var program = RowProgram.Compile(table);
        var most = program.MaxBytes(1, image);
        var target = new byte[most + GuardBytes];
        target.AsSpan(most).Fill(Guard);
        var read = RowDecoder.Decode(program, image, target.AsSpan(0, most), out var written);
        Promise(read <= image.Length && written <= most, "more was read or written than there is");
        Promise(target.AsSpan(most).IndexOfAnyExcept(Guard) < 0, "written behind the room that was asked for");
        var reader = new RowReader(table.Schema, target.AsSpan(0, written));
        try
        {
            while (reader.Read())
                ValueText.Of(ref reader);
        }
        catch (InvalidDataException)
        {
            // A time or an instant that no text can show: whoever writes it says so.
        }
    }

    private static byte[] Described(string map, string image)
    {
        var body = Convert.FromHexString(map);
        return [(byte)body.Length, (byte)(body.Length >> 8), .. body, .. Convert.FromHexString(image)];
    }

    private static IEnumerable<ColumnDefinition> Definitions()
    {
        string[] plain =
        [
            "tinyint", "smallint", "mediumint", "mediumint unsigned", "int", "bigint", "float", "double", "year", "date", "uuid", "inet4", "inet6", "json", "geometry",
            "tinyblob", "blob", "mediumblob", "longblob", "varbinary", "binary", "vector", "blob COMPRESSED", "varbinary COMPRESSED",
        ];
        foreach (var type in plain)
            yield return Define(type, isMariaDb: !type.StartsWith("json", StringComparison.Ordinal));
        foreach (var charset in Charset.Names)
        {
            yield return Define("varchar", charset: charset);
            yield return Define("text COMPRESSED", charset: charset);
        }

        for (var digits = 0; digits <= 6; digits++)
        {
            foreach (var type in new[] { "time", "datetime", "timestamp", "time /* mariadb-5.3 */", "datetime /* mariadb-5.3 */", "timestamp /* mariadb-5.3 */" })
                yield return Define(type) with { Fraction = digits };
        }

        yield return Define("decimal") with { Precision = 65, Scale = 30 };
        yield return Define("decimal") with { Precision = 10, Scale = 10 };
        yield return Define("bit") with { Precision = 13 };
        yield return Define("enum", charset: "utf8mb4") with { Labels = ["a", "b"] };
        yield return Define("set", charset: "utf8mb4") with { Labels = [.. Enumerable.Range(0, 40).Select(label => $"{label}")] };
    }

    private static ColumnDefinition Define(string type, string? charset = null, bool isMariaDb = true) => new()
    {
        Name = "c", DataType = type.Split(' ')[0], ColumnType = type, IsMariaDb = isMariaDb, Octets = 200, Charset = charset,
    };
}
