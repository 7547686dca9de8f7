using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Wire;
using Xunit;

namespace Leat.Tests.MySql;

public sealed class TableMapTests
{
    // MySQL 9, binlog_row_metadata=FULL: CREATE TABLE ty.v (id INT, k VARCHAR(20), v VECTOR(3), j JSON, g GEOMETRY SRID 4326, gen INT AS (id + 1) VIRTUAL,
    // inv INT INVISIBLE, bv BOOLEAN, y YEAR, nd DECIMAL(4,1) UNSIGNED, PRIMARY KEY (k(3), id)) CHARACTER SET utf8mb4
    private static readonly byte[] MySql9 = Convert.FromHexString(
        "027479000176000A030FF2F5FF0303010DF60750000404040401FC0301010C0304FCFF003F0701000D0103041B026964016B0176016A01670367656E03696E76026276017902"
        + "6E640904010300000C02FDC0");

    [Fact]
    public void Everything_that_MySQL_tells_of_a_table_is_read()
    {
        var map = TableMap.Read(MySql9);

        Assert.Equal(new TableName("ty", "v"), map.Table);
        Assert.Equal(["id", "k", "v", "j", "g", "gen", "inv", "bv", "y", "nd"], map.Names ?? []);
        Assert.Equal([ColumnType.Long, ColumnType.VarChar, ColumnType.Vector, ColumnType.Json, ColumnType.Geometry, ColumnType.Long, ColumnType.Long, ColumnType.Tiny, ColumnType.Year, ColumnType.NewDecimal], map.Types);
        Assert.Equal(new ushort[] { 0, 80, 4, 4, 4, 0, 0, 0, 0, 0x0401 }, map.Metadata);
        Assert.Equal([false, null, null, null, null, false, false, false, true, true], map.Unsigned);
        Assert.Equal([null, 255u, 63u, null, null, null, null, null, null, null], map.Collations);
        Assert.Equal([null, null, null, null, 0u, null, null, null, null, null], map.GeometryTypes);
        Assert.Equal([null, null, 3u, null, null, null, null, null, null, null], map.Dimensions);
        Assert.Equal([true, true, true, true, true, true, false, true, true, true], map.Visible);
        Assert.Equal([1, 0], map.Key ?? []);
        Assert.Equal(("vector(3)", "geometry", ""), (map.SourceTypeOf(2), map.SourceTypeOf(4), map.SourceTypeOf(0)));
    }

    [Fact]
    public void No_part_of_a_table_map_reads_beyond_its_end()
    {
        for (var length = 0; length < MySql9.Length; length++)
        {
            try
            {
                TableMap.Read(MySql9.AsSpan(0, length));
            }
            catch (MySqlFormatException)
            {
                // Cut inside a field; between two of them it is a map that tells less.
            }
        }
    }

    [Fact]
    public void A_text_of_another_character_set_is_a_difference()
    {
        var map = TableMap.Read(MySql9);
        var table = MySqlTable.FromMetadata(map, known: null, collation => collation == 255 ? "utf8mb4" : "binary");

        Assert.Null(table.DifferenceTo(map, collation => collation == 255 ? "utf8mb4" : "binary"));
        Assert.Equal("column 'k' has the character set utf8mb4, in the binlog cp1251", table.DifferenceTo(map, collation => collation == 255 ? "cp1251" : "binary"));
        Assert.Equal("column 'v' has the character set binary, in the binlog latin1", table.DifferenceTo(map, collation => collation == 255 ? "utf8mb4" : "latin1"));
    }

    [Fact]
    public void Room_for_rows_with_compressed_columns_is_what_they_inflate_to()
    {
        var table = new MySqlTable(
            new("d", "t"),
            [
                ColumnRules.Make(new() { Name = "id", Type = ColumnType.Long, Metadata = 0 }),
                ColumnRules.Make(new() { Name = "c", Type = ColumnType.BlobCompressed, Metadata = 2, Charset = "utf8mb4" }),
            ],
            [0]);
        var program = RowProgram.Compile(table);
        byte[] image = [0xFC, 1, 0, 0, 0, .. Convert.FromHexString("0C008A012C4B4C4A4E1C45C42100")];
        byte[] rows = [.. image, .. image, .. new byte[1_000]];

        Assert.True(program.Inflates);
        Assert.InRange(program.MaxBytes(1, rows), 300, 400);
        Assert.InRange(program.MaxBytes(2, rows), 600, 800);
        for (var length = 0; length < image.Length; length++)
            Assert.Throws<MySqlFormatException>(() => program.MaxBytes(1, image.AsSpan(0, length)));
    }

    [Theory]
    [InlineData(ColumnType.VarChar, "cp1251", ValueForm.Plain)]
    [InlineData(ColumnType.VarChar, "utf16", ValueForm.Plain)]
    [InlineData(ColumnType.VarChar, "sjis", ValueForm.Plain)]
    [InlineData(ColumnType.String, "binary", ValueForm.Uuid)]
    [InlineData(ColumnType.String, "binary", ValueForm.Inet6)]
    internal void Rare_types_cost_no_allocation_either(byte type, string charset, ValueForm form)
    {
        var table = new MySqlTable(new("d", "t"), [ColumnRules.Make(new() { Name = "c", Type = type, Metadata = 16, Charset = charset, Form = form })], []);
        var program = RowProgram.Compile(table);
        byte[] image = [0xFE, 8, 0x83, 0x5C, 0x83, 0x5C, 0x41, 0x42, 0x43, 0x44];
        var target = new byte[program.MaxBytes(1, image)];
        RowDecoder.Decode(program, image, target, out _);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1_000; i++)
            RowDecoder.Decode(program, image, target, out _);

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }
}
