using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Apply;
using Leat.Connectors.MySql.Wire;
using Leat.Demo;
using Leat.Tests;
using Microsoft.Extensions.Logging.Abstractions;

namespace Leat.Bench;

/// <summary>Rows a second into a MariaDB through the sink's lanes, beside the same rows as ready-made multi-row upserts over as many connections.</summary>
internal static class UpsertBench
{
    private const int Lanes = 2;
    private const int ReferenceRows = 1_000;

    private static readonly TableSchema Orders = new(
        new("bench", "orders"),
        [
            new() { Name = "id", Kind = ColumnKind.Int64, Nullable = false }, new() { Name = "customer_id", Kind = ColumnKind.Int32, Nullable = false },
            new() { Name = "product_id", Kind = ColumnKind.Int32, Nullable = false }, new() { Name = "quantity", Kind = ColumnKind.Int32, Nullable = false },
            new() { Name = "status", Kind = ColumnKind.Int8, Nullable = false }, new() { Name = "amount", Kind = ColumnKind.Decimal, Precision = 12, Scale = 2, Nullable = false },
            new() { Name = "currency", Kind = ColumnKind.String, Length = 3, Nullable = false }, new() { Name = "email", Kind = ColumnKind.String, Length = 64, Nullable = false },
            new() { Name = "note", Kind = ColumnKind.String, Length = 120 }, new() { Name = "created_at", Kind = ColumnKind.DateTime, Scale = 6, Nullable = false },
            new() { Name = "updated_at", Kind = ColumnKind.DateTime, Scale = 6 }, new() { Name = "attrs", Kind = ColumnKind.Json, Nullable = false },
        ],
        [0]);

    internal static readonly Shape Target = new()
    {
        Alias = "through_leat", Schema = Orders, Key = [0], Columns = [.. Orders.Columns.Select((column, i) => new ShapeColumn(column.Name, i))],
    };

    /// <summary><c>[ROWS] [ROUNDS] [BATCH]</c>: 200,000 rows, three rounds and batches of 1,000 by default.</summary>
    public static async Task Run(string[] args)
    {
        var rows = args.Length > 0 ? Number(args[0]) : 200_000;
        var rounds = args.Length > 1 ? Number(args[1]) : 3;
        var batch = args.Length > 2 ? Number(args[2]) : MySqlSinkOptions.DefaultFlushOperations;
        var folder = Directory.CreateTempSubdirectory("leat-bench-").FullName;
        try
        {
            await using var server = await PrivateMariaDb.StartAsync(
                new() { Folder = Path.Combine(folder, "target"), Arguments = ["--sync-binlog=0", "--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=512M", "--innodb-log-file-size=256M"] },
                CancellationToken.None);
            await server.ExecuteAsync(await File.ReadAllTextAsync(Repository.Path("bench/workload/01-schema.sql")), CancellationToken.None);
            var endpoint = new MySqlEndpoint { Host = "127.0.0.1", Port = server.Port, User = "root", MultiStatements = true };
            Build(rows, batch);
            for (var round = 0; round < rounds; round++)
            {
                await server.ExecuteAsync(
                    "USE bench; DROP TABLE IF EXISTS ready_made, by_client, through_leat, leat_positions; CREATE TABLE ready_made LIKE orders; CREATE TABLE by_client LIKE orders; CREATE TABLE through_leat LIKE orders", CancellationToken.None);
                foreach (var (what, version) in new[] { ("insert", 1), ("update", 2) })
                {
                    var limit = await ReadyMadeAsync(endpoint, server, rows, version);
                    var client = await ByClientAsync(server, folder, rows, version);
                    var leat = await ThroughLeatAsync(endpoint, server, rows, batch, version);
                    Console.WriteLine(string.Create(
                        CultureInfo.InvariantCulture, $"round {round} {what}: ready-made {limit}  client {client}  leat {leat}  of ready-made {limit.Seconds / leat.Seconds:P0}, of the client {client.Seconds / leat.Seconds:P0}"));
                }

                await CompareAsync(server);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // What becomes of a batch before it is sent, on one thread.
    private static void Build(int rows, int batch)
    {
        var operations = Enumerable.Range(1, rows).Select(i => Operation(i, 1, i)).ToArray();
        var (plan, writer) = (new ApplyPlan(new Dictionary<string, TargetForm>(), seen: -1), new ApplyWriter("bench", new(UpsertForm.Function, TargetServer.PaddedCollation, 16 << 20)));
        var least = double.MaxValue;
        for (var round = 0; round < 10; round++)
        {
            var begin = Process.GetCurrentProcess().TotalProcessorTime;
            for (var at = 0; at < rows; at += batch)
            {
                var part = operations.AsSpan(at, Math.Min(batch, rows - at));
                writer.Clear();
                plan.Build(part);
                foreach (var group in plan.Groups)
                    writer.Add(group, CollectionsMarshal.AsSpan(group.Operations), part);
            }

            least = Math.Min(least, (Process.GetCurrentProcess().TotalProcessorTime - begin).TotalMicroseconds);
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"statements alone: {least / rows:F2} us/row"));
    }

    private static Operation Operation(int i, int version, long offset) => new()
    {
        Kind = OperationKind.Index, Cause = version == 1 ? ChangeKind.Insert : ChangeKind.Update, Offset = offset, CommittedAtMicros = 0, Shape = Target, Row = Row(i, version),
        KeyHash = (ulong)Hash(i) << 16 | (uint)i,
    };

    // Each connection writes its half of the rows; the statements lie in memory before the clock starts.
    private static async Task<Taken> ReadyMadeAsync(MySqlEndpoint endpoint, PrivateMariaDb server, int rows, int version)
    {
        var statements = Enumerable.Range(0, Lanes).Select(lane => Statements(1 + rows / Lanes * lane, rows / Lanes * (lane + 1), version).ToList()).ToList();
        var clock = new Clock(server);
        await Task.WhenAll(statements.Select(half => Task.Run(async () =>
        {
            await using var connection = await MySqlConnection.OpenAsync(endpoint, TimeProvider.System, CancellationToken.None);
            foreach (var statement in half)
                await connection.ExecuteAsync(statement, CancellationToken.None);
        })));
        return clock.Stop(rows);
    }

    // Encoded rows lie in memory before the clock starts; rows are dealt to the lanes one by one, as their keys' hashes would.
    private static async Task<Taken> ThroughLeatAsync(MySqlEndpoint endpoint, PrivateMariaDb server, int rows, int batch, int version)
    {
        await using var sink = new MySqlSink(new() { Endpoint = endpoint, Database = "bench" }, new("bench", NullLoggerFactory.Instance, TimeProvider.System));
        await sink.PrepareAsync([Target], CancellationToken.None);
        var offset = (long)rows * version * 10;
        var queues = Enumerable.Range(0, Lanes).Select(_ => new List<Operation>()).ToList();
        for (var i = 1; i <= rows; i++)
        {
            var operation = Operation(i, version, offset + i);
            queues[(int)((operation.KeyHash >> 20) % Lanes)].Add(operation);
        }

        var lanes = new List<ISinkLane>();
        for (var i = 0; i < Lanes; i++)
            lanes.Add(await sink.OpenLaneAsync(new("bench", Guid.Empty, 1, i, Lanes, 0), CancellationToken.None));
        var clock = new Clock(server);
        await Task.WhenAll(lanes.Zip(queues, (lane, queue) => Task.Run(() => WriteAsync(lane, queue.ToArray(), batch))));
        var taken = clock.Stop(rows);
        foreach (var lane in lanes)
            await lane.DisposeAsync();
        return taken;
    }

    internal static async Task WriteAsync(ISinkLane lane, ReadOnlyMemory<Operation> operations, int batch)
    {
        var answers = new Answer[batch];
        for (var at = 0; at < operations.Length; at += batch)
        {
            var count = Math.Min(batch, operations.Length - at);
            await lane.WriteAsync(operations.Slice(at, count), answers.AsMemory(0, count), CancellationToken.None);
            if (answers.AsSpan(0, count).ContainsAnyExcept(Answer.Applied))
                throw new InvalidOperationException("An operation was not applied.");
        }
    }

    // The target itself says whether both tables hold the same.
    private static async Task CompareAsync(PrivateMariaDb server)
    {
        var sums = await server.QueryAsync("CHECKSUM TABLE bench.ready_made, bench.through_leat", CancellationToken.None);
        if (sums[0][1] != sums[1][1])
            throw new InvalidOperationException("The two tables differ.");
    }

    // The same statements out of files through the server's own client, one process a connection: what a script would do.
    private static async Task<Taken> ByClientAsync(PrivateMariaDb server, string folder, int rows, int version)
    {
        var files = new List<string>();
        for (var lane = 0; lane < Lanes; lane++)
        {
            files.Add(Path.Combine(folder, $"upsert-{lane}.sql"));
            await using var file = File.Create(files[lane]);
            foreach (var statement in Statements(1 + rows / Lanes * lane, rows / Lanes * (lane + 1), version, "by_client"))
            {
                await file.WriteAsync(statement);
                await file.WriteAsync(";\n"u8.ToArray());
            }
        }

        var clock = new Clock(server);
        await Task.WhenAll(files.Select(async file =>
        {
            using var client = Process.Start("/bin/sh", ["-c", "exec mariadb --no-defaults -u root -S \"$0\" bench < \"$1\"", server.Socket, file]);
            await client.WaitForExitAsync();
            if (client.ExitCode != 0)
                throw new InvalidOperationException("The client failed.");
        }));
        return clock.Stop(rows);
    }

    private static IEnumerable<byte[]> Statements(int from, int to, int version, string table = "ready_made")
    {
        var columns = string.Join(",", Orders.Columns.Select(column => column.Name));
        var tail = " ON DUPLICATE KEY UPDATE " + string.Join(",", Orders.Columns.Skip(1).Select(column => $"{column.Name}=VALUES({column.Name})"));
        for (var first = from; first <= to; first += ReferenceRows)
        {
            var text = new StringBuilder($"INSERT INTO bench.{table} ({columns}) VALUES ");
            for (var i = first; i < Math.Min(first + ReferenceRows, to + 1); i++)
            {
                var (hash, updated) = (Hash(i), (i + version) % 60);
                text.Append(CultureInfo.InvariantCulture, $"{(i == first ? "" : ",")}({i},{hash % 50_000},{hash % 8_000},{i % 9 + version},{(i + version) % 5},{Amount(hash)},'USD','{Email(hash)}','{Note(i)}',");
                text.Append(CultureInfo.InvariantCulture, $"'2024-01-01 00:00:00.001017','2024-01-01 00:01:{updated:D2}.000000','{Attributes(hash)}')");
            }

            yield return Encoding.UTF8.GetBytes(text.Append(tail).ToString());
        }
    }

    internal static byte[] Row(int i, int version)
    {
        Span<byte> room = stackalloc byte[1024];
        var hash = Hash(i);
        var row = new RowWriter(room, Orders.Columns.Length);
        row.WriteUInt64((ulong)i);
        row.WriteUInt32(hash % 50_000);
        row.WriteUInt32(hash % 8_000);
        row.WriteUInt32((uint)(i % 9 + version));
        row.WriteByte((byte)((i + version) % 5));
        row.WriteString(Amount(hash));
        row.WriteString("USD");
        row.WriteString(Email(hash));
        row.WriteString(Note(i));
        row.WriteUInt64(Temporal.DateTime(2024, 1, 1, 0, 0, 0, 1_017));
        row.WriteUInt64(Temporal.DateTime(2024, 1, 1, 0, 1, (i + version) % 60, 0));
        row.WriteString(Attributes(hash));
        return room[..row.WrittenBytes].ToArray();
    }

    // Knuth's multiplicative hash: values that look random and are the same on every machine.
    internal static uint Hash(int i) => (uint)i * 2_654_435_761;

    internal static string Amount(uint hash) => (hash % 99_999_999 / 100m).ToString("F2", CultureInfo.InvariantCulture);

    internal static string Email(uint hash) => $"user{hash % 50_000}@example.com";

    internal static string Note(int i) => $"leave at the door, ring {i % 13} times";

    internal static string Attributes(uint hash) =>
        string.Create(CultureInfo.InvariantCulture, $$"""{"sku":"SKU-{{hash % 8_000:D6}}","warehouse":"south","gift":false,"channel":"web","tags":["a","b"],"weight":0.1}""");

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    /// <summary>What writing took: time, and processor time here and in the server, which other programs on the machine disturb less.</summary>
    private sealed record Taken(int Rows, double Seconds, double ClientSeconds, double ServerSeconds)
    {
        public override string ToString() => string.Create(
            CultureInfo.InvariantCulture, $"{Rows / Seconds:F0} rows/s (client {ClientSeconds * 1e6 / Rows:F2}, server {ServerSeconds * 1e6 / Rows:F2} us/row)");
    }

    private sealed class Clock(PrivateMariaDb server)
    {
        private readonly long _begin = Stopwatch.GetTimestamp();
        private readonly TimeSpan _client = Process.GetCurrentProcess().TotalProcessorTime;
        private readonly TimeSpan _server = Process.GetProcessById(server.ProcessId).TotalProcessorTime;

        public Taken Stop(int rows) => new(
            rows, Stopwatch.GetElapsedTime(_begin).TotalSeconds, (Process.GetCurrentProcess().TotalProcessorTime - _client).TotalSeconds,
            (Process.GetProcessById(server.ProcessId).TotalProcessorTime - _server).TotalSeconds);
    }
}
