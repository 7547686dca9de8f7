using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Connectors.MySql.Snapshots;

/// <summary>Puts a chunk's rows into the stream.</summary>
internal static class ChunkWriting
{
    /// <summary>Writes the rows, but those whose key changed between the chunk's marks; the transaction stays open for the commit.</summary>
    /// <param name="chunk">Read to its end.</param>
    /// <param name="schemaId">Number of its shape.</param>
    /// <param name="sweep">Whether it is the last of a table that was read again.</param>
    /// <param name="writer">Who takes them.</param>
    /// <param name="time">The clock.</param>
    /// <returns>Whether a transaction was begun: not for a chunk without rows.</returns>
    public static bool Write(Chunk chunk, uint schemaId, bool sweep, IChangeWriter writer, TimeProvider time)
    {
        var rows = chunk.Reader.Rows;
        if (rows.Count == 0 && !sweep)
            return false;
        var schema = chunk.Shape.Schema;
        var kind = chunk.Work.IsAgain ? ChangeKind.ReadAgain : ChangeKind.Read;
        writer.Begin([], (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond);
        for (var at = 0; rows.TryRead(ref at, out var row);)
        {
            if (chunk.Changed.Count > 0 && chunk.Changed.ContainsKey(RowKeyText.Of(schema, row)))
                continue; // the stream has told something newer of it
            row.CopyTo(writer.BeginRow(row.Length));
            writer.EndRow(kind, schemaId, beforeBytes: 0, row.Length);
        }

        if (sweep)
        {
            writer.BeginRow(0);
            writer.EndRow(ChangeKind.Sweep, schemaId, 0, 0);
        }

        return true;
    }
}
