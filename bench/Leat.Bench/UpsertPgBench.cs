using System.Diagnostics;
using System.Globalization;
using Leat.Changes;
using Leat.Connectors.PostgreSql;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using NpgsqlTypes;

namespace Leat.Bench;

/// <summary>Rows a second into a PostgreSQL through the sink's lanes, beside a loader written by hand: the same rows as typed arrays over as many connections.</summary>
internal static class UpsertPgBench
{
    private const int Lanes = 2;
    private const string Columns = "id,customer_id,product_id,quantity,status,amount,currency,email,note,created_at,updated_at,attrs";

    // What Leat creates for the shape, with the types that the loader's arrays have.
    private const string Table =
        "(id bigint PRIMARY KEY, customer_id integer NOT NULL, product_id integer NOT NULL, quantity integer NOT NULL, status smallint NOT NULL, amount numeric(12,2) NOT NULL, " +
        "currency text NOT NULL, email text NOT NULL, note text, created_at timestamp(6), updated_at timestamp(6), attrs json NOT NULL)";

    /// <summary><c>HOST PORT USER DATABASE [ROWS] [ROUNDS] [BATCH]</c>: 200,000 rows, three rounds and batches of 1,000 by default.</summary>
    public static async Task Run(string[] args)
    {
        var options = new PostgreSqlSinkOptions { Host = args[0], Port = Number(args[1]), User = args[2], Database = args[3] };
        var rows = args.Length > 4 ? Number(args[4]) : 200_000;
        var rounds = args.Length > 5 ? Number(args[5]) : 3;
        var batch = args.Length > 6 ? Number(args[6]) : options.FlushOperations;
        await using var connections = NpgsqlDataSource.Create($"Host={options.Host};Port={options.Port};Username={options.User};Database={options.Database};Pooling=false;SSL Mode=Disable");
        for (var round = 0; round < rounds; round++)
        {
            await ExecuteAsync(connections, $"DROP TABLE IF EXISTS by_hand, through_leat, leat_positions; CREATE TABLE by_hand {Table}; CREATE TABLE through_leat {Table}");
            foreach (var (what, version) in new[] { ("insert", 1), ("update", 2) })
            {
                await ExecuteAsync(connections, "CHECKPOINT");
                var byHand = await ByHandAsync(connections, rows, batch, version);
                await ExecuteAsync(connections, "CHECKPOINT");
                var leat = await ThroughLeatAsync(options, rows, batch, version);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"round {round} {what}: by hand {byHand}  leat {leat}  ratio {byHand.Seconds / leat.Seconds:P0}"));
            }

            await CompareAsync(connections);
        }
    }

    // Arrays lie in memory before the clock starts; one statement a batch, which is its own transaction.
    private static async Task<Taken> ByHandAsync(NpgsqlDataSource connections, int rows, int batch, int version)
    {
        var lanes = Enumerable.Range(0, Lanes).Select(lane => Enumerable.Range(1, rows).Where(i => LaneOf(i) == lane).Chunk(batch).Select(ids => Arrays(ids, version)).ToList()).ToList();
        var clock = new Clock();
        await Task.WhenAll(lanes.Select(batches => Task.Run(async () =>
        {
            await using var connection = await connections.OpenConnectionAsync();
            await using var command = new NpgsqlCommand(
                $"INSERT INTO by_hand ({Columns}) SELECT * FROM unnest($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12) ON CONFLICT (id) DO UPDATE SET " +
                string.Join(",", Columns.Split(',').Skip(1).Select(column => $"{column}=EXCLUDED.{column}")),
                connection);
            foreach (var parameters in batches)
            {
                command.Parameters.Clear();
                foreach (var parameter in parameters)
                    command.Parameters.Add(parameter);
                if (ReferenceEquals(parameters, batches[0]))
                    await command.PrepareAsync();
                await command.ExecuteNonQueryAsync();
            }
        })));
        return clock.Stop(rows);
    }

    private static NpgsqlParameter[] Arrays(int[] ids, int version)
    {
        var hashes = ids.Select(UpsertBench.Hash).ToArray();
        var created = new DateTime(2024, 1, 1).AddTicks(10_170);
        return
        [
            new() { Value = ids.Select(id => (long)id).ToArray() }, new() { Value = hashes.Select(hash => (int)(hash % 50_000)).ToArray() },
            new() { Value = hashes.Select(hash => (int)(hash % 8_000)).ToArray() }, new() { Value = ids.Select(id => (id % 9) + version).ToArray() },
            new() { Value = ids.Select(id => (short)((id + version) % 5)).ToArray() },
            new() { Value = hashes.Select(hash => decimal.Parse(UpsertBench.Amount(hash), CultureInfo.InvariantCulture)).ToArray() },
            new() { Value = ids.Select(_ => "USD").ToArray() }, new() { Value = hashes.Select(UpsertBench.Email).ToArray() }, new() { Value = ids.Select(UpsertBench.Note).ToArray() },
            new() { Value = ids.Select(_ => created).ToArray() }, new() { Value = ids.Select(id => new DateTime(2024, 1, 1, 0, 1, (id + version) % 60)).ToArray() },
            new() { Value = hashes.Select(UpsertBench.Attributes).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Json },
        ];
    }

    // Encoded rows lie in memory before the clock starts.
    private static async Task<Taken> ThroughLeatAsync(PostgreSqlSinkOptions options, int rows, int batch, int version)
    {
        await using var sink = new PostgreSqlSink(options, new("bench", NullLoggerFactory.Instance, TimeProvider.System));
        await sink.PrepareAsync([UpsertBench.Target], CancellationToken.None);
        var offset = (long)rows * version * 10;
        var queues = Enumerable.Range(0, Lanes).Select(_ => new List<Operation>()).ToList();
        for (var i = 1; i <= rows; i++)
        {
            queues[LaneOf(i)].Add(new()
            {
                Kind = OperationKind.Index, Cause = version == 1 ? ChangeKind.Insert : ChangeKind.Update, Offset = offset + i, CommittedAtMicros = 0, Shape = UpsertBench.Target,
                Row = UpsertBench.Row(i, version), KeyHash = ((ulong)UpsertBench.Hash(i) << 16) | (uint)i,
            });
        }

        var lanes = new List<ISinkLane>();
        for (var i = 0; i < Lanes; i++)
            lanes.Add(await sink.OpenLaneAsync(new("bench", Guid.Empty, 1, i, Lanes, 0), CancellationToken.None));
        var clock = new Clock();
        await Task.WhenAll(lanes.Zip(queues, (lane, queue) => Task.Run(() => UpsertBench.WriteAsync(lane, queue.ToArray(), batch))));
        var taken = clock.Stop(rows);
        foreach (var lane in lanes)
            await lane.DisposeAsync();
        return taken;
    }

    // The target itself says whether both tables hold the same.
    private static async Task CompareAsync(NpgsqlDataSource connections)
    {
        await using var command = connections.CreateCommand(
            "SELECT count(*) FROM (SELECT * FROM by_hand FULL JOIN through_leat USING (id) WHERE by_hand::text IS DISTINCT FROM through_leat::text) AS d");
        if (await command.ExecuteScalarAsync() is not 0L)
            throw new InvalidOperationException("The two tables differ.");
    }

    private static async Task ExecuteAsync(NpgsqlDataSource connections, string sql)
    {
        await using var command = connections.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    // Dealt out one by one, as the keys' hashes would.
    private static int LaneOf(int i) => (int)((UpsertBench.Hash(i) >> 4) % Lanes);

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    /// <summary>What writing took: time, and processor time here.</summary>
    private sealed record Taken(int Rows, double Seconds, double ClientSeconds)
    {
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Rows / Seconds:F0} rows/s (client {ClientSeconds * 1e6 / Rows:F2} us/row)");
    }

    private sealed class Clock
    {
        private readonly long _begin = Stopwatch.GetTimestamp();
        private readonly TimeSpan _client = Process.GetCurrentProcess().TotalProcessorTime;

        public Taken Stop(int rows) => new(rows, Stopwatch.GetElapsedTime(_begin).TotalSeconds, (Process.GetCurrentProcess().TotalProcessorTime - _client).TotalSeconds);
    }
}
