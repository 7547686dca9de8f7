using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.IntegrationTests.MySql.Servers;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>What breaks captures in practice about types: storage that only one product has, time zones, dates that are none, label lists and character sets.</summary>
public sealed class TypeCasesTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [Trait("case", "9")]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MariaDb11)]
    public async Task MariaDBs_own_storage_is_told_as_its_clients_see_it(TestProduct product)
    {
        var (server, database, source, start) = await BeginAsync(
            product, "CREATE TABLE a (id INT PRIMARY KEY, t TEXT COMPRESSED CHARACTER SET latin1, b VARBINARY(2000) COMPRESSED, u UUID, v4 INET4, v6 INET6)");
        await server.ExecuteAsync(
            $"USE {database}; INSERT INTO a VALUES (1, REPEAT('é', 200), REPEAT(X'01', 2000), '123e4567-e89b-12d3-a456-426655440000', '10.0.0.0', '2001:db8::1:0'), (2, 'short', '', NULL, NULL, NULL); "
            + "SET SESSION column_compression_zlib_wrap = ON, column_compression_zlib_level = 9; UPDATE a SET t = REPEAT('ü', 300), u = '01890a5d-ac96-774b-bcce-b302099a8057' WHERE id = 1; "
            + "SET SESSION column_compression_threshold = 100000; UPDATE a SET t = REPEAT('ö', 400) WHERE id = 1; DELETE FROM a WHERE id = 2");

        var changes = await StreamAsync(source, start);

        var ones = Convert.ToBase64String(Enumerable.Repeat((byte)1, 2_000).ToArray());
        const string First = "123e4567-e89b-12d3-a456-426655440000,10.0.0.0,2001:db8::1:0";
        const string Second = "01890a5d-ac96-774b-bcce-b302099a8057,10.0.0.0,2001:db8::1:0";
        Assert.Equal(
            [
                $"Insert a (1,{new string('é', 200)},{ones},{First})",
                "Insert a (2,short,,NULL,NULL,NULL)",
                $"Update a (1,{new string('é', 200)},{ones},{First}) (1,{new string('ü', 300)},{ones},{Second})",
                $"Update a (1,{new string('ü', 300)},{ones},{Second}) (1,{new string('ö', 400)},{ones},{Second})",
                "Delete a (2,short,,NULL,NULL,NULL)",
            ],
            changes.Select(change => change.ToString()));
        Assert.Equal([$"Read a (1,{new string('ö', 400)},{ones},{Second})"], await ReadAsync(source, changes[0].Schema));
    }

    [Theory]
    [Trait("case", "15")]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MySql9)]
    [InlineData(TestProduct.MySql56)]
    public async Task Time_zones_of_server_and_session_change_no_instant(TestProduct product)
    {
        await using var server = await TestServer.StartAsync(product, "--default-time-zone=+05:30");
        await server.ExecuteAsync("CREATE DATABASE d; CREATE TABLE d.a (id INT PRIMARY KEY, i TIMESTAMP(3) NULL, d DATETIME(3), t TIME)");
        var source = server.Source("d");
        var start = await source.CurrentPositionAsync(Token);
        const string Insert = "INSERT INTO d.a VALUES";
        const string Noon = "'2024-07-01 12:00:00.5', '2024-07-01 12:00:00.5', '12:00:00'";
        await server.ExecuteAsync(
            $"{Insert} (1, {Noon}); SET time_zone = '-08:00'; {Insert} (2, {Noon}); SET time_zone = '+00:00'; {Insert} (3, {Noon}); SET GLOBAL time_zone = '+13:00'");
        await server.ExecuteAsync($"{Insert} (4, {Noon})");

        var changes = await StreamAsync(source, start);

        string[] rows =
        [
            "1,2024-07-01 06:30:00.500,2024-07-01 12:00:00.500,12:00:00", "2,2024-07-01 20:00:00.500,2024-07-01 12:00:00.500,12:00:00",
            "3,2024-07-01 12:00:00.500,2024-07-01 12:00:00.500,12:00:00", "4,2024-06-30 23:00:00.500,2024-07-01 12:00:00.500,12:00:00",
        ];
        Assert.Equal(rows.Select(row => $"Insert a ({row})"), changes.Select(change => change.ToString()));
        Assert.Equal(rows.Select(row => $"Read a ({row})"), await ReadAsync(source, changes[0].Schema));
    }

    [Theory]
    [Trait("case", "16")]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MariaDb11)]
    [InlineData(TestProduct.MySql9)]
    [InlineData(TestProduct.MySql56)]
    public async Task Dates_and_times_that_no_calendar_has_are_kept_as_they_are(TestProduct product)
    {
        var (server, database, source, start) = await BeginAsync(product, "CREATE TABLE a (id INT PRIMARY KEY, d DATE, dt DATETIME, ts TIMESTAMP NULL, t TIME(6), y YEAR)");
        await server.ExecuteAsync(
            $"USE {database}; SET SESSION sql_mode = 'ALLOW_INVALID_DATES'; INSERT INTO a VALUES "
            + "(1, '0000-00-00', '0000-00-00 00:00:00', 0, '838:59:59', 0), (2, '2024-00-00', '2024-02-00 01:02:03', NULL, '-838:59:59', 1901), "
            + "(3, '2024-02-31', '0003-00-00 00:00:01', '1970-01-01 00:00:01', '-00:00:00.000001', 2155), (4, '9999-12-31', '9999-12-31 23:59:59', NULL, '123:04:05.600000', 2026)");

        var changes = await StreamAsync(source, start);

        string[] rows =
        [
            "1,0000-00-00,0000-00-00 00:00:00,0000-00-00 00:00:00,838:59:59.000000,0000", "2,2024-00-00,2024-02-00 01:02:03,NULL,-838:59:59.000000,1901",
            "3,2024-02-31,0003-00-00 00:00:01,1970-01-01 00:00:01,-00:00:00.000001,2155", "4,9999-12-31,9999-12-31 23:59:59,NULL,123:04:05.600000,2026",
        ];
        Assert.Equal(rows.Select(row => $"Insert a ({row})"), changes.Select(change => change.ToString()));
        Assert.Equal(rows.Select(row => $"Read a ({row})"), await ReadAsync(source, changes[0].Schema));
    }

    [Theory]
    [Trait("case", "17")]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MariaDb11)]
    [InlineData(TestProduct.MySql9)]
    public async Task Labels_and_character_sets_are_those_at_the_rows_own_place(TestProduct product)
    {
        var (server, database, source, start) = await BeginAsync(
            product,
            "CREATE TABLE a (id INT PRIMARY KEY, e ENUM('да','нет') CHARACTER SET cp1251, s SET('ア','日') CHARACTER SET ucs2, t TEXT CHARACTER SET cp1251, u VARCHAR(20) CHARACTER SET utf16, b BLOB) CHARACTER SET latin1");
        const string Values = "'нет', 'ア,日', 'Привет', 'Ġ日😀', X'CFF0'";
        await server.ExecuteAsync(
            $"USE {database}; INSERT INTO a VALUES (1, {Values}); ALTER TABLE a MODIFY e ENUM('new','нет','да') CHARACTER SET utf8mb4, MODIFY s SET('日','ア') CHARACTER SET sjis; "
            + $"INSERT INTO a VALUES (2, 'нет', '日', 'Привет', 'Ġ日😀', X'CFF0'); ALTER TABLE a MODIFY t TEXT CHARACTER SET koi8r; INSERT INTO a VALUES (3, 'new', '日', 'Привет', 'x', X'CFF0'); "
            + "ALTER TABLE a MODIFY t TEXT CHARACTER SET utf8mb4; UPDATE a SET t = 'Привет 😀' WHERE id = 1");

        var changes = await StreamAsync(source, start);

        Assert.Equal(
            [
                "Insert a (1,нет,ア,日,Привет,Ġ日😀,z/A=) 2 3 да|нет", "Insert a (2,нет,日,Привет,Ġ日😀,z/A=) 2 1 new|нет|да", "Insert a (3,new,日,Привет,x,z/A=) 1 1 new|нет|да",
                "Update a (1,нет,日,ア,Привет,Ġ日😀,z/A=) (1,нет,日,ア,Привет 😀,Ġ日😀,z/A=) 2 3 new|нет|да",
            ],
            changes.Select(change => $"{change} {Index(change, 1)} {Index(change, 2)} {string.Join('|', change.Schema.Columns[1].Labels)}"));
        Assert.Equal(
            ["Read a (1,нет,日,ア,Привет 😀,Ġ日😀,z/A=)", "Read a (2,нет,日,Привет,Ġ日😀,z/A=)", "Read a (3,new,日,Привет,x,z/A=)"],
            await ReadAsync(source, changes[0].Schema));
    }

    [Theory]
    [InlineData(TestProduct.MariaDb, "k VARCHAR(20) CHARACTER SET cp1251", "'а','б','в','Г','Ё'")]
    [InlineData(TestProduct.MariaDb, "k UUID", "'00000000-0000-1000-8000-000000000009','00000009-0000-1000-8000-000000000000','00000001-0000-4000-8000-000000000003','f0000001-0000-7000-8000-000000000003','00000000-0000-0000-0000-000000000000'")]
    [InlineData(TestProduct.MariaDb, "k INET6", "'::','::1','::ffff:1.2.3.4','2001:db8::','ffff::'")]
    [InlineData(TestProduct.MariaDb11, "k INET4", "'0.0.0.0','10.0.0.1','9.255.0.0','255.255.255.255','127.0.0.1'")]
    [InlineData(TestProduct.MySql9, "k VARCHAR(20) CHARACTER SET gb18030", "'一','丁','㐀','😀','a'")]
    [InlineData(TestProduct.MySql9, "k BINARY(3)", "X'00',X'0001',X'FFFFFF',X'80','a'")]
    [InlineData(TestProduct.MySql56, "k CHAR(20) CHARACTER SET ucs2", "'Ġ','a','日','z ','é'")]
    [InlineData(TestProduct.MySql56, "k DOUBLE", "-1.5e300,-0.1,0,0.1,12345.678901234567")]
    [InlineData(TestProduct.MySql56, "k FLOAT", "-1.5e30,-0.1,0,0.1,16777217")]
    public async Task Tables_are_read_page_by_page_whatever_their_key(TestProduct product, string key, string values)
    {
        var server = await TestServer.SharedAsync(product);
        var database = server.NextDatabase();
        await server.ExecuteAsync(
            $"CREATE DATABASE {database}; USE {database}; CREATE TABLE a ({key}, PRIMARY KEY (k)) CHARACTER SET utf8mb4; INSERT INTO a VALUES ({string.Join("),(", values.Split(','))})");
        var source = new MySqlSource(
            new() { Endpoint = server.Endpoint with { MultiStatements = false }, Tables = [new(database, "*")], SnapshotChunkRows = 2 },
            new("shop", NullLoggerFactory.Instance, TimeProvider.System));
        var table = Assert.Single(await source.TablesAsync(Token));

        var read = await ReadAsync(source, table);

        Assert.Equal(5, read.Count);
        Assert.Equal(5, read.Distinct().Count());
    }

    private static ulong Index(Recorded change, int ordinal)
    {
        var reader = new RowReader(change.Schema, change.After);
        return reader.Seek(ordinal) ? reader.UInt64 : 0;
    }

    private static async Task<(TestServer Server, string Database, MySqlSource Source, SourcePosition Start)> BeginAsync(TestProduct product, string table)
    {
        var server = await TestServer.SharedAsync(product);
        var database = server.NextDatabase();
        await server.ExecuteAsync($"CREATE DATABASE {database} CHARACTER SET utf8mb4; USE {database}; {table}");
        var source = server.Source(database);
        return (server, database, source, await source.CurrentPositionAsync(Token));
    }

    private static async Task<List<Recorded>> StreamAsync(MySqlSource source, SourcePosition start)
    {
        var recorder = new Recorder();
        await source.RunAsync(new() { From = start, Until = await source.CurrentPositionAsync(Token) }, recorder, Token);
        return [.. recorder.Changes];
    }

    private static async Task<List<string>> ReadAsync(MySqlSource source, TableSchema table)
    {
        var rows = new List<string>();
        await foreach (var row in source.ReadTableAsync(table, captured: null, Token))
            rows.Add(new Recorded(ChangeKind.Read, row.Schema, [], row.Row.ToArray()).ToString());
        return rows;
    }
}
