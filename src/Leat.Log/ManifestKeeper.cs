namespace Leat.Log;

/// <summary>Replaces a partition's manifest, one change at a time: the worker's and those of maintenance.</summary>
/// <remarks>First the disk, then the table: what readers see is durable.</remarks>
internal sealed class ManifestKeeper(PartitionFolder folder, SegmentTable table, Lock gate)
{
    private readonly Lock _writing = new();

    /// <summary>Writes the manifest that <paramref name="change"/> makes of the table, then lets readers see it. Null: nothing to change.</summary>
    /// <param name="change">Called under the partition's lock.</param>
    /// <param name="place">
    /// Puts the files in place that the manifest speaks of, in the same step in which readers see it: whoever opens a file knows
    /// afterwards whether it is the one that it was told of. Called under the partition's lock.
    /// </param>
    public void Change(Func<SegmentTable, Manifest?> change, Action<Manifest>? place = null)
    {
        lock (_writing)
        {
            Manifest? next;
            lock (gate)
                next = change(table);
            if (next is null)
                return;
            folder.WriteManifest(next);
            lock (gate)
            {
                place?.Invoke(next);
                table.Take(next);
            }
        }
    }

    /// <summary>Changes what the next manifest says and the present one need not: nothing is written now.</summary>
    public void Amend(Func<Manifest, Manifest> change)
    {
        lock (_writing)
        {
            lock (gate)
                table.Take(change(table.Manifest));
        }
    }
}
