using System.Globalization;
using Leat.Changes;

namespace Leat.Connectors.Redis;

/// <summary>What a server tells of itself: the answer to <c>INFO</c>, lines of <c>name:value</c> between headings.</summary>
internal sealed class RedisInfo(string text)
{
    private const int KeepsTtlFrom = 7; // PEXPIRE … NX

    /// <summary>The server's version, as every product shows it for clients of Redis.</summary>
    public string Version => ValueOf("redis_version");

    /// <summary>Whether it is a node of a cluster.</summary>
    public bool IsCluster => ValueOf("redis_mode") == "cluster";

    /// <summary>The first setting of a table that the server is too old for; <see langword="null"/>: none.</summary>
    public PauseException? TooOld(string address, IEnumerable<RedisRule> rules) =>
        int.TryParse(Version.Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var major) && major < KeepsTtlFrom && rules.Any(rule => rule is { KeepTtl: true, HasTtl: true })
            ? RedisErrors.TooOld(address, Version, "ttl_mode: keep", "ttl_mode: refresh")
            : null;

    /// <summary>What is said of keys that may be evicted; <see langword="null"/> when none of ours can be. The policies <c>volatile-…</c> take keys with a time to live only.</summary>
    public Finding? Eviction(string address, IEnumerable<RedisRule> rules)
    {
        var policy = ValueOf("maxmemory_policy");
        return ValueOf("maxmemory") is not ("" or "0") && (policy.StartsWith("allkeys-", StringComparison.Ordinal) || (policy.StartsWith("volatile-", StringComparison.Ordinal) && rules.Any(rule => rule.HasTtl)))
            ? RedisErrors.Evicts(address, policy)
            : null;
    }

    private string ValueOf(string name)
    {
        foreach (var line in text.Split("\r\n"))
        {
            if (line.StartsWith(name + ":", StringComparison.Ordinal))
                return line[(name.Length + 1)..];
        }

        return "";
    }
}
