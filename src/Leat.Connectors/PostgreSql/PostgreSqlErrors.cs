using System.Security.Authentication;
using System.Security.Cryptography;
using Leat.Changes;
using Leat.Connectors.PostgreSql.Tables;
using Npgsql;

namespace Leat.Connectors.PostgreSql;

/// <summary>Everything that can go wrong with a PostgreSQL target. Codes 4600 to 4699.</summary>
public static class PostgreSqlErrors
{
    /// <summary>Nobody answers, or the connection broke.</summary>
    public static RetriableException Unreachable(string owner, PostgreSqlSinkOptions options, Exception cause) => new(
        new(4600), $"{owner} cannot reach {options.Address}: {ServerTrust.Innermost(cause).Message.TrimEnd('.')}.",
        "Leat tries again by itself. Check that the server runs, listens there (listen_addresses), and that no firewall stands between.", cause);

    /// <summary>Account, password or pg_hba.conf.</summary>
    public static PauseException SignInRefused(string owner, PostgreSqlSinkOptions options, Exception cause) => new(
        new(4601), $"{owner} cannot sign in at {options.Address} as '{options.User}': {Words(cause)}.",
        $"Correct 'user', 'password' or 'tls', set the password (ALTER ROLE {Sql.Name(options.User)} PASSWORD '…';), or let the account in by pg_hba.conf.", cause);

    /// <summary>No trusted TLS.</summary>
    public static PauseException TlsRefused(string owner, PostgreSqlSinkOptions options, Exception cause) => new(
        new(4602), $"{owner} cannot protect its connection to {options.Address}: {ServerTrust.Innermost(cause).Message.TrimEnd('.')}.",
        "Set 'tls_ca' to the authority's PEM file, connect by the name in the certificate, or choose a weaker 'tls' (verify_identity, verify_ca, required, off).", cause);

    /// <summary>The database is missing.</summary>
    public static PauseException DatabaseMissing(string owner, PostgreSqlSinkOptions options, Exception cause) => new(
        new(4603), $"{owner}: the target database '{options.Database}' does not exist at {options.Address}.", $"Create it: CREATE DATABASE {Sql.Name(options.Database)};", cause);

    /// <summary>The schema is missing, and Leat shall not create it.</summary>
    public static PauseException NamespaceMissing(string owner, string name) => new(
        new(4604), $"{owner}: the target's schema '{name}' does not exist.", $"Set `schema: create`, or create it: CREATE SCHEMA {Sql.Name(name)};");

    /// <summary>A table is not there, and Leat shall not create it.</summary>
    public static PauseException TableMissing(string owner, TableName table, string create) => new(
        new(4605), $"{owner}: the target table {table} does not exist.", $"Set `schema: create`, or create it: {create};");

    /// <summary>A delivered column is not in the target's table.</summary>
    public static PauseException ColumnMissing(string owner, TableName table, string column, string add) => new(
        new(4606), $"{owner}: the target table {table} has no column '{column}'.", $"Set `schema: evolve`, or add it: {add};");

    /// <summary>No unique index on the key.</summary>
    public static PauseException KeyDiffers(string owner, TableName table, string found, string wanted) => new(
        new(4607), $"{owner}: the primary key of the target table {table} is ({found}), the rows delivered are identified by ({wanted}).",
        $"Give it a unique index that is checked at once: CREATE UNIQUE INDEX ON {Sql.Name(table)} ({wanted});");

    /// <summary>A column's type cannot hold what arrives.</summary>
    public static PauseException ColumnCannotHold(string owner, TableName table, string column, string found, string wanted) => new(
        new(4608), $"{owner}: the column '{column}' of the target table {table} is {found}, which cannot hold every value that arrives; {wanted} can.",
        $"Change it: {TargetDdl.Widen(table, column, wanted)} USING {Sql.Name(column)}::text::{wanted}; or set `schema: create` to have what does not fit refused row by row.");

    /// <summary>A view, a foreign table, a sequence.</summary>
    public static PauseException NotATable(string owner, TableName table) => new(
        new(4609), $"{owner}: {table} is not a table of the target that rows can be written to by their key.", "Name another, or drop what stands there.");

    /// <summary>A column that no row tells wants a value.</summary>
    public static PauseException RequiredColumn(string owner, TableName table, string column) => new(
        new(4610), $"{owner}: the column '{column}' of the target table {table} must not be NULL, has no default, and is not delivered.",
        $"Set `schema: evolve`, or: {TargetDdl.AllowNull(table, column)};");

    /// <summary>NULL may arrive, and the column does not take it.</summary>
    public static PauseException ColumnNotNull(string owner, TableName table, string column) => new(
        new(4611), $"{owner}: the column '{column}' of the target table {table} must not be NULL, but NULL may arrive.",
        $"Set `schema: evolve`, or: {TargetDdl.AllowNull(table, column)};");

    /// <summary>The server computes the column.</summary>
    public static PauseException ColumnGenerated(string owner, TableName table, string column) => new(
        new(4612), $"{owner}: the column '{column}' of the target table {table} is generated by the server and cannot be written.",
        $"Leave it out of the pipeline's columns, or: ALTER TABLE {Sql.Name(table)} ALTER COLUMN {Sql.Name(column)} DROP EXPRESSION;");

    /// <summary>The server cannot do it now.</summary>
    public static RetriableException Busy(string owner, PostgreSqlSinkOptions options, PostgresException cause) => new(
        new(4613), $"{owner}: {options.Address} cannot do it now: {cause.MessageText.TrimEnd('.')} ({cause.SqlState}).",
        "Leat tries again by itself; look at the server when this goes on.", cause)
    {
        IsBusy = cause.SqlState is PostgresErrorCodes.TooManyConnections or PostgresErrorCodes.OutOfMemory or PostgresErrorCodes.ConfigurationLimitExceeded,
    };

    /// <summary>The server refuses for a reason that only a person can lift.</summary>
    public static PauseException Refused(string owner, PostgreSqlSinkOptions options, PostgresException cause) => new(
        new(4614), $"{owner} is refused by {options.Address}: {cause.MessageText.TrimEnd('.')} ({cause.SqlState}).",
        $"Rights that are needed: GRANT USAGE, CREATE ON SCHEMA {Sql.Name(options.Namespace)} TO {Sql.Name(options.User)}; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA " +
        $"{Sql.Name(options.Namespace)} TO {Sql.Name(options.User)}; for other reasons mend the table or setting that the message names.", cause);

    /// <summary>The lane was used after a request without an answer.</summary>
    public static RetriableException GivenUp(string owner, PostgreSqlSinkOptions options) => new(
        new(4615), $"{owner}: the connection to {options.Address} was given up after a request without an answer.", "Leat opens another by itself.");

    /// <summary>Another connection writes as this lane now, or the lane's row is gone.</summary>
    public static RetriableException TakenOver(string owner, string positions, string pipeline, int lane, Exception cause) => new(
        new(4616), $"{owner}: lane {lane} of pipeline '{pipeline}' in {positions} was taken over by another connection; nothing was written.",
        "Leat takes it back by itself. If this repeats, a second Leat runs with a copy of this log folder: stop one of the two.", cause);

    /// <summary>The server hangs.</summary>
    public static RetriableException NoAnswer(string owner, PostgreSqlSinkOptions options, TimeSpan limit) => new(
        new(4617), $"{owner}: {options.Address} did not answer within {limit.TotalMinutes:0} minutes.",
        "Leat connects again by itself; look at pg_stat_activity and the server's disks.");

    /// <summary>The target has no positions although it had acknowledged operations.</summary>
    public static PauseException PositionsGone(string owner, string positions, string pipeline, long acknowledged) => new(
        new(4618), $"{owner}: {positions} has no row of the pipeline '{pipeline}', but offset {acknowledged} was acknowledged before: the target was emptied or replaced.",
        $"Bring the target back, or deliver everything again: leat redeliver {pipeline}");

    /// <summary>The target lost what it had acknowledged.</summary>
    public static PauseException TargetOlder(string owner, string positions, string pipeline, int lane, long found, long acknowledged) => new(
        new(4619), $"{owner}: lane {lane} stands at offset {found} in {positions}, but {acknowledged} was acknowledged before: the target is an older copy.",
        $"Bring the newer state of the target back, or deliver everything again: leat redeliver {pipeline}");

    /// <summary>A newer state of this log wrote there.</summary>
    public static PauseException NewerEpoch(string owner, string positions, string pipeline, uint found, uint ours) => new(
        new(4620), $"{owner}: {positions} was written in epoch {found} of the pipeline '{pipeline}', which is now in epoch {ours}: the log folder is an older copy.",
        $"Bring the newer log folder back, or deliver everything again: leat redeliver {pipeline}");

    /// <summary>Another log writes there, in an epoch as high as ours.</summary>
    public static PauseException ForeignLog(string owner, string positions, string pipeline, Guid logId) => new(
        new(4624), $"{owner}: according to {positions} the pipeline '{pipeline}' of another log, {logId}, writes to the target.",
        $"Stop the other Leat, or give this pipeline another name or `namespace`. To take the target over: DELETE FROM {positions} WHERE pipeline = {Sql.Text(pipeline)};");

    /// <summary>Rights are missing.</summary>
    public static Finding GrantsMissing(string user, string scope, string rights) => Finding.Error(
        new(4621), "grants", $"{user} has no right to {rights} on {scope}.", $"GRANT {rights} ON {scope} TO {user};");

    /// <summary>Foreign keys at the target and parallel lanes.</summary>
    public static Finding HasForeignKey(TableName table, string key) => Finding.Warning(
        new(4622), "foreign keys", $"The target table {table} has the foreign key {key}; lanes bring rows of different tables in no fixed order, and a row that comes before its parent is refused.",
        $"Set `apply: transactional`, or: ALTER TABLE {Sql.Name(table)} DROP CONSTRAINT {Sql.Name(key)};");

    /// <summary>Foreign keys at the target while tables are read for the first time.</summary>
    public static Finding ForeignKeyWhileRead(TableName table, string key) => Finding.Warning(
        new(4628), "foreign keys", $"The target table {table} has the foreign key {key}; while tables are read as a whole they come one after the other in the order of their names, and a row that comes before its parent is refused.",
        $"Add the key when the first snapshot is in the target, or replay the dead letters then. Until then: ALTER TABLE {Sql.Name(table)} DROP CONSTRAINT {Sql.Name(key)};");

    /// <summary>A column that must have a value, in a table whose rows come in parts.</summary>
    public static PauseException PartWithoutValue(string owner, TableName table, string column) => new(
        new(4625), $"{owner}: the column {Sql.Name(column)} of the target table {table} is NOT NULL, but its rows come in parts (`mode: field_groups`), of which one may come before or go without the others.",
        $"Allow its absence: ALTER TABLE {Sql.Name(table)} ALTER COLUMN {Sql.Name(column)} DROP NOT NULL;");

    /// <summary>A unique index of a table whose rows come in parts.</summary>
    public static PauseException PartWithUnique(string owner, TableName table, string index) => new(
        new(4626), $"{owner}: the target table {table} has the unique index {Sql.Name(index)} beside its key, and its rows come in parts (`mode: field_groups`): what a value belongs to could not be told.",
        "Drop the index or its constraint; or take out `mode`, for documents that are made whole.");

    /// <summary>A table of the target got another unique index or foreign key while lanes write.</summary>
    public static RetriableException TableChanged(string owner, TableName table) => new(
        new(4627), $"{owner}: the target table {table} has other unique indexes or foreign keys than when it was looked at.", "Leat looks at its tables again, by itself, and goes on.")
    {
        TargetChanged = true,
    };

    /// <summary>An old server.</summary>
    public static PauseException TooOld(string owner, PostgreSqlSinkOptions options, Version found) => new(
        new(4623), $"{owner}: {options.Address} is PostgreSQL {found}; Leat writes to 13 and newer.", "Upgrade the server.");

    /// <summary>What went wrong between us and the server, in words for a person; <see langword="null"/> for an exception that is none of its.</summary>
    internal static LeatException? Known(string owner, PostgreSqlSinkOptions options, Exception problem) => problem switch
    {
        LeatException known => known,
        PostgresException refused => Statement(owner, options, refused),
        NpgsqlException or IOException or CryptographicException when IsOfTls(problem) => TlsRefused(owner, options, problem),
        NpgsqlException { InnerException: null } refused => SignInRefused(owner, options, refused), // the client's own: no password, no TLS at the server, a method it lacks
        NpgsqlException lost => Unreachable(owner, options, lost),
        TimeoutException or IOException or System.Net.Sockets.SocketException => Unreachable(owner, options, problem),
        _ => null,
    };

    // A certificate that is not trusted, or a file of certificates that cannot be read.
    private static bool IsOfTls(Exception? problem) =>
        problem is AuthenticationException or CryptographicException or FileNotFoundException or DirectoryNotFoundException || (problem is not null && IsOfTls(problem.InnerException));

    /// <summary>Whether an error is the fault of the row alone: it can never succeed as it is. Classes of the standard, then single conditions.</summary>
    internal static bool IsPoison(string state) =>
        state.StartsWith("22", StringComparison.Ordinal) // data: too long, out of range, no date, no JSON, U+0000
        || state.StartsWith("23", StringComparison.Ordinal) // NOT NULL, duplicates, CHECK, foreign keys, exclusion
        || state.StartsWith("44", StringComparison.Ordinal) // WITH CHECK OPTION
        || state is "21000" // two rows of a batch that the target takes for one
            or "54000" // an index entry that is too large
            or "P0001"; // RAISE of a trigger

    /// <summary>Whether rows of a batch stood in each other's way, so that another order may succeed.</summary>
    internal static bool IsOrder(string state) => state is PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.ForeignKeyViolation or PostgresErrorCodes.ExclusionViolation;

    /// <summary>Whether two transactions met, and this one gave way: worth a few tries at once.</summary>
    internal static bool IsDeadlock(string state) => state is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure;

    /// <summary>What an error means when it is not a row's fault.</summary>
    internal static LeatException Statement(string owner, PostgreSqlSinkOptions options, PostgresException cause) => cause.SqlState switch
    {
        PostgresErrorCodes.InvalidCatalogName => DatabaseMissing(owner, options, cause),
        ['2', '8', ..] => SignInRefused(owner, options, cause),
        ['0', '8', ..] or ['4', '0', ..] // connections; transactions that gave way
            or PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.ObjectInUse or PostgresErrorCodes.QueryCanceled
            or PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.CannotConnectNow or "57P05" // an idle session was ended
            or PostgresErrorCodes.TooManyConnections or PostgresErrorCodes.OutOfMemory or PostgresErrorCodes.ConfigurationLimitExceeded
            or PostgresErrorCodes.ReadOnlySqlTransaction => Busy(owner, options, cause),
        _ => Refused(owner, options, cause),
    };

    /// <summary>The server's words for a dead letter: state and message, without the values that its details would tell.</summary>
    internal static string Reason(PostgresException refused) => $"{refused.SqlState}: {refused.MessageText}";

    private static string Words(Exception cause) => cause is PostgresException refused ? $"{refused.MessageText.TrimEnd('.')} ({refused.SqlState})" : cause.Message.TrimEnd('.');
}
