using System.Buffers;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Leat.Changes;
using Leat.Log;

namespace Leat.Simulation.Delivery;

/// <summary>The outside system that changes are captured from. It lives on when the process ends; its position is the number of transactions told.</summary>
internal sealed class ModelSource(SimRandom random, DeliveryScenario scenario)
{
    private const int Keys = 10;
    private const int Values = 60;

    private readonly Waiters _more = new();
    private readonly Dictionary<string, SortedDictionary<int, ModelRow>> _rows = ModelTable.All.ToDictionary(table => table.Alias, _ => new SortedDictionary<int, ModelRow>());
    private long _number;

    /// <summary>All transactions, in order.</summary>
    public List<ModelChange[]> Transactions { get; } = [];

    /// <summary>Numbers of the changes that every target refuses.</summary>
    public HashSet<long> Poison { get; } = [];

    /// <summary>Commits a transaction.</summary>
    public void Commit()
    {
        var changes = new ModelChange[random.Between(1, 5)];
        for (var i = 0; i < changes.Length; i++)
            changes[i] = Change();

        Transactions.Add(changes);
        _more.Wake();
    }

    /// <summary>What a target holds that was given every write in order, and refused what it refuses.</summary>
    /// <param name="refusesDelete">Whether the delete of a moved key was refused together with the poison that it was moved by, whose number is given.</param>
    public SortedDictionary<string, ModelRow> Expected(Func<long, bool> refusesDelete)
    {
        var rows = new SortedDictionary<string, ModelRow>(StringComparer.Ordinal);
        foreach (var change in Transactions.SelectMany(changes => changes))
        {
            if (change.Kind == ChangeKind.Truncate)
            {
                foreach (var key in rows.Keys.Where(key => key.StartsWith(change.Table.Alias + ":", StringComparison.Ordinal)).ToList())
                    rows.Remove(key);
            }

            foreach (var write in change.Writes())
            {
                if (write.Row is { IsPoison: false })
                    rows[write.Key] = write.Row;
                else if (write.Row is null && !(change.After is { IsPoison: true } poison && refusesDelete(poison.N)))
                    rows.Remove(write.Key);
            }
        }

        return rows;
    }

    /// <summary>What a target holds that refuses nothing.</summary>
    public SortedDictionary<string, ModelRow> Whole()
    {
        var rows = new SortedDictionary<string, ModelRow>(StringComparer.Ordinal);
        foreach (var table in ModelTable.All)
        {
            foreach (var row in _rows[table.Alias].Values.Where(table.Delivers))
                rows[table.KeyOf(row.Id)] = row;
        }

        return rows;
    }

    /// <summary>The source as one process sees it.</summary>
    public ISource Open() => new Connection(this);

    private ModelChange Change()
    {
        var table = random.Pick(ModelTable.All);
        var rows = _rows[table.Alias];
        if (random.Below(1000) < scenario.Truncates)
        {
            rows.Clear();
            return new(table, null, null);
        }

        var id = random.Below(Keys);
        rows.TryGetValue(id, out var before);
        if (before is not null && random.Chance(25))
        {
            rows.Remove(id);
            return new(table, before, null);
        }

        var target = id;
        if (before is not null && random.Chance(15))
        {
            var other = random.Below(Keys);
            target = rows.ContainsKey(other) ? id : other;
        }

        rows.Remove(id);
        var after = new ModelRow(target, ++_number, Unique(table, rows), random.Below(100) < scenario.Poison && !(table.IsUnique && scenario.IsUnique));
        if (after.IsPoison && table.Delivers(after))
            Poison.Add(after.N);
        rows[target] = after;
        return new(table, before, after);
    }

    // Few values where they are unique, so that rows take over what others had.
    private int? Unique(ModelTable table, SortedDictionary<int, ModelRow> rows)
    {
        if (random.Chance(10))
            return null;
        var value = random.Below(table.IsUnique ? Keys + 3 : Values);
        while (table.IsUnique && rows.Values.Any(row => row.U == value))
            value = (value + 1) % (Keys + 3);
        return value;
    }

    private sealed class Connection(ModelSource model) : ISource
    {
        public async ValueTask RunAsync(SourceRun run, IChangeWriter writer, CancellationToken cancellationToken)
        {
            var at = run.From is { } from ? int.Parse(from.Text, CultureInfo.InvariantCulture) : 0;
            while (true)
            {
                for (; at < model.Transactions.Count; at++)
                    await TellAsync(writer, at, cancellationToken);
                var waiting = model._more.Join();
                if (at == model.Transactions.Count)
                    await model._more.WaitAsync(waiting, cancellationToken);
            }
        }

        public ValueTask<SourcePosition> CurrentPositionAsync(CancellationToken cancellationToken) =>
            new(new SourcePosition(model.Transactions.Count.ToString(CultureInfo.InvariantCulture)));

        public ValueTask<IReadOnlyList<TableSchema>> TablesAsync(CancellationToken cancellationToken) => new([.. ModelTable.All.Select(table => table.Schema)]);

        public ValueTask<IReadOnlyList<Finding>> CheckAsync(CancellationToken cancellationToken) => new([]);

        public ValueTask<SourcePosition> ParsePositionAsync(string text, CancellationToken cancellationToken) => new(new SourcePosition(text));

        public async IAsyncEnumerable<SourceRow> ReadTableAsync(
            TableSchema table, SourcePosition? captured, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.CompletedTask;
            foreach (var row in model._rows[table.Table.Name].Values)
                yield return new(table, row.Encode());
        }

        public ValueTask<bool[]> ExistingAsync(
            TableSchema table, IReadOnlyList<ReadOnlyMemory<byte>> rows, SourcePosition? captured, CancellationToken cancellationToken) =>
            new(rows.Select(row => model._rows[table.Table.Name].ContainsKey(ModelRow.Decode(table, row.Span).Id)).ToArray());

        public ValueTask DisposeAsync() => default;

        private async ValueTask TellAsync(IChangeWriter writer, int number, CancellationToken cancellationToken)
        {
            writer.Begin(Encoding.ASCII.GetBytes($"t{number}"), 1_000_000L * number);
            foreach (var change in model.Transactions[number])
            {
                var schema = writer.Define(change.Table.Schema);
                var before = change.Before?.Encode() ?? [];
                var after = change.After?.Encode() ?? [];
                var room = writer.BeginRow(before.Length + after.Length);
                before.CopyTo(room);
                after.CopyTo(room[before.Length..]);
                writer.EndRow(change.Kind, schema, before.Length, after.Length);
            }

            await writer.CommitAsync(new Position(number + 1), moreInput: number + 1 < model.Transactions.Count, cancellationToken);
        }
    }

    private sealed class Position(int transactions) : IPosition
    {
        public void WriteTo(IBufferWriter<byte> target) => target.Write(Encoding.ASCII.GetBytes(transactions.ToString(CultureInfo.InvariantCulture)));
    }
}
