using Leat.Changes;
using Leat.Connectors.MySql;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>Every supported type: what the snapshot reads, what the stream decodes and what the server itself shows are the same.</summary>
public sealed class TypesTests(MariaDbFixture maria) : IClassFixture<MariaDbFixture>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    // Column type, and literals that go to its ends. NULL is added to each.
    private static readonly (string Type, string[] Literals)[] Types =
    [
        ("TINYINT", ["-128", "127", "0"]),
        ("TINYINT UNSIGNED", ["0", "255"]),
        ("SMALLINT", ["-32768", "32767"]),
        ("SMALLINT UNSIGNED", ["65535"]),
        ("MEDIUMINT", ["-8388608", "8388607", "-1"]),
        ("MEDIUMINT UNSIGNED", ["16777215"]),
        ("INT", ["-2147483648", "2147483647"]),
        ("INT UNSIGNED", ["4294967295"]),
        ("INT(8) UNSIGNED ZEROFILL", ["42"]),
        ("BIGINT", ["-9223372036854775808", "9223372036854775807"]),
        ("BIGINT UNSIGNED", ["18446744073709551615"]),
        ("BOOLEAN", ["TRUE", "FALSE"]),
        ("DECIMAL(12,2)", ["0", "-0.01", "9999999999.99", "-9999999999.99", "100"]),
        ("DECIMAL(65,30)", ["12345678901234567890123456789012345.123456789012345678901234567891", "-0.000000000000000000000000000001", "0"]),
        ("DECIMAL(65,0)", ["99999999999999999999999999999999999999999999999999999999999999999", "-1"]),
        ("DECIMAL(38,38)", ["0.12345678901234567890123456789012345678", "-0.1"]),
        ("DECIMAL(10,0)", ["0", "-1000000000", "9"]),
        ("DECIMAL(8,3) UNSIGNED ZEROFILL", ["1.5", "0"]),
        ("YEAR", ["1901", "2155", "0"]),
        ("INT UNSIGNED", ["7"]),
        ("FLOAT", ["0.1", "-3.4e38", "16777217", "1.17549e-38", "0"]),
        ("FLOAT(7,4)", ["1.2345", "-999.9999"]),
        ("DOUBLE", ["0.1", "-1.7976931348623157e308", "5e-324", "123456789.123456789"]),
        ("DOUBLE(12,3)", ["1.005", "-123456.789"]),
        ("CHAR(5) CHARACTER SET utf8mb4", ["''", "'abcde'", "'äöü€😀'", "'a  '"]),
        ("CHAR(255) CHARACTER SET utf8mb4", ["REPEAT('😀', 255)", "'x'"]),
        ("VARCHAR(20) CHARACTER SET utf8mb4", ["''", "'trailing  '", "'日本語'"]),
        ("VARCHAR(300) CHARACTER SET utf8mb3", ["REPEAT('é', 300)"]),
        ("VARCHAR(50) CHARACTER SET ascii", ["'plain'"]),
        ("VARCHAR(50) CHARACTER SET latin1", ["'Grüße – 5 €'", "''", "REPEAT('ÿ', 50)", "UNHEX('818D8F909D80')"]),
        ("CHAR(10) CHARACTER SET latin1", ["'ÄÖÜ'"]),
        ("TEXT CHARACTER SET latin1", ["'façade “quoted”'"]),
        ("TINYTEXT", ["'t'", "''"]),
        ("TEXT", ["REPEAT('x', 65535)"]),
        ("MEDIUMTEXT", ["REPEAT('y', 70000)"]),
        ("LONGTEXT", ["'long'"]),
        ("JSON", ["'{\"a\": [1, 2.50, null], \"ü\": \"x\"}'", "'[]'"]),
        ("BINARY(4)", ["'a'", "UNHEX('00010000')", "UNHEX('FFFFFFFF')", "''"]),
        ("BINARY(255)", ["'b'"]),
        ("VARBINARY(10)", ["UNHEX('0001FF00')", "''"]),
        ("TINYBLOB", ["UNHEX('FF00')"]),
        ("BLOB", ["REPEAT(UNHEX('80'), 300)"]),
        ("MEDIUMBLOB", ["'m'"]),
        ("LONGBLOB", ["'l'"]),
        ("DATE", ["'2024-02-29'", "'0000-00-00'", "'9999-12-31'", "'2024-00-00'", "'1000-01-01'"]),
        ("TIME", ["'-838:59:59'", "'838:59:59'", "'00:00:00'", "'-00:00:01'"]),
        ("TIME(1)", ["'-00:00:00.5'", "'12:34:56.7'"]),
        ("TIME(2)", ["'-00:00:00.01'", "'-12:34:56.78'"]),
        ("TIME(3)", ["'-838:59:59.999'", "'00:00:00.001'"]),
        ("TIME(4)", ["'-01:00:00.0001'"]),
        ("TIME(5)", ["'-01:00:00.00001'"]),
        ("TIME(6)", ["'-838:59:59.999999'", "'838:59:59.999999'", "'-00:00:00.000001'"]),
        ("DATETIME", ["'2024-12-31 23:59:59'", "'0000-00-00 00:00:00'", "'9999-12-31 23:59:59'", "'2024-00-15 01:02:03'", "'0003-00-00 00:00:01'"]),
        ("DATETIME(1)", ["'2024-12-31 23:59:59.9'"]),
        ("DATETIME(2)", ["'2024-12-31 23:59:59.09'"]),
        ("DATETIME(3)", ["'2024-12-31 23:59:59.001'"]),
        ("DATETIME(4)", ["'2024-12-31 23:59:59.0001'"]),
        ("DATETIME(5)", ["'2024-12-31 23:59:59.00001'"]),
        ("DATETIME(6)", ["'1000-01-01 00:00:00.000001'", "'2024-12-31 23:59:59.999999'"]),
        ("TIMESTAMP NULL", ["'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "0"]),
        ("TIMESTAMP(2) NULL", ["'2024-06-01 12:00:00.25'"]),
        ("TIMESTAMP(3) NULL", ["'2024-06-01 12:00:00.123'"]),
        ("TIMESTAMP(6) NULL", ["'2024-06-01 12:00:00.000001'", "'2038-01-19 03:14:07.999999'", "0"]),
        ("BIT(1)", ["b'0'", "b'1'"]),
        ("BIT(9)", ["b'101010101'"]),
        ("BIT(64)", ["18446744073709551615", "1"]),
        ("ENUM('small','it''s','größe')", ["'small'", "'it''s'", "'größe'", "''"]),
        ("ENUM('a','ß') CHARACTER SET latin1", ["'ß'"]),
        ("SET('a','b','c d')", ["''", "'a'", "'a,c d'"]),
        ("SET(" + Labels64 + ")", ["'m1,m64'", "'m33'"]),
        ("INT AS (1 + 1) VIRTUAL", []),
        ("INT AS (2 + 2) STORED", []),
        ("INT INVISIBLE", ["5"]),
    ];

    private const string Labels64 =
        "'m1','m2','m3','m4','m5','m6','m7','m8','m9','m10','m11','m12','m13','m14','m15','m16','m17','m18','m19','m20','m21','m22','m23','m24','m25',"
        + "'m26','m27','m28','m29','m30','m31','m32','m33','m34','m35','m36','m37','m38','m39','m40','m41','m42','m43','m44','m45','m46','m47','m48',"
        + "'m49','m50','m51','m52','m53','m54','m55','m56','m57','m58','m59','m60','m61','m62','m63','m64'";

    [Theory]
    [InlineData("FULL")]
    [InlineData("MINIMAL")]
    [InlineData("NO_LOG")]
    public async Task Snapshot_stream_and_server_agree_on_every_type(string metadata)
    {
        var database = maria.NextDatabase();
        await maria.ExecuteAsync($"SET GLOBAL binlog_row_metadata = {metadata}; CREATE DATABASE {database} CHARACTER SET utf8mb4");
        var source = maria.Source(database);
        var columns = string.Join(", ", Types.Select((type, i) => $"c{i} {type.Type}"));
        await maria.ExecuteAsync($"CREATE TABLE {database}.types (id INT PRIMARY KEY, {columns})");
        var start = await source.CurrentPositionAsync(Token);
        var rows = Types.Max(type => type.Literals.Length) + 1;
        for (var row = 0; row < rows; row++)
        {
            var given = Types.Select((type, i) => (Name: $"c{i}", type.Literals)).Where(column => row < column.Literals.Length).ToList();
            await maria.ExecuteAsync(
                $"SET SESSION sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'; INSERT IGNORE INTO {database}.types ({string.Join(", ", given.Select(column => column.Name).Prepend("id"))}) "
                + $"VALUES ({string.Join(", ", given.Select(column => column.Literals[row]).Prepend($"{row}"))})");
        }

        var streamed = new Recorder();
        await source.RunAsync(new() { From = start, Until = await source.CurrentPositionAsync(Token) }, streamed, Token);
        var read = new Recorder();
        var reader = maria.Source(database, SnapshotMode.Initial, chunkRows: 2);
        await reader.RunAsync(new() { Until = await source.CurrentPositionAsync(Token) }, read, Token);

        var fromStream = streamed.Changes.ToList();
        var fromSnapshot = read.Changes.ToList();
        Assert.Equal(rows, fromStream.Count);
        Assert.Equal(rows, fromSnapshot.Count);
        for (var row = 0; row < rows; row++)
        {
            Assert.Equal(ChangeKind.Insert, fromStream[row].Kind);
            Assert.Equal(ChangeKind.Read, fromSnapshot[row].Kind);
            Assert.Equal(fromStream[row].Values(fromStream[row].After), fromSnapshot[row].Values(fromSnapshot[row].After));
            Assert.Equal(fromStream[row].After, fromSnapshot[row].After);
            Assert.Equal(fromStream[row].Schema, fromSnapshot[row].Schema);
        }

        await SameAsServerAsync(database, fromStream);
    }

    // The server's own text of every value, as a client sees it; floats as doubles, bytes and bits as numbers or hexadecimal digits.
    private async Task SameAsServerAsync(string database, List<Recorded> rows)
    {
        await using var connection = await maria.OpenAsync();
        await connection.ExecuteAsync("SET SESSION time_zone = '+00:00'", Token);
        var schema = rows[0].Schema;
        for (var ordinal = 0; ordinal < schema.Columns.Length; ordinal++)
        {
            var column = schema.Columns[ordinal];
            var expression = column.Kind switch
            {
                ColumnKind.Float32 or ColumnKind.Float64 => $"CAST({column.Name} AS DOUBLE)",
                ColumnKind.Bit => $"CAST({column.Name} AS UNSIGNED)",
                ColumnKind.Decimal => $"{column.Name} + 0",
                ColumnKind.Int32 or ColumnKind.UInt32 => $"{column.Name} + 0",
                _ => column.Name,
            };
            await using var answer = await connection.QueryAsync($"SELECT {expression} FROM {database}.types ORDER BY id", Token);
            foreach (var row in rows)
            {
                Assert.True(await answer.ReadRowAsync(Token));
                var ours = row.Values(row.After)[ordinal];
                var reader = new RowReader(schema, row.After);
                var isNull = !reader.Seek(ordinal);
                Assert.Equal(answer.IsNull(0), isNull);
                if (isNull)
                    continue;
                switch (column.Kind)
                {
                    case ColumnKind.Float32:
                        Assert.Equal(answer.Text(0), ((double)BitConverter.ToSingle(reader.Bytes)).ToString("R", System.Globalization.CultureInfo.InvariantCulture).ToLowerInvariant().Replace("e+", "e", StringComparison.Ordinal), MySqlNumber);
                        break;
                    case ColumnKind.Float64:
                        Assert.Equal(double.Parse(answer.Text(0)!, System.Globalization.CultureInfo.InvariantCulture), BitConverter.ToDouble(reader.Bytes));
                        break;
                    case ColumnKind.Binary:
                        Assert.Equal(answer.Value(0).ToArray(), reader.Bytes.ToArray());
                        break;
                    case ColumnKind.Bit:
                        Assert.Equal(ulong.Parse(answer.Text(0)!, System.Globalization.CultureInfo.InvariantCulture), reader.UInt64);
                        break;
                    case ColumnKind.Year:
                        Assert.Equal(answer.Number(0), (long)reader.UInt64);
                        break;
                    case ColumnKind.String or ColumnKind.Json or ColumnKind.Decimal:
                        Assert.Equal(answer.Text(0), System.Text.Encoding.UTF8.GetString(reader.Bytes));
                        break;
                    case ColumnKind.Timestamp:
                        Assert.Equal(answer.Text(0), ours?.TrimEnd('Z').Replace('T', ' '));
                        break;
                    default:
                        Assert.Equal(answer.Text(0), ours);
                        break;
                }
            }
        }
    }

    private static bool MySqlNumber(string? a, string? b) =>
        double.Parse(a!, System.Globalization.CultureInfo.InvariantCulture) == double.Parse(b!, System.Globalization.CultureInfo.InvariantCulture);
}
