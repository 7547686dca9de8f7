using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Connectors.MySql.Snapshots;

/// <summary>Where requests to read tables again wait for the pump, which alone knows the stream's place. From any thread.</summary>
internal sealed class SnapshotDesk
{
    private readonly Lock _gate = new();
    private readonly List<Entry> _entries = [];
    private volatile bool _hasAny;
    private IReadOnlyList<TableSnapshot> _now = [];

    /// <summary>What is waiting.</summary>
    /// <param name="Request">Tables to read again; <see langword="null"/> for a cancellation.</param>
    /// <param name="Cancelled">Tables not to read; empty with no request: all.</param>
    /// <param name="Done">Completed by the pump with the tables that it concerned.</param>
    internal sealed record Entry(SnapshotRequest? Request, ImmutableArray<TableName> Cancelled, TaskCompletionSource<IReadOnlyList<TableName>> Done);

    /// <summary>Whether something waits.</summary>
    public bool HasAny => _hasAny;

    /// <summary>The tables that are read or will be.</summary>
    public IReadOnlyList<TableSnapshot> Now
    {
        get => Volatile.Read(ref _now);
        set => Volatile.Write(ref _now, value);
    }

    /// <summary>Tables for which a request waits: the source may begin anew with these when its position is gone.</summary>
    public IReadOnlyList<TableName> Waiting
    {
        get
        {
            lock (_gate)
                return [.. _entries.SelectMany(entry => entry.Request?.Tables ?? [])];
        }
    }

    /// <summary>Hands a request in; completes when the pump has taken it.</summary>
    public Task RequestAsync(SnapshotRequest request) => Put(new(request, [], new(TaskCreationOptions.RunContinuationsAsynchronously)));

    /// <summary>Hands a cancellation in; completes with the tables that are not read any more.</summary>
    public Task<IReadOnlyList<TableName>> CancelAsync(ImmutableArray<TableName> tables) =>
        Put(new(null, tables, new(TaskCreationOptions.RunContinuationsAsynchronously)));

    /// <summary>Takes all that waits, in order.</summary>
    public IReadOnlyList<Entry> TakeAll()
    {
        lock (_gate)
        {
            var all = _entries.ToArray();
            _entries.Clear();
            _hasAny = false;
            return all;
        }
    }

    private Task<IReadOnlyList<TableName>> Put(Entry entry)
    {
        lock (_gate)
        {
            _entries.Add(entry);
            _hasAny = true;
        }

        return entry.Done.Task;
    }
}
