using Leat.Changes;
using Leat.Connectors.Redis;
using Xunit;
using static Leat.IntegrationTests.Redis.People;

namespace Leat.IntegrationTests.Redis;

/// <summary>The server compares versions, and what is older does not show.</summary>
public sealed class RedisGuardTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    private static readonly Person Ann = new(1, "Ann", "DE", 1.5), Anna = new(1, "Anna", "DE");

    [Theory]
    [InlineData(RedisStructure.Hash)]
    [InlineData(RedisStructure.String)]
    public async Task What_is_older_is_stale_and_what_is_newer_or_the_same_is_written(RedisStructure structure)
    {
        var (options, shape) = Use($"g{(int)structure}", structure);

        Assert.Equal([Answer.Applied], await DeliverAsync(options, Index(shape, 10, Anna)));
        Assert.Equal([Answer.Stale], await DeliverAsync(options, Index(shape, 9, Ann)));
        Assert.Equal([Answer.Stale], await DeliverAsync(options, Delete(shape, 8, Ann)));
        await IsHeld(options, shape, Anna);

        await redis.AskAsync("SCRIPT", "FLUSH"); // the scripts are brought again
        Assert.Equal([Answer.Applied, Answer.Applied], await DeliverAsync(options, Index(shape, 10, Anna with { Name = "repaired" }), Index(shape, 11, Ann with { Id = 2 })));
        await IsHeld(options, shape, Anna with { Name = "repaired" }, Ann with { Id = 2 });

        // A later epoch is newer whatever its offsets, and versions are more than a double can tell apart.
        Assert.Equal([Answer.Applied], await DeliverAsync(options, Lane(epoch: 60_000), Index(shape, 1_000_000_000_001, Ann)));
        Assert.Equal([Answer.Stale], await DeliverAsync(options, Lane(epoch: 60_000), Index(shape, 1_000_000_000_000, Anna)));
        await IsHeld(options, shape, Ann, Ann with { Id = 2 });
    }

    [Theory]
    [InlineData(RedisStructure.Hash)]
    [InlineData(RedisStructure.String)]
    public async Task A_removed_row_does_not_come_back_while_its_version_is_kept(RedisStructure structure)
    {
        var (options, shape) = Use($"d{(int)structure}", structure);
        await DeliverAsync(options, Index(shape, 10, Ann), Delete(shape, 12, Ann));

        Assert.Equal([Answer.Stale], await DeliverAsync(options, Index(shape, 11, Anna)));
        await IsHeld(options, shape);
        Assert.Equal($"{(1L << 47) + 12}", await redis.AskAsync("GET", $"{{{shape.Alias}:1}}:__v"));
        Assert.InRange(long.Parse(await redis.AskAsync("TTL", $"{{{shape.Alias}:1}}:__v"), System.Globalization.CultureInfo.InvariantCulture), 86_000, 86_400);

        Assert.Equal([Answer.Applied], await DeliverAsync(options, Index(shape, 13, Anna)));
        await IsHeld(options, shape, Anna);
    }

    [Fact]
    public async Task A_key_with_a_hash_tag_keeps_it_and_a_key_that_looks_like_a_version_is_refused()
    {
        var shape = Shape("tag", "id", "name");
        var options = redis.Options(("tag", "tag:{{{name}}}:{id}")) with { Guard = true };
        await DeliverAsync(options, Index(shape, 1, Ann), Delete(shape, 2, Ann));
        Assert.Equal("1", await redis.AskAsync("EXISTS", "tag:{Ann}:1:__v"));

        var strange = redis.Options(("tag", "{id}:__v")) with { Guard = true };
        Assert.Equal([Answer.Refused("The key ends with ':__v', as the keys of versions do.", "RESERVEDKEY")], await DeliverAsync(strange, Index(shape, 3, Ann)));
    }

    [Fact]
    public async Task A_guarded_key_has_a_time_to_live()
    {
        var (options, shape) = Use("t", RedisStructure.String);
        await DeliverAsync(options.With(new() { Structure = RedisStructure.String, Ttl = TimeSpan.FromSeconds(100) }), Index(shape, 1, Ann));

        foreach (var key in new[] { "t:1", "{t:1}:__v" })
            Assert.InRange(long.Parse(await redis.AskAsync("TTL", key), System.Globalization.CultureInfo.InvariantCulture), 1, 100);
    }

    [Fact]
    public async Task Structures_that_hold_several_rows_have_no_version_and_are_refused()
    {
        var options = redis.Options(("", "x:{country}")).With(new() { Structure = RedisStructure.Set, Member = Template("{id}") }) with { Guard = true };
        await using var sink = RedisFixture.Sink(options);

        var error = await Assert.ThrowsAsync<PauseException>(async () => await sink.PrepareAsync([Shape("x")], default));

        Assert.Equal(
            "The table 'x' has `structure: set`, which `guard: version` does not work with. " +
            "Use hash, string, JSON document (all of them replaced as a whole) or stream with it, or take `guard: version` out. [LEAT-4219]",
            error.Message);
    }

    private (RedisSinkOptions Options, Shape Shape) Use(string alias, RedisStructure structure) =>
        (redis.Options((alias, alias + ":{id}")).With(new() { Structure = structure }) with { Guard = true }, Shape(alias, "id", "name", "country"));

    private static async Task IsHeld(RedisSinkOptions options, Shape shape, params Person[] people)
    {
        var (expected, found) = await FindAsync(options, shape, people);
        Assert.Equal(expected, found.Select(row => row ?? "nothing"));
        Assert.Equal(expected, await ReadAsync(options, shape));
    }
}
