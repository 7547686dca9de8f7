using System.Globalization;
using System.Text;
using Leat.Demo;
using Leat.IntegrationTests.MySql.Servers;
using Leat.Pipeline;
using Leat.Pipeline.Compare;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Status;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.Redis;

/// <summary>A table of a real source, a Redis, and pipelines between the two that run in this process.</summary>
internal sealed class PeopleRig : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    private readonly string[] _sinks;
    private readonly TestServer _server;
    private Engine? _engine;
    private Task _running = Task.CompletedTask;
    private CancellationTokenSource? _stopping;

    private PeopleRig(TestServer server, PrivateRedis redis, string[] sinks)
    {
        _server = server;
        _sinks = sinks;
        Redis = redis;
        Database = server.NextDatabase();
        File = Read();
    }

    public PrivateRedis Redis { get; }

    public string Database { get; }

    /// <summary>The configuration; pipelines are p0, p1 and so on.</summary>
    public LeatFile File { get; private set; }

    public EngineStatus Status => _engine?.Status() ?? throw new InvalidOperationException("not started");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Makes the table and starts a Redis.</summary>
    /// <param name="redisArguments">How Redis is started.</param>
    /// <param name="sinks">Settings of each pipeline's sink, without the address.</param>
    public static async Task<PeopleRig> StartAsync(string[] redisArguments, params string[] sinks)
    {
        var rig = new PeopleRig(await TestServer.SharedAsync(TestProduct.MariaDb), await TestServers.RedisAsync(redisArguments), sinks);
        await rig._server.ExecuteAsync(
            $"CREATE DATABASE {rig.Database}; USE {rig.Database}; CREATE TABLE people (id INT PRIMARY KEY, name VARCHAR(40), country CHAR(2), points DOUBLE NOT NULL, born DATE, doc JSON, raw VARBINARY(20)); "
            + "INSERT INTO people SELECT seq, CONCAT('n', seq), IF(seq % 3, 'DE', 'FR'), seq / 4, '2026-01-05', IF(seq % 5, JSON_OBJECT('a', seq), NULL), IF(seq % 2, UNHEX('FF00'), NULL) FROM seq_1_to_2000");
        return rig;
    }

    /// <summary>Members, scores and keys that change, columns that become NULL and back, rows that go and come again.</summary>
    public Task ChangeAsync(int round) => _server.ExecuteAsync(string.Create(CultureInfo.InvariantCulture, $"""
        USE {Database};
        UPDATE people SET country = IF(country = 'DE', 'AT', 'DE'), points = points + {round} WHERE id % 7 = {round % 7};
        UPDATE people SET name = IF(id % 2, NULL, CONCAT('r', {round}, ':', id)), doc = NULL WHERE id % 11 = {round % 11};
        DELETE FROM people WHERE id % 13 = {round % 13};
        INSERT INTO people SELECT seq, CONCAT('again', seq), 'IT', {round}, '2020-02-29', NULL, NULL FROM seq_1_to_2000 WHERE seq % 26 = {round % 13};
        UPDATE people SET id = id + {(round + 1) * 10_000} WHERE id % 97 = {round};
        BEGIN; UPDATE people SET name = 'rolled back'; ROLLBACK;
        """));

    /// <summary>All rows go at once, and some come again.</summary>
    public Task TruncateAsync() => _server.ExecuteAsync(
        $"USE {Database}; CREATE TEMPORARY TABLE kept AS SELECT * FROM people WHERE id % 4 = 0; TRUNCATE people; INSERT INTO people SELECT * FROM kept; DROP TEMPORARY TABLE kept");

    /// <summary>Has the table read again beside the stream.</summary>
    public async Task ReadAgainAsync()
    {
        if (_engine is not null)
            await _engine.Snapshots.RequestSnapshotAsync("shop", new([new(Database, "people")], Where: null), Token);
    }

    public void Run()
    {
        _stopping = new();
        _engine = Engine.Open(File, NullLoggerFactory.Instance, TimeProvider.System);
        _running = _engine.RunAsync(_stopping.Token);
    }

    public async Task StopAsync()
    {
        if (_engine is null || _stopping is null)
            return;
        await _stopping.CancelAsync();
        await _running;
        await _engine.DisposeAsync();
        _stopping.Dispose();
        _engine = null;
    }

    /// <summary>From now on there is another log, which knows of nothing.</summary>
    public void LoseLog() => File = Read();

    public Task<Redelivery> RedeliverAsync(PipelineDefinition pipeline, bool rebuild = false) =>
        StoppedDelivery.RedeliverAsync(File, pipeline, reread: false, rebuild, TimeProvider.System, NullLoggerFactory.Instance, Token);

    /// <summary>Waits until every pipeline is Blocked, and gives what they say.</summary>
    public async Task<List<string?>> BlockedAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        while (Status.Pipelines.Any(pipeline => pipeline.State != RunState.Blocked))
        {
            Assert.False(limit.IsCancellationRequested, string.Join(' ', Status.Pipelines.Select(pipeline => $"{pipeline.Name}: {pipeline.State} {pipeline.Reason}")));
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Token);
        }

        return [.. Status.Pipelines.Select(pipeline => pipeline.Reason)];
    }

    /// <summary>Waits until every pipeline's target holds what the source does.</summary>
    /// <param name="filtered">A pipeline that does not take all rows.</param>
    public async Task UntilSameAsync(string filtered = "")
    {
        using var limit = new CancellationTokenSource(Limit);
        var rows = long.Parse((await _server.QueryAsync($"SELECT COUNT(*) FROM {Database}.people"))[0][0], CultureInfo.InvariantCulture);
        foreach (var pipeline in File.Pipelines)
        {
            while (true)
            {
                await using var source = File.Sources[0].Open(new("shop", NullLoggerFactory.Instance, TimeProvider.System));
                await using var sink = pipeline.OpenSink(new(pipeline.Name, NullLoggerFactory.Instance, TimeProvider.System));
                var result = await Comparer.CompareAsync(pipeline, source, sink, captured: null, TimeProvider.System, progress: null, Token);
                if (result is { Different: 0, Missing: 0, Extra: 0, RowsCompared: > 0 })
                {
                    Assert.Equal(pipeline.Name == filtered ? result.RowsCompared : rows, result.RowsCompared);
                    break;
                }

                Assert.False(
                    limit.IsCancellationRequested,
                    $"{pipeline.Name}: {result.Different} different, {result.Missing} missing, {result.Extra} extra of {result.RowsCompared}, such as {result.Examples[0]}; "
                    + string.Join(' ', Status.Pipelines.Select(one => $"{one.Name}: {one.State} {one.Reason}")));
                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Token);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await Redis.DisposeAsync();
    }

    private LeatFile Read()
    {
        var yaml = new StringBuilder(string.Create(CultureInfo.InvariantCulture, $$"""
            log:
              folder: {{TestRunFolder.New()}}/log
            sources:
              shop:
                mysql: { host: 127.0.0.1, port: {{_server.Port}}, user: root, tables: ["{{Database}}.*"], server_id: {{TestServer.NextReplicaId()}} }
            pipelines:

            """));
        for (var i = 0; i < _sinks.Length; i++)
        {
            var parts = _sinks[i].Split(" | ");
            yaml.Append(CultureInfo.InvariantCulture, $$"""
                  p{{i}}:
                    from: shop
                    tables: { people: { table: {{Database}}.people{{(parts.Length > 1 && parts[1].Length > 0 ? $", {parts[1]}" : "")}} } }
                    {{(parts.Length > 2 ? $"document: {{ {parts[2]} }}" : "")}}
                    sink: { redis: { address: "127.0.0.1:{{Redis.Port}}", {{parts[0]}} } }

                """);
        }

        var (file, problems) = LeatFileReader.Read("/leat.yaml", Encoding.UTF8.GetBytes(yaml.ToString()), ConnectorList.Catalog, new(_ => null, System.IO.File.ReadAllText));
        Assert.Empty(problems);
        return file ?? throw new InvalidOperationException("not read");
    }
}
