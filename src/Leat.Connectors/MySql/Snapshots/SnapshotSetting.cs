using Leat.Changes;
using Leat.Connectors.MySql.Wire;
using Microsoft.Extensions.Logging;

namespace Leat.Connectors.MySql.Snapshots;

/// <summary>What a snapshot needs of the source that runs it.</summary>
internal sealed record SnapshotSetting
{
    /// <summary>The source's name.</summary>
    public required string Source { get; init; }

    /// <summary>Its settings.</summary>
    public required MySqlSourceOptions Options { get; init; }

    /// <summary>Where requests wait.</summary>
    public required SnapshotDesk Desk { get; init; }

    /// <summary>Opens a connection with our session settings.</summary>
    public required Func<CancellationToken, ValueTask<MySqlConnection>> Open { get; init; }

    /// <summary>Reads the shape that a table has now; <see langword="null"/> when it does not exist.</summary>
    /// <exception cref="PauseException">The table cannot be read.</exception>
    public required Func<TableName, CancellationToken, ValueTask<MySqlTable?>> ReadShapeAsync { get; init; }

    /// <summary>Whether chunks are placed by marks although the server could tell their places: for tests of the one on the other's server.</summary>
    public bool MarksOnly { get; init; }

    /// <summary>The only clock.</summary>
    public required TimeProvider Time { get; init; }

    /// <summary>Where it logs.</summary>
    public required ILogger Log { get; init; }
}
