using System.Globalization;
using System.Text;
using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Wire;
using Leat.IntegrationTests.MySql.Servers;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>Every line of TYPES.md: what the snapshot reads, what the stream decodes and what the server itself shows are the same.</summary>
public sealed class TypesTests
{
    // Few enough for the 8 KiB of a row of MySQL 5.6, of which a long text takes 768 bytes.
    private const int ColumnsOfATable = 8;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(TestProduct.MariaDb, "FULL", "MINIMAL", "NO_LOG")]
    [InlineData(TestProduct.MariaDb11, "FULL", "MINIMAL", "NO_LOG")]
    [InlineData(TestProduct.MySql9, "FULL", "MINIMAL")]
    [InlineData(TestProduct.MySql56)]
    public async Task Snapshot_stream_and_server_agree_on_every_line(TestProduct product, params string[] metadata)
    {
        await using var server = await TestServer.StartAsync(product);
        var lines = TypesLine.Read().Where(line => line.IsFor(product)).ToList();
        var tables = lines.Where(line => !line.IsOld).Chunk(ColumnsOfATable).Concat(lines.Where(line => line.IsOld).Chunk(ColumnsOfATable)).ToList();
        foreach (var setting in metadata.Length == 0 ? ["as it is"] : metadata)
        {
            if (metadata.Length > 0)
                await server.ExecuteAsync($"SET GLOBAL binlog_row_metadata = {setting}");
            await AgreeAsync(server, tables);
        }
    }

    private static async Task AgreeAsync(TestServer server, List<TypesLine[]> tables)
    {
        var database = server.NextDatabase();
        await server.ExecuteAsync($"CREATE DATABASE {database} CHARACTER SET utf8mb4");
        for (var i = 0; i < tables.Count; i++)
            await CreateAsync(server, $"{database}.t{i:D3}", tables[i]);
        var source = server.Source(database);
        var start = await source.CurrentPositionAsync(Token);
        for (var i = 0; i < tables.Count; i++)
            await FillAsync(server, $"{database}.t{i:D3}", tables[i]);
        var end = await source.CurrentPositionAsync(Token);

        var streamed = new Recorder();
        await source.RunAsync(new() { From = start, Until = end }, streamed, Token);
        var read = new Recorder();
        await (await SnapshotAsync(server, database)).RunAsync(new(), read, Token);
        for (var i = 0; i < tables.Count; i++)
            await AgreeAsync(server, new(database, $"t{i:D3}"), tables[i], streamed, read);
    }

    internal static async Task CreateAsync(TestServer server, string table, TypesLine[] lines)
    {
        var create = $"CREATE TABLE {table} (id INT PRIMARY KEY, {string.Join(", ", lines.Select((line, i) => $"c{i} {line.Definition}"))})";
        await server.ExecuteAsync(lines[0].IsOld ? $"SET GLOBAL mysql56_temporal_format = OFF; {create}; SET GLOBAL mysql56_temporal_format = ON" : create);
    }

    // One row more than there are values: all NULL, or what a generated column says.
    internal static async Task FillAsync(TestServer server, string table, TypesLine[] lines)
    {
        var sql = new StringBuilder("SET SESSION sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'");
        for (var row = 0; row <= lines.Max(line => line.Values.Length); row++)
        {
            var given = lines.Select((line, i) => (Name: $"c{i}", line.Values)).Where(column => row < column.Values.Length).ToList();
            sql.Append(CultureInfo.InvariantCulture, $"; INSERT IGNORE INTO {table} ({string.Join(", ", given.Select(column => column.Name).Prepend("id"))}) ")
                .Append(CultureInfo.InvariantCulture, $"VALUES ({string.Join(", ", given.Select(column => column.Values[row]).Prepend($"{row}"))})");
        }

        await server.ExecuteAsync(sql.ToString());
    }

    private static async Task AgreeAsync(TestServer server, TableName table, TypesLine[] lines, Recorder streamed, Recorder read)
    {
        var rows = lines.Max(line => line.Values.Length) + 1;
        var fromStream = streamed.Changes.Where(change => change.Schema.Table == table).ToList();
        var fromSnapshot = read.Changes.Where(change => change.Schema.Table == table).ToList();
        Assert.Equal(rows, fromStream.Count);
        Assert.Equal(rows, fromSnapshot.Count);
        Assert.Equal(lines.Select(line => $"{line.Definition}: {line.Kind}"), lines.Select((line, i) => $"{line.Definition}: {fromStream[0].Schema.Columns[i + 1].Kind}"));
        for (var row = 0; row < rows; row++)
        {
            Assert.Equal(ChangeKind.Insert, fromStream[row].Kind);
            Assert.Equal(ChangeKind.Read, fromSnapshot[row].Kind);
            Assert.Equal(Named(lines, fromStream[row]), Named(lines, fromSnapshot[row]));
            Assert.Equal(fromStream[row].After, fromSnapshot[row].After);
            Assert.Equal(fromStream[row].Schema.Columns, fromSnapshot[row].Schema.Columns);
            Assert.Equal(fromStream[row].Schema.Key, fromSnapshot[row].Schema.Key);
        }

        await using var connection = await server.OpenAsync();
        await connection.ExecuteAsync("SET SESSION time_zone = '+00:00'", Token);
        for (var i = 0; i < lines.Length; i++)
        {
            var shown = await ShownAsync(connection, table, i, fromStream[0].Schema.Columns[i + 1]);
            Assert.Equal(shown.Select(text => $"{lines[i].Definition}: {text}"), fromStream.Select(row => $"{lines[i].Definition}: {TextOf(row, i + 1)}"));
        }
    }

    // MySQL needs a table to mark places in its binlog.
    private static async Task<MySqlSource> SnapshotAsync(TestServer server, string database)
    {
        if (!server.IsMariaDb)
            await server.ExecuteAsync($"CREATE TABLE {database}.heartbeat (source VARCHAR(64) NOT NULL PRIMARY KEY, mark BIGINT UNSIGNED NOT NULL, beaten_at BIGINT NOT NULL) ENGINE = InnoDB");
        var options = new MySqlSourceOptions
        {
            Endpoint = server.Endpoint with { MultiStatements = false }, Tables = [new(database, "*")], Snapshot = SnapshotMode.Only, ServerId = TestServer.NextReplicaId(),
            HeartbeatTable = server.IsMariaDb ? null : new(database, "heartbeat"),
        };
        return new(options, new("shop", NullLoggerFactory.Instance, TimeProvider.System));
    }

    private static IEnumerable<string> Named(TypesLine[] lines, Recorded row) =>
        row.Values(row.After).Skip(1).Select((value, i) => $"{lines[i].Definition}: {value ?? "NULL"}");

    // The server's own text of every value; bytes as hexadecimal digits, numbers without leading zeros.
    private static async Task<List<string>> ShownAsync(MySqlConnection connection, TableName table, int column, Column schema)
    {
        var name = $"c{column}";
        var expression = schema.Kind switch
        {
            ColumnKind.Float32 or ColumnKind.Float64 => $"{name} * 1e0",
            ColumnKind.Decimal or ColumnKind.Int32 or ColumnKind.UInt32 => $"{name} + 0",
            ColumnKind.Bit => $"CAST({name} AS UNSIGNED)",
            ColumnKind.Binary => $"HEX({name})",
            _ => name,
        };
        var shown = new List<string>();
        await using var answer = await connection.QueryAsync($"SELECT {expression} FROM {table} ORDER BY id", Token);
        while (await answer.ReadRowAsync(Token))
        {
            var text = answer.Text(0);
            shown.Add(schema.Kind is ColumnKind.Float32 or ColumnKind.Float64 && text is not null ? Number(double.Parse(text, CultureInfo.InvariantCulture)) : text ?? "NULL");
        }

        return shown;
    }

    private static string TextOf(Recorded row, int ordinal)
    {
        var reader = new RowReader(row.Schema, row.After);
        if (!reader.Seek(ordinal))
            return "NULL";
        return reader.Column.Kind switch
        {
            ColumnKind.Float32 => Number(reader.Single),
            ColumnKind.Float64 => Number(reader.Double),
            ColumnKind.Binary => Convert.ToHexString(reader.Bytes),
            _ => row.Values(row.After)[ordinal] ?? "",
        };
    }

    private static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
