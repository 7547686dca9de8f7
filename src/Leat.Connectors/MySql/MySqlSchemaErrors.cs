using Leat.Changes;

namespace Leat.Connectors.MySql;

/// <summary>A captured table whose rows a foreign key changes without the binlog telling.</summary>
/// <param name="Table">The captured table.</param>
/// <param name="Parent">The table that it refers to.</param>
/// <param name="Actions">What changes of the parent do, e.g. <c>ON DELETE CASCADE</c>.</param>
internal sealed record UnseenCascade(TableName Table, TableName Parent, string Actions);

// What statements and shapes can stop.
public static partial class MySqlErrors
{
    /// <summary>A foreign key changes rows unseen.</summary>
    internal static readonly ErrorCode Cascades = new(4079);

    /// <summary>The stream of shapes is older than the position.</summary>
    internal static PauseException ShapesLost(string source, uint wanted, uint found) => new(
        new(4077), $"Source '{source}': its position relies on table shapes up to number {wanted}, but the stream '{source}.schemas' ends at number {found}: its newest records are lost.",
        $"Restore the folder of '{source}.schemas' from the same backup as the log, or begin anew with an empty log folder, which takes a new snapshot.");

    /// <summary>Nobody can say for certain which columns the rows have.</summary>
    internal static PauseException ShapeUnverified(string source, TableName table, string reason) => new(
        new(4078), $"Source '{source}': the columns of {table} are not certain at this place of the binlog: {reason}.",
        $"Put {table} into 'exclude' and start again; once the source has gone on, take it out, and the table is read anew. "
        + "With SET GLOBAL binlog_row_metadata = FULL; on the server the binlog tells shapes itself from now on.");

    /// <summary>Foreign keys change rows of captured tables without a word in the binlog.</summary>
    internal static PauseException CascadesUnseen(string source, IReadOnlyList<UnseenCascade> cascades) => new(
        Cascades, $"Source '{source}': {string.Join("; ", cascades.Select(one => $"rows of {one.Table} are changed by {one.Actions} of its foreign key to {one.Parent}"))}, which the binlog does not tell.",
        $"Change such keys to RESTRICT and let the application change the rows, or accept that they are missed: accept_cascades: [{string.Join(", ", cascades.Select(one => one.Table).Distinct())}].");
}
