using System.Globalization;
using Xunit;

namespace Leat.IntegrationTests.Redis;

/// <summary>From a real source into Redis, with the comparison as the judge: a server that is killed, emptied, put back to an older state, or written by another log.</summary>
public sealed class RedisPipelineTests
{
    private static readonly string[] EachStructure =
    [
        "key: \"a:{id}\"",
        "key: \"b:{id}\", mode: merge",
        "key: \"c:{id}\", structure: string",
        "key: \"d:{id}\", structure: string, value: name",
        "key: \"e\", structure: set, member: \"{id}\"",
        "key: \"f:{country}\", structure: set, member: \"{name}:{id}\"",
        "key: \"g:{country}\", structure: sorted_set, member: \"{id}\", score: points",
        "key: \"h\", structure: stream",
        "key: \"i:{id}\", guard: version",
        "key: \"j:{id}\", exactly_once: true",
        "key: \"k:{country}:{id}\" | where: \"country <> 'FR'\", columns: [name, points]",
    ];

    private static readonly string[] EachWay = ["key: \"a:{id}\"", "key: \"i:{id}\", guard: version", "key: \"j:{id}\", exactly_once: true"];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_structure_holds_what_the_source_does_after_the_server_was_killed()
    {
        await using var rig = await PeopleRig.StartAsync(["--appendonly", "yes", "--appendfsync", "always"], EachStructure);
        rig.Run();
        await rig.UntilSameAsync("p10");

        for (var round = 0; round < 3; round++)
        {
            await rig.ChangeAsync(round);
            await rig.Redis.KillAsync();
            await rig.ChangeAsync(round + 10);
            await rig.Redis.RestartAsync(Token);
        }

        await rig.UntilSameAsync("p10");
        Assert.Equal("1", await RedisFixture.AskAsync(rig.Redis.Port, "EXISTS", "leat:positions:p9"));
    }

    [Fact]
    public async Task A_truncated_table_empties_every_structure_also_where_other_columns_are_part_of_the_place()
    {
        await using var rig = await PeopleRig.StartAsync([], EachStructure);
        rig.Run();
        await rig.UntilSameAsync("p10");

        await rig.TruncateAsync();

        await rig.UntilSameAsync("p10");
        Assert.All(rig.Status.Pipelines, pipeline => Assert.Equal(0, pipeline.DeadLetters));
    }

    [Fact]
    public async Task A_table_that_is_read_again_leaves_nothing_where_its_rows_are_not_any_more()
    {
        await using var rig = await PeopleRig.StartAsync([], EachStructure[5], EachStructure[6], "key: \"k:{country}:{id}\" | columns: [name, points]", "key: \"l:{name}:{id}\", structure: string");
        rig.Run();
        await rig.UntilSameAsync();
        await RedisFixture.AskAsync(rig.Redis.Port, "SADD", "f:XX", "n1:1", "gone:99999");
        await RedisFixture.AskAsync(rig.Redis.Port, "ZADD", "g:XX", "1", "1");
        await RedisFixture.AskAsync(rig.Redis.Port, "HSET", "k:XX:2", "id", "2", "name", "n2", "points", "0.5");
        await RedisFixture.AskAsync(rig.Redis.Port, "SET", "l:old:3", "{\"id\":3,\"name\":\"old\"}");

        await rig.ReadAgainAsync();

        await rig.UntilSameAsync();
    }

    [Fact]
    public async Task Documents_leave_the_places_that_other_fields_than_the_key_are_part_of()
    {
        await using var rig = await PeopleRig.StartAsync(
            [], "key: \"m:{country}:{id}\" |  | root: people", "key: \"n:{country}\", structure: set, member: \"{name}:{id}\" |  | root: people");
        rig.Run();
        await rig.UntilSameAsync();

        for (var round = 0; round < 3; round++)
            await rig.ChangeAsync(round);
        await rig.UntilSameAsync();

        // What a crash may leave behind goes when they are made anew.
        await rig.StopAsync();
        await RedisFixture.AskAsync(rig.Redis.Port, "HSET", "m:XX:4", "id", "4", "name", "n4", "country", "XX");
        await RedisFixture.AskAsync(rig.Redis.Port, "SADD", "n:XX", "n4:4", "gone:99999");
        foreach (var pipeline in rig.File.Pipelines)
            await rig.RedeliverAsync(pipeline, rebuild: true);
        rig.Run();
        await rig.UntilSameAsync();
    }

    [Fact]
    public async Task A_server_that_comes_back_empty_blocks_until_everything_is_delivered_again()
    {
        await using var rig = await PeopleRig.StartAsync([], EachWay);
        rig.Run();
        await rig.UntilSameAsync();

        // While Leat runs, and has something to send.
        await rig.Redis.KillAsync();
        await rig.ChangeAsync(1);
        await rig.Redis.RestartAsync(Token);
        Assert.All(await rig.BlockedAsync(), reason => Assert.EndsWith("[LEAT-3090]", reason, StringComparison.Ordinal));

        // And while it does not.
        await rig.StopAsync();
        rig.Run();
        Assert.All(await rig.BlockedAsync(), reason => Assert.EndsWith("[LEAT-3090]", reason, StringComparison.Ordinal));

        await rig.StopAsync();
        foreach (var pipeline in rig.File.Pipelines)
            await rig.RedeliverAsync(pipeline);
        rig.Run();
        await rig.UntilSameAsync();
    }

    [Fact]
    public async Task A_server_that_is_put_back_to_an_older_state_blocks_until_everything_is_delivered_again()
    {
        await using var rig = await PeopleRig.StartAsync([], EachWay);
        rig.Run();
        await rig.UntilSameAsync();
        await rig.StopAsync();
        var older = new List<(string Key, string Dump)>();
        for (var i = 0; i < EachWay.Length; i++)
            older.Add(($"leat:marker:p{i}", await RedisFixture.AskAsync(rig.Redis.Port, "HGET", $"leat:marker:p{i}", "offset")));

        await rig.ChangeAsync(1);
        rig.Run();
        await rig.UntilSameAsync();
        await rig.StopAsync();
        foreach (var (key, offset) in older)
            await RedisFixture.AskAsync(rig.Redis.Port, "HSET", key, "offset", offset);
        foreach (var key in (await RedisFixture.AskAsync(rig.Redis.Port, "KEYS", "*:7")).Split(' '))
            await RedisFixture.AskAsync(rig.Redis.Port, "DEL", key);

        rig.Run();
        Assert.All(await rig.BlockedAsync(), reason => Assert.EndsWith("[LEAT-3091]", reason, StringComparison.Ordinal));
        await rig.StopAsync();
        foreach (var pipeline in rig.File.Pipelines)
            await rig.RedeliverAsync(pipeline);
        rig.Run();
        await rig.UntilSameAsync();
    }

    [Fact]
    public async Task A_log_that_was_lost_is_begun_anew_above_the_versions_of_the_old_one()
    {
        await using var rig = await PeopleRig.StartAsync([], EachWay);
        rig.Run();
        await rig.UntilSameAsync();
        for (var round = 0; round < 3; round++)
            await rig.ChangeAsync(round);
        await rig.UntilSameAsync();
        await rig.StopAsync();
        var epoch = await EpochAsync(rig);

        rig.LoseLog();
        await rig.ChangeAsync(4); // rows that went while nobody looked
        rig.Run();
        await rig.UntilSameAsync();

        Assert.All(rig.Status.Pipelines, pipeline => Assert.Equal(0, pipeline.Accounting.Stale));
        Assert.True(await EpochAsync(rig) > epoch);
    }

    private static async Task<int> EpochAsync(PeopleRig rig) =>
        int.Parse(await RedisFixture.AskAsync(rig.Redis.Port, "HGET", "leat:marker:p1", "epoch"), CultureInfo.InvariantCulture);
}
