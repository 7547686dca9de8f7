using System.Text.RegularExpressions;
using Leat.Changes;

namespace Leat.Connectors.Redis;

/// <summary>Everything that can go wrong with Redis. Codes 4200 to 4299.</summary>
public static partial class RedisErrors
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
        "Leat tries again by itself; look at the server when this goes on.") { IsBusy = CodeOf(answer) is "BUSY" or "TRYAGAIN" or "NOREPLICAS" };

    /// <summary>The server's memory is full.</summary>
    public static RetriableException OutOfMemory(string address, string answer) => new(
        new(4203), $"Redis at {address} is out of memory: {answer.TrimEnd('.')}.",
        "Raise `maxmemory`, or remove keys; Leat tries again by itself and drops nothing.") { IsBusy = true };

    /// <summary>User or password are wrong or missing.</summary>
    public static PauseException SignInRefused(string address, string answer) => new(
        new(4204), $"Redis at {address} refused to sign in: {answer.TrimEnd('.')}.", "Correct `user` and `password` of the sink.");

    /// <summary>The user may not run a command or touch a key.</summary>
    public static PauseException NotPermitted(string address, string answer) => new(
        new(4205), $"Redis at {address} does not permit what the sink needs: {answer.TrimEnd('.')}.",
        "Grant the user the commands that the connector's documentation lists, on the keys of the template and on `leat:*`.");

    /// <summary>A setting that a cluster cannot have.</summary>
    public static PauseException IsCluster(string address, string setting) => new(
        new(4206), $"Redis at {address} is a node of a cluster, where `{setting}` cannot be.", $"Take `{setting}` out, or use a server that is not in cluster mode.");

    /// <summary>The server refuses a setting of the connection.</summary>
    public static PauseException SettingRefused(string address, string setting, string answer) => new(
        new(4207), $"Redis at {address} refused the setting `{setting}`: {answer.TrimEnd('.')}.", "Correct the setting.");

    /// <summary>TLS failed.</summary>
    public static PauseException TlsRefused(string address, string reason, Exception cause) => new(
        new(4208), $"No secure connection to Redis at {address}: {reason.TrimEnd('.')}.",
        "Use the server's TLS port and a certificate that names the host in `address`; name its authority in `tls_ca` when this machine does not trust it.", cause);

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

    /// <summary>A column that can change without the row's key, of a source that does not tell the row before.</summary>
    public static PauseException ColumnNotInKey(string alias, string template, string column) => new(
        new(4212), $"Keys or members of table '{alias}' ('{template}') are made of {column}, which is not a column of its primary key, and the source does not tell rows whole: when it changed, the old one would stay.",
        $"Have the source log whole rows (MySQL: binlog_row_image=FULL), or take `{{{column}}}` out.");

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

    /// <summary>A setting names a column that is none.</summary>
    public static PauseException NoSuchColumn(string alias, string setting, string column) => new(
        new(4216), $"The {setting} of table '{alias}' names the column {column}, which the table does not have.", "Correct the name; a renamed column goes by its new name.");

    /// <summary>A setting names a column that is no number and no time.</summary>
    public static PauseException NotANumber(string alias, string setting, string column, ColumnKind kind) => new(
        new(4217), $"The setting `{setting}` of table '{alias}' names the column {column}, which is of kind {kind}.", "Name a column that is a number or a time.");

    /// <summary>The structure needs a setting.</summary>
    public static PauseException SettingMissing(string alias, string setting, string structure) => new(
        new(4218), $"The table '{alias}' is kept as {structure}, and lacks the setting `{setting}`.", $"Add `{setting}` to its block under `tables:`, or choose another `structure`.");

    /// <summary>Two settings that do not go together.</summary>
    public static PauseException NotWithStructure(string alias, string setting, string other, string instead) => new(
        new(4219), $"The table '{alias}' has `{other}`, which `{setting}` does not work with.", $"Use {instead} with it, or take `{setting}` out.");

    /// <summary>Two tables write the same field of one hash.</summary>
    public static PauseException SharedField(string alias, string other, string field) => new(
        new(4220), $"The tables '{alias}' and '{other}' both write the field '{field}' under keys that can be the same: to remove a row of one would take the other's.",
        "Leave the column out of one of them (one of its primary key needs another name at the source), or begin the templates differently.");

    /// <summary>The server has no JSON documents.</summary>
    public static PauseException NoJson(string address, string command) => new(
        new(4221), $"Redis at {address} does not know the command {command}.", "Load the JSON module (RedisJSON 2.6 or newer), or set `structure: string` to keep rows as JSON text.");

    /// <summary>Too few replicas have confirmed a batch.</summary>
    public static RetriableException TooFewReplicas(string address, long confirmed, int wanted, TimeSpan waited) => new(
        new(4222), $"Redis at {address} wrote a batch, but {confirmed} of {wanted} replicas confirmed it within {waited.TotalMilliseconds} ms.",
        "Look at the replicas, or change `wait`; Leat sends the batch again.") { IsBusy = true };

    /// <summary>Another connection took the lane.</summary>
    public static RetriableException TakenOver(string address, string pipeline, int lane) => new(
        new(4223), $"Another connection to Redis at {address} has taken lane {lane} of pipeline '{pipeline}'; nothing of the batch was written.",
        "Leat takes the lane again. When this goes on, a second Leat runs the same pipeline: stop one of them.");

    /// <summary>The lanes' offsets are gone.</summary>
    public static PauseException PositionsGone(string address, string pipeline, long offset) => new(
        new(4224), $"Redis at {address} holds no offsets of pipeline '{pipeline}', whose checkpoint says that it wrote up to {offset}: it was emptied or replaced.",
        $"Write all again with `leat redeliver {pipeline}`.");

    /// <summary>The lanes' offsets are older than what was acknowledged.</summary>
    public static PauseException TargetOlder(string address, string pipeline, int lane, long found, long acknowledged) => new(
        new(4225), $"Redis at {address} holds lane {lane} of pipeline '{pipeline}' up to offset {found}, but had acknowledged {acknowledged}: it lost writes, or an older state was restored.",
        $"Write all again with `leat redeliver {pipeline}`.");

    /// <summary>The pipeline's marker cannot be read.</summary>
    public static PauseException BadMarker(string address, string key, string found) => new(
        new(4226), $"The marker '{key}' at Redis {address} cannot be read: {found}.", "Find out who wrote there; remove the key to begin anew, then write all again with `leat redeliver`.");

    /// <summary>Parts of documents in a structure that is written whole.</summary>
    public static PauseException NoParts(string alias, string structure) => new(
        new(4227), $"The documents '{alias}' are of `mode: field_groups` and kept as {structure}, which is written as a whole: each table would take away what the others wrote.",
        "Keep them as hashes (`structure: hash`), or take out `mode`, for documents that are made whole.");

    /// <summary>The server lacks a command, or it was renamed.</summary>
    public static PauseException UnknownCommand(string address, string answer) => new(
        new(4228), $"Redis at {address} lacks a command that the sink needs: {answer.TrimEnd('.')}.",
        "Use Redis 6.2 or newer, load the JSON module for documents, and neither rename nor disable the commands that the connector's documentation lists.");

    /// <summary>The server is too old for a setting.</summary>
    public static PauseException TooOld(string address, string version, string setting, string instead) => new(
        new(4229), $"Redis {version} at {address} is too old for `{setting}`.", $"Use Redis 7 or newer, or `{instead}`.");

    /// <summary>Nobody checks certificates.</summary>
    public static Finding Insecure(string address) => Finding.Warning(
        new(4230), "insecure", $"Certificates are not checked (`tls: insecure`): whoever stands between can read and change everything sent to {address}.",
        "Name the authority in `tls_ca` and set `tls: true` instead.");

    /// <summary>What an error reply means for delivery: an exception for the whole request, or <see langword="null"/> when the operation alone is at fault.</summary>
    public static LeatException? Classify(string address, string answer)
    {
        answer = Unwrap(answer);
        return CodeOf(answer) switch
        {
            "OOM" => OutOfMemory(address, answer),
            "LOADING" or "MASTERDOWN" or "TRYAGAIN" or "READONLY" or "BUSY" or "MISCONF" or "NOREPLICAS" or "UNBLOCKED" or "CLUSTERDOWN" or "MOVED" or "ASK" => Busy(address, answer),
            "NOAUTH" or "WRONGPASS" or "DENIED" => SignInRefused(address, answer),
            "NOPERM" => NotPermitted(address, answer),
            "ERR" when answer.StartsWith("ERR max number of clients", StringComparison.Ordinal) => Busy(address, answer),
            "ERR" when answer.StartsWith("ERR unknown command", StringComparison.OrdinalIgnoreCase) || answer.StartsWith("ERR Unknown Redis command", StringComparison.Ordinal)
                => UnknownCommand(address, answer.TrimEnd()),
            "Unknown" when answer.StartsWith("Unknown Redis command", StringComparison.Ordinal) => UnknownCommand(address, answer), // out of a script, before Redis 7
            _ => null,
        };
    }

    /// <summary>The first word of an error: what kind it is.</summary>
    public static string CodeOf(string answer)
    {
        answer = Unwrap(answer);
        var space = answer.IndexOf(' ', StringComparison.Ordinal);
        return space < 0 ? answer : answer[..space];
    }

    /// <summary>What EXEC would have said outside a transaction, and a script's command outside the script.</summary>
    /// <remarks>Before Redis 7 a script that fails says <c>ERR Error running script (call to f_1a2b): @user_script:4: @user_script: 4: -OOM command not allowed…</c></remarks>
    public static string Unwrap(string answer)
    {
        const string Wrapper = "EXECABORT Transaction discarded because of: ";
        if (answer.StartsWith(Wrapper, StringComparison.Ordinal))
            answer = answer[Wrapper.Length..];
        return answer.StartsWith("ERR Error running script", StringComparison.Ordinal) && PlaceInScript().Matches(answer) is [.., var last]
            ? answer[(last.Index + last.Length)..].TrimEnd()
            : answer;
    }

    /// <summary>Whether a stream has that id, or a later one, already.</summary>
    public static bool IsOldId(string answer) => answer.Contains("equal or smaller than the target stream top item", StringComparison.Ordinal);

    [GeneratedRegex(@"user_script: ?[0-9]+: -?")]
    private static partial Regex PlaceInScript();
}
