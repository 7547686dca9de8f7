using Leat.Changes;
using Leat.Connectors.Redis;
using Xunit;

namespace Leat.Tests.Redis;

/// <summary>What each error of a server means: for the whole request, or for its operation alone.</summary>
public sealed class RedisAnswerTests
{
    // Words of Redis 7 but where another version is named.
    [Theory]
    [InlineData("LOADING Redis is loading the dataset in memory", "again 4202")]
    [InlineData("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "again 4202")]
    [InlineData("READONLY You can't write against a read only replica.", "again 4202")]
    [InlineData("READONLY You can't write against a read only replica. script: 5f0e, on @user_script:3.", "again 4202")]
    [InlineData("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.", "again 4202")]
    [InlineData("CLUSTERDOWN Hash slot not served", "again 4202")]
    [InlineData("UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)", "again 4202")]
    [InlineData("MOVED 3999 127.0.0.1:6381", "again 4202")]
    [InlineData("ASK 3999 127.0.0.1:6381", "again 4202")]
    [InlineData("ERR max number of clients reached", "again 4202")]
    [InlineData("ERR max number of clients + cluster connections reached", "again 4202")]
    [InlineData("TRYAGAIN Multiple keys request during rehashing of slot", "less 4202")]
    [InlineData("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", "less 4202")]
    [InlineData("NOREPLICAS Not enough good replicas to write.", "less 4202")]
    [InlineData("OOM command not allowed when used memory > 'maxmemory'.", "less 4203")]
    [InlineData("OOM command not allowed when used memory > 'maxmemory'. script: 5f0e, on @user_script:3.", "less 4203")]
    [InlineData("ERR Error running script (call to f_5f0e): @user_script:9: @user_script: 9: -OOM command not allowed when used memory > 'maxmemory'. ", "less 4203")] // Redis 6
    [InlineData("ERR Error running script (call to f_5f0e): @user_script:9: @user_script: 9: -READONLY You can't write against a read only replica. ", "again 4202")] // Redis 6
    [InlineData("EXECABORT Transaction discarded because of: OOM command not allowed when used memory > 'maxmemory'.", "less 4203")]
    [InlineData("NOAUTH Authentication required.", "Blocked 4204")]
    [InlineData("WRONGPASS invalid username-password pair or user is disabled.", "Blocked 4204")]
    [InlineData("DENIED Redis is running in protected mode because protected mode is enabled", "Blocked 4204")]
    [InlineData("NOPERM this user has no permissions to access one of the keys used as arguments", "Blocked 4205")]
    [InlineData("ERR unknown command 'UNLINK', with args beginning with: 'order:1' ", "Blocked 4228")]
    [InlineData("ERR unknown command `JSON.SET`, with args beginning with: `order:1`, ", "Blocked 4228")] // Redis 6
    [InlineData("ERR Unknown Redis command called from script script: 5f0e, on @user_script:2.", "Blocked 4228")]
    [InlineData("ERR Error running script (call to f_5f0e): @user_script:2: @user_script: 2: Unknown Redis command called from Lua script ", "Blocked 4228")] // Redis 6
    [InlineData("WRONGTYPE Operation against a key holding the wrong kind of value", "its operation WRONGTYPE")]
    [InlineData("ERR Error running script (call to f_5f0e): @user_script:4: WRONGTYPE Operation against a key holding the wrong kind of value ", "its operation WRONGTYPE")] // Redis 6
    [InlineData("CROSSSLOT Keys in request don't hash to the same slot", "its operation CROSSSLOT")]
    [InlineData("ERR value is not a valid float", "its operation ERR")]
    [InlineData("ERR", "its operation ERR")]
    [InlineData("", "its operation ")]
    public void Each_error_means_one_thing(string answer, string meaning) => Assert.Equal(meaning, RedisErrors.Classify("here:6379", answer) switch
    {
        RetriableException { IsBusy: true } error => $"less {error.Code.Number}",
        RetriableException error => $"again {error.Code.Number}",
        PauseException error => $"Blocked {error.Code.Number}",
        _ => $"its operation {RedisErrors.CodeOf(answer)}",
    });

    [Fact]
    public void A_command_that_is_missing_is_told_with_what_to_do() => Assert.Equal(
        "Redis at here:6379 lacks a command that the sink needs: ERR unknown command 'UNLINK', with args beginning with: 'order:1'. "
        + "Use Redis 6.2 or newer, load the JSON module for documents, and neither rename nor disable the commands that the connector's documentation lists. [LEAT-4228]",
        RedisErrors.Classify("here:6379", "ERR unknown command 'UNLINK', with args beginning with: 'order:1' ")?.Message);

    [Theory]
    [InlineData("1", "noeviction", false, null)]
    [InlineData("0", "allkeys-lru", false, null)]
    [InlineData("1", "volatile-lru", false, null)]
    [InlineData("1", "volatile-lru", true, "volatile-lru")]
    [InlineData("1", "allkeys-random", false, "allkeys-random")]
    public void Keys_that_may_be_evicted_are_warned_of(string memory, string policy, bool hasTtl, string? told)
    {
        var info = new RedisInfo($"# Memory\r\nmaxmemory:{memory}\r\nmaxmemory_human:1B\r\nmaxmemory_policy:{policy}\r\n");

        Assert.Equal(
            told is null ? null : $"Redis at here:6379 drops keys when memory is full (maxmemory-policy {told}); Leat would not notice.",
            info.Eviction("here:6379", [new() { Ttl = hasTtl ? TimeSpan.FromHours(1) : null }])?.Message);
    }

    [Theory]
    [InlineData("6.2.14", true, true)]
    [InlineData("6.2.14", false, false)]
    [InlineData("7.0.15", true, false)]
    [InlineData("255.255.255", true, false)]
    [InlineData("", true, false)]
    public void A_time_to_live_that_is_kept_needs_a_server_that_can(string version, bool keeps, bool isTooOld)
    {
        var info = new RedisInfo($"# Server\r\nredis_version:{version}\r\n");

        var problem = info.TooOld("here:6379", [new() { Merge = true, TtlColumn = "until", KeepTtl = keeps }, new() { Merge = true, KeepTtl = true }]);

        Assert.Equal(isTooOld ? "Redis 6.2.14 at here:6379 is too old for `ttl_mode: keep`. Use Redis 7 or newer, or `ttl_mode: refresh`. [LEAT-4229]" : null, problem?.Message);
    }
}
