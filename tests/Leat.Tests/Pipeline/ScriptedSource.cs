using System.Buffers;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Leat.Changes;

namespace Leat.Tests.Pipeline;

/// <summary>A source that plays transactions from a list; more can be added while it runs. Its position is the number of transactions played.</summary>
internal sealed class ScriptedSource(TableSchema? schema = null) : ISource
{
    private readonly Lock _gate = new();
    private readonly List<(TestChange[] Changes, bool Rollback)> _script = [];
    private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TableSchema Schema { get; set; } = schema ?? TestTable.Schema;

    /// <summary>Tables beside it, of the same columns.</summary>
    public IReadOnlyList<TableSchema> OtherTables { get; set; } = [];

    /// <summary>Called before each transaction with its number; may throw.</summary>
    public Action<int>? Fault { get; set; }

    /// <summary>Called in the middle of each transaction with its number; may throw.</summary>
    public Action<int>? FaultInside { get; set; }

    /// <summary>Called when it is asked which rows exist; may throw.</summary>
    public Action? OnExisting { get; set; }

    /// <summary>Called when it is asked to read tables again; may throw. By itself it then tells every row, and a sweep.</summary>
    public Action<SnapshotRequest>? OnRequest { get; set; }

    /// <summary>What it awaits before it tells its tables; may throw.</summary>
    public Func<Task>? BeforeTables { get; set; }

    /// <summary>What it awaits before it takes such a request.</summary>
    public Func<Task>? BeforeRequest { get; set; }

    /// <summary>What it finds when it is looked at.</summary>
    public IReadOnlyList<Finding> Findings { get; set; } = [];

    /// <summary>Keys of rows that are gone although the stream never told of it.</summary>
    public HashSet<int> Lost { get; } = [];

    /// <summary>Commit time given to every transaction.</summary>
    public long CommittedAtMicros { get; set; } = 1_700_000_000_123_456;

    public List<int> StartedFrom { get; } = [];

    public void Add(params TestChange[] changes) => Add(rollback: false, changes);

    public void AddRolledBack(params TestChange[] changes) => Add(rollback: true, changes);

    public async ValueTask RunAsync(SourceRun run, IChangeWriter writer, CancellationToken cancellationToken)
    {
        var at = run.From is { } from ? int.Parse(from.Text, CultureInfo.InvariantCulture) : 0;
        var until = run.Until is { } end ? int.Parse(end.Text, CultureInfo.InvariantCulture) : int.MaxValue;
        StartedFrom.Add(at);
        for (; at < until; at++)
        {
            (TestChange[] Changes, bool Rollback) transaction;
            bool moreInput;
            while (true)
            {
                Task more;
                lock (_gate)
                {
                    more = _more.Task;
                    if (at < _script.Count)
                    {
                        transaction = _script[at];
                        moreInput = at + 1 < _script.Count;
                        break;
                    }
                }

                await more.WaitAsync(cancellationToken);
            }

            Fault?.Invoke(at);
            await PlayAsync(at, transaction.Changes, transaction.Rollback, moreInput, writer, cancellationToken);
        }
    }

    public ValueTask<SourcePosition> CurrentPositionAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
            return new(new SourcePosition(_script.Count.ToString(CultureInfo.InvariantCulture)));
    }

    public async ValueTask<IReadOnlyList<TableSchema>> TablesAsync(CancellationToken cancellationToken)
    {
        await (BeforeTables?.Invoke() ?? Task.CompletedTask);
        return [Schema, .. OtherTables];
    }

    public ValueTask<IReadOnlyList<Finding>> CheckAsync(CancellationToken cancellationToken) => new(Findings);

    public ValueTask<SourcePosition> ParsePositionAsync(string text, CancellationToken cancellationToken) => new(new SourcePosition(text));

    public async IAsyncEnumerable<SourceRow> ReadTableAsync(
        TableSchema table, SourcePosition? captured, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        foreach (var row in State().OrderBy(pair => pair.Key))
            yield return new(Schema, row.Value);
    }

    /// <summary>The table after all transactions so far.</summary>
    public Dictionary<int, byte[]> State() => State(Schema.Table);

    /// <summary>One of several tables after all transactions so far.</summary>
    public Dictionary<int, byte[]> State(TableName table)
    {
        var state = new Dictionary<int, byte[]>();
        lock (_gate)
        {
            foreach (var change in _script.Where(transaction => !transaction.Rollback).SelectMany(transaction => transaction.Changes))
            {
                if ((change.Of ?? Schema).Table != table)
                    continue;
                if (change.Kind == ChangeKind.Truncate)
                    state.Clear();
                if (change.Before is not null)
                    state.Remove(TestTable.IdOf(change.Before));
                if (change.After is not null)
                    state[TestTable.IdOf(change.After)] = change.After;
            }
        }

        foreach (var id in Lost)
            state.Remove(id);
        return state;
    }

    public ValueTask<bool[]> ExistingAsync(
        TableSchema table, IReadOnlyList<ReadOnlyMemory<byte>> rows, SourcePosition? captured, CancellationToken cancellationToken)
    {
        OnExisting?.Invoke();
        var state = State(table.Table);
        return new(rows.Select(row => state.ContainsKey(TestTable.IdOf(row.Span))).ToArray());
    }

    public bool ReadsAgain => true;

    public async ValueTask RequestSnapshotAsync(SnapshotRequest request, CancellationToken cancellationToken)
    {
        await (BeforeRequest?.Invoke() ?? Task.CompletedTask);
        OnRequest?.Invoke(request);
        Add([.. State().OrderBy(row => row.Key).Select(row => new TestChange(ChangeKind.ReadAgain, null, row.Value)), new TestChange(ChangeKind.Sweep, null, null)]);
    }

    public ValueTask DisposeAsync() => default;

    private void Add(bool rollback, TestChange[] changes)
    {
        TaskCompletionSource more;
        lock (_gate)
        {
            _script.Add((changes, rollback));
            more = _more;
            _more = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        more.SetResult();
    }

    private async Task PlayAsync(
        int number, TestChange[] changes, bool rollback, bool moreInput, IChangeWriter writer, CancellationToken cancellationToken)
    {
        var ids = changes.Select(change => writer.Define(change.Of ?? Schema)).ToArray();
        writer.Begin(Encoding.ASCII.GetBytes($"tx-{number}"), CommittedAtMicros);
        for (var i = 0; i < changes.Length; i++)
        {
            Write(changes[i], ids[i], writer);
            if (i == 0)
                FaultInside?.Invoke(number);
            if (i % 100 == 99)
                await writer.WhenRoomAsync(cancellationToken);
        }

        var position = new Position(number + 1);
        if (rollback)
        {
            writer.Rollback();
            await writer.AdvanceAsync(position, moreInput, cancellationToken);
        }
        else
        {
            await writer.CommitAsync(position, moreInput, cancellationToken);
        }
    }

    private static void Write(TestChange change, uint id, IChangeWriter writer)
    {
        var before = change.Before ?? [];
        var after = change.After ?? [];
        var room = writer.BeginRow(before.Length + after.Length);
        before.CopyTo(room);
        after.CopyTo(room[before.Length..]);
        writer.EndRow(change.Kind, id, before.Length, after.Length);
    }

    private sealed class Position(int transactions) : IPosition
    {
        public void WriteTo(IBufferWriter<byte> target) => target.Write(Encoding.ASCII.GetBytes(transactions.ToString(CultureInfo.InvariantCulture)));
    }
}
