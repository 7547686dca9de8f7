using System.Buffers;
using System.Text;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Binlog;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>A change as a test looks at it.</summary>
public sealed record Recorded(ChangeKind Kind, TableSchema Schema, byte[] Before, byte[] After)
{
    /// <summary>Both images as text: <c>Update t (1,a) (1,b)</c>.</summary>
    public override string ToString() =>
        string.Join(' ', new[] { Kind.ToString(), Schema.Table.Name, Text(Before), Text(After) }.Where(part => part.Length > 0));

    /// <summary>The values of an image as text; <c>…</c> for a column that it lacks.</summary>
    public string?[] Values(byte[] row)
    {
        var reader = new RowReader(Schema, row);
        var values = new string?[Schema.Columns.Length];
        while (reader.Read())
            values[reader.Ordinal] = reader.IsAbsent ? "…" : ValueText.Of(ref reader);
        return values;
    }

    /// <summary>The key's values of an image.</summary>
    public string Key(byte[] row)
    {
        var values = Values(row);
        return $"{Schema.Table}:{string.Join(',', Schema.Key.Select(ordinal => values[ordinal]))}";
    }

    private string Text(byte[] row) => row.Length == 0 ? "" : $"({string.Join(',', Values(row).Select(value => value ?? "NULL"))})";
}

/// <summary>A change writer that keeps what was committed, and lets a test wait for it.</summary>
public sealed class Recorder : IChangeWriter
{
    private readonly List<TableSchema> _schemas = [];
    private readonly List<Recorded> _open = [];
    private readonly List<(Func<Recorder, bool> Condition, TaskCompletionSource Done)> _waiting = [];
    private readonly Lock _lock = new();
    private byte[] _room = [];
    private bool _isOpen;
    private string _transactionId = "";

    /// <summary>Committed transactions: id and changes.</summary>
    public List<(string Id, List<Recorded> Changes)> Transactions { get; } = [];

    /// <summary>All committed changes in order.</summary>
    public IEnumerable<Recorded> Changes => Transactions.SelectMany(transaction => transaction.Changes);

    /// <summary>The last position told.</summary>
    public SourcePosition? Position { get; private set; }

    /// <summary>What the last commit or advance said of waiting input.</summary>
    public bool MoreInput { get; private set; }

    /// <summary>Transactions that were dropped after rows had been written.</summary>
    public int Rollbacks { get; private set; }

    /// <summary>Times that the source asked for room inside a transaction.</summary>
    public int RoomAskedInside { get; private set; }

    /// <summary>Called after each commit, e.g. to break the run there.</summary>
    public Action<Recorder>? OnCommit { get; set; }

    /// <summary>The last progress told.</summary>
    public SnapshotProgress? LastProgress { get; private set; }

    public uint Define(TableSchema schema)
    {
        var known = _schemas.LastIndexOf(schema);
        return known >= 0 ? (uint)known + 1 : Add(schema);
    }

    public uint Renew(TableSchema schema)
    {
        var newest = _schemas.FindLastIndex(known => known.Table == schema.Table && !known.IsPartial);
        return newest >= 0 && _schemas[newest].Equals(schema) ? (uint)newest + 1 : Add(schema);
    }

    public IReadOnlyList<KeyValuePair<uint, TableSchema>> Shapes => [.. _schemas.Select((schema, i) => KeyValuePair.Create((uint)i + 1, schema))];

    public void Begin(ReadOnlySpan<byte> transactionId, long committedAtMicros)
    {
        if (_isOpen)
            throw new InvalidOperationException("a transaction is open");
        _isOpen = true;
        _transactionId = Encoding.ASCII.GetString(transactionId);
        _open.Clear();
    }

    public ValueTask WhenRoomAsync(CancellationToken cancellationToken)
    {
        RoomAskedInside += _isOpen ? 1 : 0;
        return default;
    }

    public Span<byte> BeginRow(int maxBytes)
    {
        if (!_isOpen)
            throw new InvalidOperationException("no transaction is open");
        if (_room.Length < maxBytes)
            _room = new byte[maxBytes];
        return _room.AsSpan(0, maxBytes);
    }

    public void EndRow(ChangeKind kind, uint schemaId, int beforeBytes, int afterBytes) =>
        _open.Add(new(kind, _schemas[(int)schemaId - 1], _room[..beforeBytes], _room[beforeBytes..(beforeBytes + afterBytes)]));

    public ValueTask CommitAsync(IPosition position, bool moreInput, CancellationToken cancellationToken)
    {
        if (!_isOpen)
            throw new InvalidOperationException("no transaction is open");
        _isOpen = false;
        lock (_lock)
            Transactions.Add((_transactionId, [.. _open]));
        return AdvanceAsync(position, moreInput, cancellationToken);
    }

    public void Rollback()
    {
        _isOpen = false;
        Rollbacks++;
    }

    public ValueTask AdvanceAsync(IPosition position, bool moreInput, CancellationToken cancellationToken)
    {
        var text = new ArrayBufferWriter<byte>();
        position.WriteTo(text);
        MoreInput = moreInput;
        Position = new(Encoding.UTF8.GetString(text.WrittenSpan));
        OnCommit?.Invoke(this);
        Look();
        return ValueTask.CompletedTask;
    }

    public void Progress(SnapshotProgress progress)
    {
        LastProgress = progress;
        Look();
    }

    /// <summary>Completes when the condition holds: it is asked now, and at each commit, advance and progress until it does.</summary>
    public Task WhenAsync(Func<Recorder, bool> condition)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
            _waiting.Add((condition, done));
        Look();
        return done.Task.WaitAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Completes when the stream has passed a position.</summary>
    public Task WhenPassedAsync(SourcePosition position) => WhenAsync(recorder => HasPassed(recorder.Position, position));

    /// <summary>The rows of each key as text after all changes were applied in order.</summary>
    public SortedDictionary<string, string> Fold()
    {
        var rows = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var change in Changes)
        {
            if (change.Kind == ChangeKind.Truncate)
            {
                foreach (var key in rows.Keys.Where(key => key.StartsWith($"{change.Schema.Table}:", StringComparison.Ordinal)).ToList())
                    rows.Remove(key);
            }

            if (change.Before.Length > 0)
                rows.Remove(change.Key(change.Before));
            if (change.After.Length > 0)
                rows[change.Key(change.After)] = string.Join(',', change.Values(change.After).Select(value => value ?? "NULL"));
        }

        return rows;
    }

    private void Look()
    {
        lock (_lock)
        {
            _waiting.RemoveAll(waiter => waiter.Condition(this) && waiter.Done.TrySetResult());
        }
    }

    private uint Add(TableSchema schema)
    {
        _schemas.Add(schema);
        return (uint)_schemas.Count;
    }

    private static bool HasPassed(SourcePosition? at, SourcePosition wanted) =>
        at is { } position && MySqlPosition.TryParse(position.Text, out var there) && MySqlPosition.TryParse(wanted.Text, out var end)
        && there.HasReached(end) && there.Snapshot is null;
}
