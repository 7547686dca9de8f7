using Leat.Changes;

namespace Leat.Connectors.Redis;

/// <summary>Everything that can go wrong with Redis. Codes 4200 to 4299.</summary>
public static class RedisErrors
{
    /// <summary>Nobody answers at the address.</summary>
    public static RetriableException Unreachable(string address, string reason, Exception cause) => new(
        new(4200), $"Redis at {address} cannot be reached: {reason.TrimEnd('.')}.", "Start it, or correct `address`; Leat tries again by itself.", cause);

    /// <summary>The connection broke, or the server did not answer in time.</summary>
    public static RetriableException Lost(string address, string reason, Exception? cause) => new(
        new(4201), $"The connection to Redis at {address} was lost: {reason.TrimEnd('.')}.", "Leat connects again by itself and repeats what was not answered.", cause);

    /// <summary>The server answers, but cannot take writes now.</summary>
    public static RetriableException Busy(string address, string answer) => new(
        new(4202), $"Redis at {address} cannot take writes now: {answer.TrimEnd('.')}.",
        "Leat tries again by itself; look at the server when this goes on.");

    /// <summary>The server's memory is full.</summary>
    public static RetriableException OutOfMemory(string address, string answer) => new(
        new(4203), $"Redis at {address} is out of memory: {answer.TrimEnd('.')}.",
        "Raise `maxmemory`, or remove keys; Leat tries again by itself and drops nothing.");

    /// <summary>User or password are wrong or missing.</summary>
    public static PauseException SignInRefused(string address, string answer) => new(
        new(4204), $"Redis at {address} refused to sign in: {answer.TrimEnd('.')}.", "Correct `user` and `password` of the sink.");

    /// <summary>The user may not run a command or touch a key.</summary>
    public static PauseException NotPermitted(string address, string answer) => new(
        new(4205), $"Redis at {address} does not permit what the sink needs: {answer.TrimEnd('.')}.",
        "Grant the user `+multi +exec +del +unlink +hset +hgetall +scan +info +ping +select +client` on the keys of the template.");

    /// <summary>The server is a node of a cluster.</summary>
    public static PauseException IsCluster(string address, string answer) => new(
        new(4206), $"Redis at {address} is a node of a cluster: {answer.TrimEnd('.')}.", "Use a server that is not in cluster mode.");

    /// <summary>The server refuses a setting of the connection.</summary>
    public static PauseException SettingRefused(string address, string setting, string answer) => new(
        new(4207), $"Redis at {address} refused the setting `{setting}`: {answer.TrimEnd('.')}.", "Correct the setting.");

    /// <summary>TLS failed.</summary>
    public static PauseException TlsRefused(string address, string reason, Exception cause) => new(
        new(4208), $"No secure connection to Redis at {address}: {reason.TrimEnd('.')}.",
        "Use the server's TLS port and a certificate that this machine trusts and that names the host in `address`; or set `tls: false`.", cause);

    /// <summary>Something else answers at the address.</summary>
    public static PauseException NotRedis(string address, string reason) => new(
        new(4209), $"What answers at {address} does not speak the Redis protocol: {reason.TrimEnd('.')}.", "Correct `address` and `tls`.");

    /// <summary>A table of the pipeline has no key template.</summary>
    public static PauseException NoTemplate(string alias) => new(
        new(4210), $"The table '{alias}' has no key template.", $"Add one under `key:`, for example `{alias}: \"{alias}:{{id}}\"`.");

    /// <summary>Two rows would get one key.</summary>
    public static PauseException ColumnMissing(string alias, string template, string column) => new(
        new(4211), $"The key template '{template}' of table '{alias}' lacks the key column {column}: several rows would share one key.",
        $"Put `{{{column}}}` into the template.");

    /// <summary>A column that can change without the row's key.</summary>
    public static PauseException ColumnNotInKey(string alias, string template, string column) => new(
        new(4212), $"The key template '{template}' of table '{alias}' uses {column}, which is not a column of its primary key.",
        $"Take `{{{column}}}` out: when it changed, the old key would stay.");

    /// <summary>Parts that cannot be told apart.</summary>
    public static PauseException NothingBetween(string alias, string template) => new(
        new(4213), $"The key template '{template}' of table '{alias}' has two columns with nothing between: (1, 23) and (12, 3) would share one key.",
        "Put a ':' between them.");

    /// <summary>Keys of two tables that cannot be told apart.</summary>
    public static PauseException SharedPrefix(string alias, string other, string prefix) => new(
        new(4214), $"The keys of the tables '{alias}' and '{other}' both begin with '{prefix}': rows of the two could share one key.",
        "Begin the templates differently, for example with `{table}:`.");

    /// <summary>Keys may be evicted.</summary>
    public static Finding Evicts(string address, string policy) => Finding.Warning(
        new(4215), "eviction", $"Redis at {address} drops keys when memory is full (maxmemory-policy {policy}); Leat would not notice.",
        "Set `maxmemory-policy noeviction`, if the copy has to be complete.");

    /// <summary>What an error reply means for delivery: an exception for the whole request, or <see langword="null"/> when the operation alone is at fault.</summary>
    public static LeatException? Classify(string address, string answer)
    {
        // EXEC wraps what it would have said outside a transaction.
        const string Wrapper = "EXECABORT Transaction discarded because of: ";
        if (answer.StartsWith(Wrapper, StringComparison.Ordinal))
            answer = answer[Wrapper.Length..];
        var space = answer.IndexOf(' ', StringComparison.Ordinal);
        return (space < 0 ? answer : answer[..space]) switch
        {
            "OOM" => OutOfMemory(address, answer),
            "LOADING" or "MASTERDOWN" or "TRYAGAIN" or "READONLY" or "BUSY" or "MISCONF" or "NOREPLICAS" or "UNBLOCKED" => Busy(address, answer),
            "NOAUTH" or "WRONGPASS" or "DENIED" => SignInRefused(address, answer),
            "NOPERM" => NotPermitted(address, answer),
            "MOVED" or "ASK" or "CLUSTERDOWN" or "CROSSSLOT" => IsCluster(address, answer),
            _ => null,
        };
    }
}
