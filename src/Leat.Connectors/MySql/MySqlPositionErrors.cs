using Leat.Changes;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

// What keeps a source from going on where it stood.
public static partial class MySqlErrors
{
    /// <summary>MySQL names no transactions.</summary>
    internal static readonly ErrorCode NoGtids = new(4060);

    /// <summary>MySQL writes transactions in another order than it commits them.</summary>
    internal static readonly ErrorCode CommitsUnordered = new(4061);

    private static readonly ErrorCode Gone = new(4030);

    /// <summary>The server sends nothing from the position on: its own words are all that is known.</summary>
    internal static PauseException PositionGone(LostChanges lost, MySqlEndpoint endpoint, MySqlPosition position, MySqlServerException cause) => new(
        Gone, $"Source '{lost.Source}' cannot resume at {position.Place}: {endpoint.Address} does not have it in its binlog ({cause.Message}).", ReadAgain(lost), cause);

    /// <summary>Transactions after the position are in the server's binlog no more.</summary>
    internal static PauseException Missing(LostChanges lost, MySqlEndpoint endpoint, MySqlPosition position, string missing) => new(
        Gone, $"Source '{lost.Source}' cannot resume at {position.Place}: {endpoint.Address} has no transactions {missing} in its binlog any more.", ReadAgain(lost));

    /// <summary>The file of a position without GTIDs was purged.</summary>
    internal static PauseException NoSuchFile(LostChanges lost, MySqlEndpoint endpoint, MySqlPosition position, IReadOnlyList<BinlogFile> files) => new(
        Gone, $"Source '{lost.Source}' cannot resume at {position.File}:{position.Offset}: {endpoint.Address} has "
        + (files.Count == 0 ? "no binlog files." : $"only {files[0].Name} to {files[^1].Name}."), ReadAgain(lost));

    /// <summary>The same server tells another history than the one that was read.</summary>
    internal static PauseException HistoryChanged(LostChanges lost, MySqlEndpoint endpoint, MySqlPosition position, string found) => new(
        new(4031), $"Source '{lost.Source}' cannot resume: at {position.File}:{position.Offset} {endpoint.Address} now has {found} where {position.Place} was read. Its binlog was reset or replaced.",
        Again(lost));

    /// <summary>A text that is no position.</summary>
    internal static LeatException PositionNotUnderstood(string source, string text) => new(
        new(4034), $"Source '{source}' does not understand the position '{text}'.",
        "Write 'now', a time such as 2026-01-05T08:00:00Z, a GTID position such as 0-1-42 (several domains: 0-1-42,3-7-9; MySQL: uuid:1-42), or a position as `leat status` prints it.");

    /// <summary>A place in a file says nothing at another server.</summary>
    internal static PauseException OtherServer(LostChanges lost, MySqlEndpoint endpoint, MySqlPosition position) => new(
        new(4035), $"Source '{lost.Source}' cannot resume at {position.File}:{position.Offset}: {endpoint.Address} is not the server {position.ServerUuid} that was read, and without GTIDs its files say nothing of this one's.",
        $"Correct 'host'. {Again(lost)} With gtid_mode = ON on the servers capture goes on at any of them.");

    /// <summary>The server does not have what was read elsewhere: it lags behind, or its history is another.</summary>
    internal static PauseException ServerBehind(string source, MySqlEndpoint endpoint, string unknown) => new(
        new(4036), $"Source '{source}' cannot resume: {endpoint.Address} does not have the transactions {unknown} that were read before.",
        "If it is a replica that lags behind, wait: Leat looks again every 30 s. If its history is another one (it was reset, or lost them when it took over), begin anew with an empty log "
        + "folder, which takes a new snapshot.");

    /// <summary>MariaDB's and MySQL's names of transactions have nothing in common.</summary>
    internal static PauseException OtherProduct(LostChanges lost, MySqlEndpoint endpoint, MySqlPosition position, string product) => new(
        new(4037), $"Source '{lost.Source}' cannot resume at {position.Place}: {endpoint.Address} is a {product} server, which names transactions in another way.",
        $"Correct 'host'. {Again(lost)}");

    /// <summary>GTIDs were switched off, and the file is not there either.</summary>
    internal static PauseException GtidsOff(LostChanges lost, MySqlEndpoint endpoint, MySqlPosition position, string mode) => new(
        new(4038), $"Source '{lost.Source}' cannot resume at {position.Place}: gtid_mode is {mode} at {endpoint.Address}.",
        $"Set enforce_gtid_consistency = ON and gtid_mode = ON on the server. {Again(lost)}");

    /// <summary>GTIDs were switched on before the source had read what has none.</summary>
    internal static PauseException UnnamedLeft(string source, MySqlEndpoint endpoint, MySqlPosition position, MySqlServerException cause) => new(
        new(4062), $"Source '{source}' cannot resume at {position.Place}: transactions without a GTID follow, which {endpoint.Address} does not send since its gtid_mode is ON.",
        "SET GLOBAL gtid_mode = ON_PERMISSIVE; until the source has passed them, then ON.", cause);

    /// <summary>The protocol cannot ask for places beyond 4 GiB.</summary>
    internal static PauseException OffsetTooFar(LostChanges lost, MySqlEndpoint endpoint, MySqlPosition position) => new(
        new(4039), $"Source '{lost.Source}' cannot resume at {position.File}:{position.Offset}: {endpoint.Address} cannot be asked for a place beyond 4 GiB of a file without GTIDs.",
        $"{Again(lost)} Set gtid_mode = ON on the server, or keep transactions and max_binlog_size below 4 GiB.");

    /// <summary>The binlog begins after the time that was asked for.</summary>
    internal static PauseException TimePurged(string source, MySqlEndpoint endpoint, DateTimeOffset wanted, DateTimeOffset oldest) => new(
        new(4057), $"Source '{source}' cannot begin at {Shown(wanted)}: the binlog of {endpoint.Address} begins at {Shown(oldest)}.",
        "Choose a later time, or take a snapshot ('snapshot: initial').");

    /// <summary>A time that has not come.</summary>
    internal static LeatException TimeToCome(string source, DateTimeOffset wanted, DateTimeOffset now) => new(
        new(4058), $"Source '{source}' cannot begin at {Shown(wanted)}: it is {Shown(now)} now.", "Choose a time that has passed, or 'now'.");

    /// <summary>A server that no source can read; <see langword="null"/> for one that can be.</summary>
    internal static PauseException? VersionThatStops(string source, MySqlEndpoint endpoint, ServerHandshake server)
    {
        if (ServerFacts.IsTiDb(server))
        {
            return new(
                new(4059), $"Source '{source}': {endpoint.Address} is TiDB ('{server.Version}'), which has no binlog that a replica could ask for.",
                "TiDB can be a target, not a source; its own changefeeds (TiCDC) write to MySQL and MariaDB, which can be captured.");
        }

        return ServerFacts.IsSupported(server)
            ? null
            : new(
                new(4040), $"Source '{source}': {endpoint.Address} is '{server.Version}'; Leat reads MariaDB {ServerFacts.OldestMariaDb} and MySQL {ServerFacts.OldestMySql} or newer.",
                "Connect to one of those, or to a replica of this server that is newer.");
    }

    private static string Shown(DateTimeOffset time) => time.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture);

    private static string Again(LostChanges lost) => $"To go on all the same, have its tables read again: `{lost.Command}`.";

    private static string ReadAgain(LostChanges lost) =>
        $"Changes in them are lost to this source: have its tables read again with `{lost.Command}`, and let the server keep its binlog longer (binlog_expire_logs_seconds).";
}
