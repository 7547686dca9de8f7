using Leat.Changes;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

// What stops a source that is connected.
public static partial class MySqlErrors
{
    internal const int MasterFatal = 1236;

    /// <summary>The account may not read the binlog.</summary>
    internal static readonly ErrorCode NoReplicationGrant = new(4050);

    /// <summary>The account may not read tables.</summary>
    internal static readonly ErrorCode NoSelectGrant = new(4051);

    /// <summary>The binlog does not tell shapes.</summary>
    internal static readonly ErrorCode NoMetadata = new(4052);

    /// <summary>Events have no checksum.</summary>
    internal static readonly ErrorCode NoChecksum = new(4053);

    /// <summary>The binlog is kept for a short time only.</summary>
    internal static readonly ErrorCode ShortRetention = new(4054);

    /// <summary>The binlog tells only some columns of a changed row.</summary>
    internal static readonly ErrorCode NoWholeRows = new(4068);

    /// <summary>Our number belongs to somebody else.</summary>
    internal static readonly ErrorCode ServerIdInUse = new(4055);

    /// <summary>Replicas are not listed.</summary>
    internal static readonly ErrorCode ReplicasHidden = new(4056);

    /// <summary>No table fits a pattern.</summary>
    internal static readonly ErrorCode NothingFits = new(4041);

    /// <summary>The binlog tells only some columns of a row that all columns identify.</summary>
    internal static readonly ErrorCode KeylessNeedsAll = new(4099);

    /// <summary>The shape of a table is not the one that its rows were written with.</summary>
    internal static readonly ErrorCode OtherShape = new(4027);

    private static readonly ErrorCode Interrupted = new(4005);

    /// <summary>Bytes of the binlog were damaged on the way or at the server.</summary>
    internal static RetriableException ChecksumWrong(string source, MySqlPosition position, byte type, uint bytes) => new(
        new(4020), $"Source '{source}': the checksum of a binlog event (type {type}, {bytes} bytes) after {position.Place} in {position.File} is wrong.",
        "Leat reads it again. If it stays wrong the server's file is damaged: check it with mariadb-binlog --verify-binlog-checksum.");

    /// <summary>An XA transaction commits whose rows we have not seen.</summary>
    internal static PauseException XaCommit(string source, string transaction, string xid) => new(
        new(4069), $"Source '{source}': {transaction} commits the XA transaction {xid}, which was prepared before capture began, and its rows are in the server's binlog no more.",
        ReadAllAgain(source));

    /// <summary>A statement instead of rows.</summary>
    internal static PauseException StatementFormat(string source, string transaction, IReadOnlyList<TableName> tables, string sql) => new(
        new(4024), $"Source '{source}': transaction {transaction} changes {string.Join(" and ", tables)} by a statement whose rows are not in the binlog: {Shorten(sql)}.",
        $"SET GLOBAL binlog_format = ROW; and see that no session sets another. {ReadTablesAgain(source, tables)}");

    /// <summary>The table's shape is not the one that its rows were written with.</summary>
    internal static PauseException ShapeDiffers(string source, TableName table, string difference) => new(
        OtherShape, $"Source '{source}': the shape of {table} at the server differs from that in the binlog: {difference}.",
        $"SET GLOBAL binlog_row_metadata = FULL; so that the binlog tells shapes from now on. {ReadTablesAgain(source, [table])}");

    /// <summary>A column or table that cannot be captured yet.</summary>
    internal static PauseException Unsupported(string source, TableName table, string? column, string reason) => new(
        new(4028), column is null
            ? $"Source '{source}': {table} cannot be captured yet: {reason}."
            : $"Source '{source}': column '{column}' of {table} cannot be captured yet: {reason}.",
        $"Take {table} out of 'tables', or change it to something that TYPES.md lists.");

    /// <summary>Throws when a table, or one of its columns, cannot be captured.</summary>
    internal static void ThrowIfRefused(string source, MySqlTable table)
    {
        if (RefusalOf(source, table) is { } refusal)
            throw refusal;
    }

    /// <summary>Why a table cannot be captured; <see langword="null"/> when it can.</summary>
    internal static PauseException? RefusalOf(string source, MySqlTable table)
    {
        if (table.Refusal is not null)
            return Unsupported(source, table.Name, null, table.Refusal);
        var column = table.Columns.FirstOrDefault(column => column.Refusal is not null);
        return column?.Refusal is { } reason ? Unsupported(source, table.Name, column.Schema.Name, reason) : null;
    }

    /// <summary>What the server said instead of going on with the stream.</summary>
    internal static LeatException Stream(LostChanges lost, MySqlEndpoint endpoint, MySqlPosition position, uint serverId, MySqlServerException problem)
    {
        if (problem.Message.Contains("same server_uuid/server_id", StringComparison.Ordinal))
            return ServerIdTaken(lost.Source, endpoint, serverId, problem);
        if (problem.Code == MasterFatal && problem.Message.Contains("replicate anonymous transaction", StringComparison.Ordinal))
            return UnnamedLeft(lost.Source, endpoint, position, problem);
        return problem.Code == MasterFatal ? PositionGone(lost, endpoint, position, problem) : Refused($"Source '{lost.Source}'", endpoint, problem);
    }

    /// <summary>Another replica with our number.</summary>
    internal static RetriableException ServerIdTaken(string source, MySqlEndpoint endpoint, uint serverId, Exception? cause) => new(
        new(4029), $"Source '{source}' was cut off by {endpoint.Address}: another replica signed in with the same server id {serverId}.",
        "Set 'server_id' of one of the two to a number that no other replica of this server has (SHOW SLAVE HOSTS lists them).", cause);

    /// <summary>No event and no heartbeat for too long.</summary>
    internal static RetriableException StreamSilent(string source, MySqlEndpoint endpoint, TimeSpan silence) => new(
        new(4032), $"Source '{source}' heard nothing from {endpoint.Address} for {silence.TotalSeconds:0} s, not even a heartbeat.",
        "Leat connects again by itself; if this repeats, look at the network between, or raise 'heartbeat'.");

    /// <summary>Any other error of a statement that capture needs.</summary>
    internal static LeatException Refused(string owner, MySqlEndpoint endpoint, MySqlServerException problem) => problem.Code switch
    {
        // 1053 shutdown, 1927 killed, 1205 lock wait, 1213 deadlock, 1412 definition changed, 1226 limit, 1317 interrupted: pass by themselves.
        1053 or 1927 or 1205 or 1213 or 1412 or 1226 or 1317 => new RetriableException(
            Interrupted, $"{owner} was interrupted by {endpoint.Address}: {problem.Message}.", "Leat tries again by itself; if this repeats, read the server's error log.", problem),
        _ => new PauseException(
            new(4033), $"{owner} is refused by {endpoint.Address}: {problem.Message} (error {problem.Code}).", "Run `leat check` on the file: it names the missing grant or setting.", problem),
    };

    /// <summary>No table fits.</summary>
    internal static PauseException NoTables(string source, IEnumerable<TablePattern> patterns) => new(
        NothingFits, $"Source '{source}': no table of the server that the account can see fits {string.Join(", ", patterns)}.",
        "Correct 'tables', create them, or grant SELECT on them.");

    /// <summary>A table whose rows have no name.</summary>
    internal static PauseException NoPrimaryKey(string source, MySqlTable table) => new(
        new(4042), $"Source '{source}': {table.Name} has neither a primary key nor a unique index over columns that cannot be NULL, so that its rows cannot be told apart.",
        $"Give it one, for example ALTER TABLE {Sql.Name(table.Name)} ADD PRIMARY KEY ({Sql.Name(table.Schema.Columns[0].Name)}); or take it out of 'tables'; "
        + $"or capture it all the same, by all its columns: keyless: [{table.Name}].");

    /// <summary>All columns stand in for a key, and the server does not log all of them.</summary>
    internal static PauseException KeylessImage(string source, MySqlEndpoint endpoint, TableName table, string image) => new(
        KeylessNeedsAll, $"Source '{source}': {table} has no key, so that all its columns identify a row, but binlog_row_image is {image} at {endpoint.Address}: changes would lack some.",
        $"SET GLOBAL binlog_row_image = FULL; and binlog_row_image = FULL in the server's configuration. Or give {table} a primary key.");

    /// <summary>A session logged a row of such a table without some columns.</summary>
    internal static PauseException KeylessPartial(string source, TableName table) => new(
        KeylessNeedsAll, $"Source '{source}': {table} has no key, so that all its columns identify a row, but the binlog has a row of it that lacks columns: a session set binlog_row_image to another value than FULL.",
        $"See that no session sets binlog_row_image. To go on, take {table} out of 'tables' until the source has passed this place; when it is put back it is read again.");

    /// <summary>Rows without a key for a table that has to have one; <see langword="null"/> when they have one.</summary>
    internal static PauseException? KeylessTarget(string owner, Shape shape) => !shape.Schema.IsKeyless ? null : new(
        new(4096), $"{owner}: {shape.Schema.Table} has no key at its source ('keyless'), so that no row of a SQL table could be found again for it.",
        $"Give {shape.Schema.Table} a primary key, deliver it to another kind of sink, or take '{shape.Alias}' out of the pipeline's 'tables'.");

    /// <summary>A table without a key cannot be read while it does not change.</summary>
    internal static PauseException KeylessLock(string source, MySqlEndpoint endpoint, TableName table, MySqlServerException cause) => new(
        new(4097), $"Source '{source}' cannot read {table}, which has no key: it changed each time while its place in the stream was looked for, and {endpoint.Address} does not let it be locked for that moment: "
        + $"{cause.Message.TrimEnd('.')} (error {cause.Code}).",
        $"GRANT LOCK TABLES ON {Sql.Name(table.Database)}.* TO '{endpoint.User}'@'%'; and end transactions that stay open on it. Or give it a primary key, or set 'snapshot: never'.");

    /// <summary>A table whose key is another than its rows in the stream have.</summary>
    internal static RetriableException KeyChanged(TableName table) => new(
        new(4098), $"The primary key of {table} is another now than in the change that is being delivered, so that the server cannot be asked which rows exist.",
        "Leat tries again; when the table's new shape has been captured, read it again: leat snapshot start.");

    /// <summary>An engine without consistent views.</summary>
    internal static PauseException Engine(string source, MySqlTable table) => new(
        new(4043), $"Source '{source}': {table.Name} is stored by {table.Engine}, which gives no consistent view to read it from.",
        $"ALTER TABLE {Sql.Name(table.Name)} ENGINE = InnoDB; or take it out of 'tables'.");

    /// <summary>The first setting with which capture would lose changes; <see langword="null"/> when there is none.</summary>
    internal static PauseException? SettingThatStops(string source, MySqlEndpoint endpoint, ServerFacts facts)
    {
        if (!facts.LogBin)
            return Setting(new(4044), source, endpoint, "log_bin", "OFF", "Start the server with log_bin = bin under [mysqld] in its configuration; this needs a restart.");
        if (facts.BinlogFormat != "ROW")
            return Setting(new(4045), source, endpoint, "binlog_format", facts.BinlogFormat, "SET GLOBAL binlog_format = ROW; and binlog_format = ROW in the server's configuration.");
        return null;
    }

    private static PauseException Setting(ErrorCode code, string source, MySqlEndpoint endpoint, string name, string value, string remedy) => new(
        code, $"Source '{source}': {name} is {value} at {endpoint.Address}.", remedy);

    internal static string Shorten(string sql)
    {
        const int Most = 120;
        var line = sql.ReplaceLineEndings(" ").Trim();
        return line.Length <= Most ? line : line[..Most] + "…";
    }
}
