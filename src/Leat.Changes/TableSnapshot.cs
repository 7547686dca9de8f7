using System.Collections.Immutable;

namespace Leat.Changes;

/// <summary>What a person asks to be read again while the stream goes on.</summary>
/// <param name="Tables">Captured tables, by name; at least one.</param>
/// <param name="Where">A condition in the source's own language on the rows to read; <see langword="null"/>: all rows.</param>
public sealed record SnapshotRequest(ImmutableArray<TableName> Tables, string? Where);

/// <summary>A table that a snapshot reads, or will read.</summary>
public sealed record TableSnapshot
{
    /// <summary>The table.</summary>
    public required TableName Table { get; init; }

    /// <summary>The condition on its rows; <see langword="null"/>: all.</summary>
    public string? Where { get; init; }

    /// <summary>Whether the table had been captured before, so that targets hold rows of it: then what the source does not have is removed from them.</summary>
    public bool IsAgain { get; init; }

    /// <summary>Whether its rows are being read now; false while it waits for its turn.</summary>
    public bool IsReading { get; init; }

    /// <summary>Rows read so far.</summary>
    public long RowsDone { get; init; }

    /// <summary>Rows in all by the server's own estimate, never below <see cref="RowsDone"/>; 0 when not known.</summary>
    public long RowsEstimated { get; init; }
}

/// <summary>A captured table whose shape the source is not certain of: it stops there before it would read a row by a guess.</summary>
/// <param name="Table">Its name.</param>
/// <param name="Reason">Why, in words that follow a colon.</param>
public sealed record UnverifiedTable(TableName Table, string Reason);
