using Leat.Changes;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

/// <summary>Everything that can go wrong with a MySQL, MariaDB or TiDB target, connections aside (<see cref="MySqlErrors"/>). Codes 4100 to 4199.</summary>
public static class MySqlSinkErrors
{
    /// <summary>A delivered column is not in the target's table.</summary>
    public static PauseException ColumnMissing(string owner, TableName table, string column, string definition) => new(
        new(4100), $"{owner}: the target table {table} has no column '{column}'.",
        $"Add it: ALTER TABLE {Sql.Name(table)} ADD COLUMN {definition};");

    /// <summary>A table is not there, and Leat shall not create it.</summary>
    public static PauseException TableMissing(string owner, TableName table, string create) => new(
        new(4101), $"{owner}: the target table {table} does not exist.", $"Set `schema: create`, or create it: {create};");

    /// <summary>The table's storage engine has no transactions.</summary>
    public static PauseException NotTransactional(string owner, TableName table, string engine) => new(
        new(4102), $"{owner}: the target table {table} is stored by {engine}, which has no transactions.",
        $"Convert it: ALTER TABLE {Sql.Name(table)} ENGINE = InnoDB;");

    /// <summary>The table's primary key is not the one that rows are identified by.</summary>
    public static PauseException KeyDiffers(string owner, TableName table, string found, string wanted) => new(
        new(4103), $"{owner}: the primary key of the target table {table} is ({found}), the rows delivered are identified by ({wanted}).",
        $"Give it the same: ALTER TABLE {Sql.Name(table)} DROP PRIMARY KEY, ADD PRIMARY KEY ({wanted});");

    /// <summary>Another Leat writes there in the same epoch or a later one.</summary>
    public static PauseException ForeignLog(string owner, string positions, string pipeline, string logId) => new(
        new(4105), $"{owner}: according to {positions} the target was taken over by the pipeline '{pipeline}' of another log, {logId}.",
        "Stop the other Leat, or give one of the two another database or pipeline name, and start this one again.");

    /// <summary>Another process with this log writes there.</summary>
    public static PauseException NewerEpoch(string owner, string positions, string pipeline, uint found, uint ours) => new(
        new(4106), $"{owner}: according to {positions} the target was taken over in epoch {found} by the pipeline '{pipeline}' of another Leat; this one writes in epoch {ours}.",
        "Stop the other Leat, which runs on a copy of this log folder, and start this one again: it takes a higher epoch.");

    /// <summary>The target lost what it had acknowledged.</summary>
    public static PauseException TargetOlder(string owner, string positions, string pipeline, int lane, long found, long acknowledged) => new(
        new(4107), $"{owner}: lane {lane} stands at offset {found} in {positions}, but {acknowledged} was acknowledged before: the target is an older copy.",
        $"Bring the newer state of the target back, or have everything delivered again: 'leat redeliver {pipeline}'.");

    /// <summary>The target has no positions although it had acknowledged operations.</summary>
    public static PauseException PositionsGone(string owner, string positions, string pipeline, long acknowledged) => new(
        new(4108), $"{owner}: {positions} has no row of the pipeline '{pipeline}', but offset {acknowledged} was acknowledged before: the target was emptied or replaced.",
        $"Bring the target back, or have everything delivered again: 'leat redeliver {pipeline}'.");

    /// <summary>The rows of the positions are not of Leat's making.</summary>
    public static PauseException PositionsUnreadable(string owner, string positions, string pipeline, string found) => new(
        new(4121), $"{owner}: {positions} has a row of the pipeline '{pipeline}' that names no log: '{found}'.",
        $"Somebody else wrote it. Delete the pipeline's rows there, and have everything delivered again: 'leat redeliver {pipeline}'.");

    /// <summary>The server cannot do it now.</summary>
    public static RetriableException Busy(string owner, MySqlEndpoint endpoint, MySqlServerException cause) => new(
        new(4109), $"{owner}: {endpoint.Address} cannot take writes now: {cause.Message.TrimEnd('.')} (error {cause.Code}).",
        "Leat tries again by itself; look at the server when this goes on.", cause)
    {
        IsBusy = IsOverload(cause.Code),
    };

    /// <summary>The server refuses for a reason that only a person can lift.</summary>
    public static PauseException Refused(string owner, MySqlEndpoint endpoint, string database, MySqlServerException cause) => new(
        new(4110), $"{owner} is refused by {endpoint.Address}: {cause.Message.TrimEnd('.')} (error {cause.Code}).",
        $"Rights that are needed: GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER ON {Sql.Name(database)}.* TO {Sql.Text(endpoint.User)}; " +
        "for other reasons mend the server's table or setting that the message names.", cause);

    /// <summary>The lane was used after a request without an answer.</summary>
    public static RetriableException GivenUp(string owner, MySqlEndpoint endpoint) => new(
        new(4111), $"{owner}: the connection to {endpoint.Address} was given up after a request without an answer.", "Leat opens another by itself.");

    /// <summary>The database is missing.</summary>
    public static PauseException DatabaseMissing(string owner, string database) => new(
        new(4112), $"{owner}: the target database {database} does not exist.",
        $"Create it: CREATE DATABASE {Sql.Name(database)} CHARACTER SET utf8mb4;");

    /// <summary>Rights are missing.</summary>
    public static Finding GrantsMissing(string user, string database, string rights) => Finding.Error(
        new(4113), "grants", $"{user} has no right to {rights} in {database}.", $"GRANT {rights} ON {Sql.Name(database)}.* TO {user};");

    /// <summary>Foreign keys at the target and parallel lanes.</summary>
    public static Finding HasForeignKey(TableName table, string key) => Finding.Warning(
        new(4114), "foreign keys", $"The target table {table} has the foreign key {key}; rows of different tables arrive in no fixed order, and a row that comes before its parent is refused.",
        $"Set `apply: transactional`, or drop it: ALTER TABLE {Sql.Name(table)} DROP FOREIGN KEY {Sql.Name(key)};");

    /// <summary>Another connection writes as this lane now.</summary>
    public static RetriableException TakenOver(string owner, string positions, string pipeline, int lane, MySqlServerException cause) => new(
        new(4115), $"{owner}: lane {lane} of pipeline '{pipeline}' in {positions} was taken over by another connection; nothing was written.",
        "Leat takes it back by itself. If this repeats, a second Leat runs with a copy of this log folder: stop one of the two.", cause);

    /// <summary>The server hangs.</summary>
    public static RetriableException NoAnswer(string owner, MySqlEndpoint endpoint, TimeSpan limit) => new(
        new(4116), $"{owner}: {endpoint.Address} did not answer within {limit.TotalMinutes:0} minutes.",
        "Leat connects again by itself; look at the server's process list and disks.");

    /// <summary>The table of offsets is missing, and Leat shall run no DDL.</summary>
    public static PauseException PositionsMissing(string owner, string positions, string create) => new(
        new(4117), $"{owner}: the table {positions} does not exist.", $"Set `schema: create`, or create it: {create};");

    /// <summary>A column of the target cannot hold every value that may come.</summary>
    public static PauseException ColumnTooNarrow(string owner, TableName table, string column, string found, string wanted, string part) => new(
        new(4118), $"{owner}: the column '{column}' of the target table {table} is {found}, which cannot hold all that is delivered: {wanted}.",
        $"See that nothing is lost that is there, then: ALTER TABLE {Sql.Name(table)} {part};");

    /// <summary>A column of the target that is not delivered needs a value.</summary>
    public static PauseException ValueMissing(string owner, TableName table, string column, string part) => new(
        new(4119), $"{owner}: the column '{column}' of the target table {table} is not delivered, is NOT NULL and has no default.",
        $"Deliver it, or allow its absence: ALTER TABLE {Sql.Name(table)} {part};");

    /// <summary>A column that must have a value, in a table whose rows come in parts.</summary>
    public static PauseException PartWithoutValue(string owner, TableName table, string column, string part) => new(
        new(4122), $"{owner}: the column '{column}' of the target table {table} is NOT NULL, but its rows come in parts (`mode: field_groups`), of which one may come before or go without the others.",
        $"Allow its absence: ALTER TABLE {Sql.Name(table)} {part};");

    /// <summary>A unique index of a table whose rows come in parts.</summary>
    public static PauseException PartWithUnique(string owner, TableName table, string index) => new(
        new(4123), $"{owner}: the target table {table} has the unique index '{index}' beside its primary key, and its rows come in parts (`mode: field_groups`): a part could meet another row by it.",
        $"ALTER TABLE {Sql.Name(table)} DROP INDEX {Sql.Name(index)}; or take out `mode`, for documents that are made whole.");

    /// <summary>A table of the target got another unique index or foreign key while lanes write.</summary>
    public static RetriableException TableChanged(string owner, TableName table) => new(
        new(4124), $"{owner}: the target table {table} has other unique indexes or foreign keys than when it was looked at.", "Leat looks at its tables again, by itself, and goes on.")
    {
        TargetChanged = true,
    };

    /// <summary>A delivered column is computed by the target.</summary>
    public static PauseException ColumnGenerated(string owner, TableName table, string column) => new(
        new(4125), $"{owner}: the column '{column}' of the target table {table} is generated by the server and cannot be written.",
        $"Leave it out with `columns`, or make it a plain one: ALTER TABLE {Sql.Name(table)} MODIFY COLUMN {Sql.Name(column)} with its type alone.");

    /// <summary>All operations of a table take one lane.</summary>
    public static Finding OneLane(TableName table, string reason) => Finding.Warning(
        new(4120), "lanes", $"The target table {table} is written by one lane: {reason}.",
        "Nothing is wrong with that but speed. For all lanes let keys and unique indexes compare by bytes: numbers, dates, VARBINARY, text under a collation like " +
        "utf8mb4_0900_bin (MySQL) or utf8mb4_nopad_bin (MariaDB).");

    /// <summary>Whether an error is the fault of the row alone: it can never succeed as it is.</summary>
    internal static bool IsPoison(int code) => code is
        1048 // null in a NOT NULL column
        or 1062 or 1586 // duplicate of a unique value
        or 1118 or 1713 // row larger than a page or an undo record may hold
        or 1526 // no partition for it
        or 1264 or 1265 or 1292 or 1366 or 1367 or 1406 or 1411 or 1441 or 1690 // value out of range, of another type, too long
        or 1216 or 1217 or 1451 or 1452 // foreign keys
        or 1644 // SIGNAL of a trigger
        or 1416 or 3643 // no geometry, or of another reference system
        or 1267 or 1270 or 1271 or 3854 // a key with characters that the column's set lacks: no row can have it
        or 3751 or 3752 or 3903 or 3904 or 3907 // what an index over an expression makes of it
        or 3140 or 3819 or 4025; // invalid JSON, CHECK constraint

    // Fewer requests help: too many connections (of all, of this account), TiKV's servers have too much to do.
    private static bool IsOverload(int code) => code is 1040 or 1135 or 1203 or 1226 or 1637 or 9002 or 9003;

    /// <summary>What an error means when it is not a row's fault.</summary>
    internal static LeatException Statement(string owner, MySqlEndpoint endpoint, string database, MySqlServerException cause) => cause.Code switch
    {
        // Too many connections, shutdown, lock wait, deadlock, read-only, interrupted, changed since read, definition changed, killed, time limit.
        1040 or 1203 or 1226 or 1053 or 1205 or 1213 or 1290 or 1317 or 1020 or 1412 or 1836 or 1927 or 1969 or 3024 or 3032
            or 3572 => Busy(owner, endpoint, cause), // at most that many, offline, lock not available

        // Memory, threads, locks or transactions used up; an idle connection ended, a session killed, a packet that is larger than just now or did not come through.
        1037 or 1038 or 1041 or 1135 or 1206 or 1637 or 1153 or 4031 or 3169 or 1158 or 1159 or 1160 or 1161 => Busy(owner, endpoint, cause),

        // Transactions are read-only by default; Galera's node takes none now; a group's member gave way, a commit failed.
        1792 or 1047 or 1180 or 3100 or 3101 => Busy(owner, endpoint, cause),

        // TiDB: write conflict, schema changed meanwhile, regions and their servers not there or busy. Source: TiDB documentation, "Error Codes".
        8002 or 8005 or 8022 or 8028 or 9001 or 9002 or 9003 or 9004 or 9005 or 9007 or 9008 or 9010 => Busy(owner, endpoint, cause),
        _ => Refused(owner, endpoint, database, cause),
    };
}
