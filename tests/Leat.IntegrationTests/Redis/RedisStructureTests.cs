using Leat.Changes;
using Leat.Connectors.Redis;
using Xunit;
using static Leat.IntegrationTests.Redis.People;

namespace Leat.IntegrationTests.Redis;

/// <summary>What rows become in each structure, how they go, and how they are read back: on every version of the server.</summary>
public abstract class RedisStructureContract(RedisFixture redis, bool isInstalled)
{
    private static readonly Answer[] OneApplied = [Answer.Applied];

    private static readonly Person Ann = new(1, "Ann", "DE", 1.5), Ben = new(2, "Ben", "DE", 2), Cid = new(3, "Cid", "FR", 3);

    [Fact]
    public async Task Merging_leaves_the_fields_of_others_and_removes_its_own_nulls_and_rows()
    {
        var (options, shape) = Use("m1", "m1:{id}", new() { Merge = true }, "id", "name", "country");
        await redis.AskAsync("HSET", "m1:1", "theirs", "x", "name", "old");

        Assert.Equal(OneApplied, await DeliverAsync(options, Index(shape, 1, Ann)));
        Assert.Equal("id 1 name Ann country DE theirs x", await Sorted("m1:1", "id", "name", "country", "theirs"));
        Assert.Equal(OneApplied, await DeliverAsync(options, Index(shape, 2, Ann with { Country = null }, Ann)));
        Assert.Equal("id 1 name Ann theirs x", await Sorted("m1:1", "id", "name", "country", "theirs"));
        Assert.Equal(["m1:1: id=1 name=Ann"], await ReadAsync(options, shape));

        Assert.Equal(OneApplied, await DeliverAsync(options, Delete(shape, 3, Ann)));
        Assert.Equal("theirs x", await redis.AskAsync("HGETALL", "m1:1"));
        Assert.Empty(await ReadAsync(options, shape));
    }

    [Fact]
    public async Task A_row_without_some_columns_changes_the_others_and_never_brings_back_what_is_gone()
    {
        var (options, whole) = Use("m2", "m2:{id}", new() { Merge = true }, "id", "name", "country");
        var partial = Shape("m2", partial: true, "id", "name", "country");
        await DeliverAsync(options, Index(whole, 1, Ann));
        await redis.AskAsync("SCRIPT", "FLUSH"); // known or not, the script runs

        Assert.Equal(OneApplied, await DeliverAsync(options, Update(partial, 2, new(1, Country: "AT"), "country")));
        Assert.Equal("id 1 name Ann country AT", await Sorted("m2:1", "id", "name", "country"));
        Assert.Equal(OneApplied, await DeliverAsync(options, Update(partial, 3, new(1), "country")));
        Assert.Equal("id 1 name Ann", await Sorted("m2:1", "id", "name", "country"));

        var answers = await DeliverAsync(options, Update(partial, 4, new(9, "x"), "name"), Index(whole, 5, Ben));
        Assert.Equal([Answer.Refused("NOROW the hash holds no such row", "NOROW"), Answer.Applied], answers);
        Assert.Equal("0", await redis.AskAsync("EXISTS", "m2:9"));
        await using var sink = RedisFixture.Sink(options);
        Assert.True((await sink.PrepareAsync([whole], default)).TakesPartialRows);
    }

    [Fact]
    public async Task Strings_hold_the_row_as_JSON_or_one_column()
    {
        var (options, shape) = Use("s1", "s1:{id}", new() { Structure = RedisStructure.String }, "id", "name", "points");
        await redis.AskAsync("HSET", "s1:2", "another", "type");

        Assert.Equal([Answer.Applied, Answer.Applied], await DeliverAsync(options, Index(shape, 1, Ann with { Name = "Änn \"q\"" }), Index(shape, 2, new(2))));
        Assert.Equal("""{"id":1,"name":"Änn \"q\"","points":1.5}""", await redis.AskAsync("GET", "s1:1"));
        Assert.Equal("""{"id":2,"name":null,"points":null}""", await redis.AskAsync("GET", "s1:2"));
        await IsFound(options, shape, Ann with { Name = "Änn \"q\"" }, new(2));

        var (column, other) = Use("s2", "s2:{id}", new() { Structure = RedisStructure.String, ValueColumn = "name" });
        await DeliverAsync(column, Index(other, 1, Ann), Index(other, 2, Ben), Index(other, 3, new(3)), Delete(other, 4, Ben));
        Assert.Equal("Ann", await redis.AskAsync("GET", "s2:1"));
        Assert.Equal(["s2:1: id=1 name=Ann", "s2:3: id=3 name="], await ReadAsync(column, other));
        await IsFound(column, other, Ann, new(3));
    }

    [Fact]
    public async Task A_set_follows_its_rows_when_member_or_key_change()
    {
        var (options, shape) = Use("t1", "t1:{country}", new() { Structure = RedisStructure.Set, Member = Template("{id}-{name}") });

        await DeliverAsync(options, Index(shape, 1, Ann), Index(shape, 2, Ben), Index(shape, 3, Cid));
        Assert.Equal(["t1:DE member 1-Ann: id=1 name=Ann country=DE", "t1:DE member 2-Ben: id=2 name=Ben country=DE", "t1:FR member 3-Cid: id=3 name=Cid country=FR"], await ReadAsync(options, shape));
        await IsFound(options, shape, Ann, Ben, Cid);

        Operation[] changes = [Index(shape, 4, Ann with { Name = "An-na" }, Ann), Index(shape, 5, Ben with { Country = "FR" }, Ben), Delete(shape, 6, Cid)];
        for (var time = 0; time < 2; time++) // and the same when it comes again
        {
            Assert.All(await DeliverAsync(options, changes), answer => Assert.Equal(Answer.Applied, answer));
            Assert.Equal("1-An%2Dna", await redis.AskAsync("SMEMBERS", "t1:DE"));
            Assert.Equal("2-Ben", await redis.AskAsync("SMEMBERS", "t1:FR"));
        }

        await IsFound(options, shape, Ann with { Name = "An-na" }, Ben with { Country = "FR" });
    }

    [Fact]
    public async Task A_sorted_set_scores_its_members_by_a_column()
    {
        var (options, shape) = Use("z1", "z1", new() { Structure = RedisStructure.SortedSet, Member = Template("{id}"), ScoreColumn = "points" });

        var answers = await DeliverAsync(
            options, Index(shape, 1, Ann), Index(shape, 2, Ben), Index(shape, 3, Cid with { Points = null }), Index(shape, 4, Ann with { Points = 1e300 }, Ann), Delete(shape, 5, Ben), Index(shape, 6, Cid with { Points = 0.1 }));

        Assert.Equal(Answer.Refused("The score column points is NULL or no date of the calendar.", "NOSCORE"), answers[2]);
        Assert.Equal("3 1", await redis.AskAsync("ZRANGE", "z1", "0", "-1"));
        Assert.Equal(["z1 member 1: id=1 (score)=1E+300", "z1 member 3: id=3 (score)=0.1"], await ReadAsync(options, shape));
        await IsFound(options, shape, Ann with { Points = 1e300 }, Cid with { Points = 0.1 });
    }

    [Fact]
    public async Task A_score_can_be_a_time()
    {
        var (options, shape) = Use("z2", "z2", new() { Structure = RedisStructure.SortedSet, Member = Template("{id}"), ScoreColumn = "until" });
        var ann = Ann with { Until = new DateTime(2026, 1, 5, 8, 0, 0, 125, DateTimeKind.Utc) };

        await DeliverAsync(options, Index(shape, 1, ann));

        Assert.Equal("1767600000.125", await redis.AskAsync("ZSCORE", "z2", "1"));
        await IsFound(options, shape, ann);
    }

    [Fact]
    public async Task A_stream_has_each_change_once_in_order_however_often_it_is_delivered()
    {
        var (options, shape) = Use("x1", "x1", new() { Structure = RedisStructure.Stream }, "id", "name");
        Operation[] batch =
        [
            Index(shape, 10, Ann, cause: ChangeKind.Read), Index(shape, 11, Ben), Index(shape, 12, Ann with { Name = "Anna" }, Ann),
            Delete(shape, 13, Ben, ChangeKind.Update), Index(shape, 13, Cid, cause: ChangeKind.Update), // a moved key: two entries of one change
        ];

        Assert.All(await DeliverAsync(options, batch), answer => Assert.Equal(Answer.Applied, answer));
        Assert.All(await DeliverAsync(options, batch), answer => Assert.Equal(Answer.Stale, answer));
        Assert.Equal(OneApplied, await DeliverAsync(options, Index(shape, 14, Ben)));

        var version = 1L << 47;
        Assert.Equal(
            $"{version + 10}-1 op r id 1 name Ann {version + 11}-1 op c id 2 name Ben {version + 12}-1 op u id 1 name Anna {version + 13}-0 op d id 2 name Ben {version + 13}-1 op u id 3 name Cid {version + 14}-1 op c id 2 name Ben",
            await redis.AskAsync("XRANGE", "x1", "-", "+"));
        Assert.Equal(["x1 row 1: id=1 name=Anna", "x1 row 2: id=2 name=Ben", "x1 row 3: id=3 name=Cid"], await ReadAsync(options, shape));
        await IsFound(options, shape, Ann with { Name = "Anna" }, Ben, Cid);
        await using var sink = RedisFixture.Sink(options);
        Assert.Equal(["x1"], (await sink.PrepareAsync([shape], default)).SerialAliases);
    }

    [Fact]
    public async Task The_ids_of_a_stream_grow_over_epochs_and_all_rows_of_a_truncated_table_have_one()
    {
        var (options, shape) = Use("x2", "x2", new() { Structure = RedisStructure.Stream, MaxLength = 1_000 }, "id");

        await DeliverAsync(options, Lane(epoch: 1), Index(shape, 1_000_000, Ann), Index(shape, 1_000_001, Ben));
        await DeliverAsync(options, Lane(epoch: 2), Index(shape, 0, Cid), Delete(shape, 1, Ann, ChangeKind.Truncate), Delete(shape, 1, Ben, ChangeKind.Truncate));

        Assert.Equal("5", await redis.AskAsync("XLEN", "x2"));
        Assert.Equal(["x2 row 3: id=3"], await ReadAsync(options, shape));
    }

    [Fact]
    public async Task A_list_gets_what_is_inserted_and_keeps_it()
    {
        var (options, shape) = Use("l1", "l1:{country}", new() { Structure = RedisStructure.List, AppendOnly = true }, "id", "name");

        Assert.Equal([Answer.Applied, Answer.Applied, Answer.Applied], await DeliverAsync(options, Index(shape, 1, Ann), Index(shape, 2, Ben), Delete(shape, 3, Ann)));

        Assert.Equal("""{"id":1,"name":"Ann"} {"id":2,"name":"Ben"}""", await redis.AskAsync("LRANGE", "l1:DE", "0", "-1"));
        Assert.Empty(await ReadAsync(options, shape));
    }

    [Fact]
    public async Task A_list_of_a_table_that_is_not_only_inserted_into_is_refused()
    {
        var (options, shape) = Use("l2", "l2", new() { Structure = RedisStructure.List });
        await using var sink = RedisFixture.Sink(options);

        var error = await Assert.ThrowsAsync<PauseException>(async () => await sink.PrepareAsync([shape], default));

        Assert.Equal("The table 'l2' is kept as list, and lacks the setting `append_only`. Add `append_only` to its block under `tables:`, or choose another `structure`. [LEAT-4218]", error.Message);
    }

    [Fact]
    public async Task Those_who_listen_to_a_channel_get_each_change()
    {
        var (options, shape) = Use("c1", "people.{country}", new() { Structure = RedisStructure.Channel }, "id", "name");
        using var listener = new System.Net.Sockets.TcpClient();
        await listener.ConnectAsync("127.0.0.1", redis.Server.Port);
        var stream = listener.GetStream();
        await stream.WriteAsync("SUBSCRIBE people.DE\r\n"u8.ToArray());
        using var lines = new StreamReader(stream);
        while (await lines.ReadLineAsync(TestContext.Current.CancellationToken) is var line && line != ":1")
            Assert.NotNull(line); // until it is subscribed

        await DeliverAsync(options, Index(shape, 1, Ann), Index(shape, 2, Cid), Delete(shape, 3, Ann));

        var heard = new List<string>();
        while (heard.Count < 2)
        {
            var line = await lines.ReadLineAsync(TestContext.Current.CancellationToken);
            Assert.NotNull(line);
            if (line.StartsWith('{'))
                heard.Add(line);
        }

        Assert.Equal(["""{"op":"c","row":{"id":1,"name":"Ann"}}""", """{"op":"d","row":{"id":1,"name":"Ann"}}"""], heard);
    }

    [Fact]
    public async Task A_document_needs_the_module_and_the_command_that_is_missing_is_named()
    {
        var (options, shape) = Use("j1", "j1:{id}", new() { Structure = RedisStructure.Json, Merge = true });
        await using var sink = RedisFixture.Sink(options);

        var error = await Assert.ThrowsAsync<PauseException>(async () => await sink.PrepareAsync([shape], default));

        Assert.Equal(
            $"Redis at {redis.Server.Address} does not know the command JSON.MERGE. Load the JSON module (RedisJSON 2.6 or newer), or set `structure: string` to keep rows as JSON text. [LEAT-4221]",
            error.Message);
        Assert.Equal(new ErrorCode(4221), Assert.Single(await sink.CheckAsync([shape], default), finding => finding.Severity == Severity.Error).Code);
    }

    [Fact]
    public async Task A_hash_moves_with_a_column_of_its_key_that_is_not_the_tables()
    {
        var (options, shape) = Use("h1", "h1:{country}:{id}", new(), "id", "name");

        await DeliverAsync(options, Index(shape, 1, Ann), Index(shape, 2, Ann with { Country = "FR" }, Ann));

        Assert.Equal("0", await redis.AskAsync("EXISTS", "h1:DE:1"));
        Assert.Equal(["h1:FR:1: id=1 name=Ann country=FR"], await ReadAsync(options, shape)); // the column is not delivered, but tells where the row is
        await IsFound(options, shape, Ann with { Country = "FR" });
    }

    [Fact]
    public async Task Fields_of_an_older_shape_and_of_later_rows_and_of_strangers_are_not_left_beside_a_new_row()
    {
        var (options, older) = Use("h2", "h2:{id}", new(), "id", "name", "country");
        var newer = Shape("h2", "id", "name");
        await DeliverAsync(options, Index(older, 1, Ann));
        await redis.AskAsync("HSET", "h2:2", "id", "2", "name", "later", "points", "9");
        await redis.AskAsync("SET", "h2:3", "a string");

        var answers = await DeliverAsync(options, Index(newer, 2, Ann with { Name = "Anna" }, Ann), Index(newer, 3, new(2)), Index(newer, 4, Cid), Index(newer, 5, Cid with { Name = "C" }, Cid));

        Assert.All(answers, answer => Assert.Equal(Answer.Applied, answer));
        Assert.Equal(["h2:1: id=1 name=Anna", "h2:2: id=2", "h2:3: id=3 name=C"], await ReadAsync(options, newer));
        await IsFound(options, newer, Ann with { Name = "Anna" }, new(2), Cid with { Name = "C" });
    }

    [Fact]
    public async Task A_key_of_another_type_refuses_its_own_row_and_no_other()
    {
        var (options, shape) = Use("t2", "t2:{country}", new() { Structure = RedisStructure.Set, Member = Template("{id}") });
        await redis.AskAsync("SET", "t2:DE", "x");

        var answers = await DeliverAsync(options, Index(shape, 1, Ann), Index(shape, 2, Cid));

        Assert.Equal([Answer.Refused("WRONGTYPE Operation against a key holding the wrong kind of value", "WRONGTYPE"), Answer.Applied], answers);
        Assert.Equal(["t2:DE: (no set)=WRONGTYPE Operation against a key holding the wrong kind of value", "t2:FR member 3: id=3 country=FR"], await ReadAsync(options, shape));
    }

    [Fact]
    public async Task A_time_to_live_begins_anew_with_each_write_and_may_come_from_a_column()
    {
        var (options, shape) = Use("e1", "e1:{id}", new() { Ttl = TimeSpan.FromSeconds(100) }, "id", "name");
        await DeliverAsync(options, Index(shape, 1, Ann));
        await redis.AskAsync("PEXPIRE", "e1:1", "50000");
        await DeliverAsync(options, Index(shape, 2, Ann with { Name = "Anna" }, Ann));
        Assert.InRange(await TtlOf("e1:1"), 51, 100);

        var (seconds, other) = Use("e2", "e2:{id}", new() { TtlColumn = "seconds" }, "id");
        await DeliverAsync(seconds, Index(other, 1, Ann with { Seconds = 1000 }), Index(other, 2, Ben with { Seconds = 0 }), Index(other, 3, Cid));
        Assert.InRange(await TtlOf("e2:1"), 900, 1000);
        Assert.Equal(-2, await TtlOf("e2:2")); // gone at once
        Assert.Equal(-1, await TtlOf("e2:3"));
        await DeliverAsync(seconds, Index(other, 4, Ann, Ann with { Seconds = 1000 }));
        Assert.Equal(-1, await TtlOf("e2:1"));

        var (until, third) = Use("e3", "e3:{id}", new() { Structure = RedisStructure.String, ValueColumn = "name", TtlColumn = "until" });
        await DeliverAsync(until, Index(third, 1, Ann with { Until = new DateTime(2100, 1, 1, 0, 0, 0, DateTimeKind.Utc) }), Index(third, 2, Ben with { Until = new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc) }));
        Assert.Equal("4102444800", await redis.AskAsync("EXPIRETIME", "e3:1"));
        Assert.Equal(-2, await TtlOf("e3:2"));
    }

    [Fact]
    public async Task A_key_that_outlives_a_write_keeps_its_time_or_begins_it_anew()
    {
        var rule = new RedisRule { Merge = true, Ttl = TimeSpan.FromSeconds(100) };
        var (refresh, shape) = Use("e4", "e4:{id}", rule, "id", "name");
        var (keep, other) = Use("e5", "e5:{id}", rule with { KeepTtl = true }, "id", "name");
        foreach (var (options, each) in new[] { (refresh, shape), (keep, other) })
        {
            await DeliverAsync(options, Index(each, 1, Ann));
            await redis.AskAsync("EXPIRE", $"{each.Alias}:1", "50");
            await DeliverAsync(options, Index(each, 2, Ann with { Name = "Anna" }, Ann));
        }

        Assert.InRange(await TtlOf("e4:1"), 51, 100);
        Assert.InRange(await TtlOf("e5:1"), 40, 50);
    }

    [Fact]
    public async Task A_row_in_two_structures_is_one_to_many_and_children_change_their_parents()
    {
        var shape = Shape("child", "id", "name");
        var index = Shape("index");
        var options = redis.Options(("child", "n1:child:{id}"), ("index", "n1:of:{country}")) with
        {
            Rules = new Dictionary<string, RedisRule> { ["index"] = new() { Structure = RedisStructure.Set, Member = Template("{id}") } },
        };
        var moved = Ann with { Country = "FR" };

        await DeliverAsync(options, Index(shape, 1, Ann), Index(index, 1, Ann), Index(shape, 2, moved, Ann), Index(index, 2, moved, Ann));

        Assert.Equal("1", await redis.AskAsync("SMEMBERS", "n1:of:FR"));
        Assert.Equal("0", await redis.AskAsync("EXISTS", "n1:of:DE"));
        Assert.Equal("id 1 name Ann", await redis.AskAsync("HGETALL", "n1:child:1"));
    }

    [Fact]
    public async Task Two_tables_merged_under_one_key_must_not_share_a_field()
    {
        var options = redis.Options(("", "both:{id}")).With(new() { Merge = true });
        await using var sink = RedisFixture.Sink(options);

        var error = await Assert.ThrowsAsync<PauseException>(async () => await sink.PrepareAsync([Shape("a", "id", "name"), Shape("b", "id", "country")], default));

        Assert.Equal(
            "The tables 'a' and 'b' both write the field 'id' under keys that can be the same: to remove a row of one would take the other's. " +
            "Leave the column out of one of them (one of its primary key needs another name at the source), or begin the templates differently. [LEAT-4220]",
            error.Message);
    }

    private (RedisSinkOptions Options, Shape Shape) Use(string alias, string key, RedisRule rule, params string[] columns)
    {
        TestServers.Require(isInstalled, "Redis 8 (tests/servers fetches it)");
        return (redis.Options((alias, key)).With(rule), Shape(alias, columns));
    }

    private static async Task IsFound(RedisSinkOptions options, Shape shape, params Person[] people)
    {
        var (expected, found) = await FindAsync(options, shape, people);
        Assert.Equal(expected, found.Select(row => row ?? "nothing"));
        Assert.Equal(expected.Order(StringComparer.Ordinal), await ReadAsync(options, shape));
        var (_, missing) = await FindAsync(options, shape, new Person(999, "nobody", "XX"));
        Assert.Equal([null], missing);
    }

    private async Task<long> TtlOf(string key) => long.Parse(await redis.AskAsync("TTL", key), System.Globalization.CultureInfo.InvariantCulture);

    // The fields that are there, in the order asked for.
    private async Task<string> Sorted(string key, params string[] fields)
    {
        var parts = new List<string>();
        foreach (var field in fields)
        {
            if (await redis.AskAsync("HEXISTS", key, field) == "1")
                parts.Add($"{field} {await redis.AskAsync("HGET", key, field)}");
        }

        Assert.Equal(parts.Count.ToString(System.Globalization.CultureInfo.InvariantCulture), await redis.AskAsync("HLEN", key));
        return string.Join(' ', parts);
    }
}

public sealed class RedisStructureTests(RedisFixture redis) : RedisStructureContract(redis, isInstalled: true), IClassFixture<RedisFixture>;

public sealed class Redis8StructureTests(Redis8Fixture redis) : RedisStructureContract(redis, Redis8Fixture.IsInstalled), IClassFixture<Redis8Fixture>;
