using System.Buffers;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Leat.Changes;
using Leat.Log;

namespace Leat.Simulation.Delivery.Documents;

/// <summary>One change of the shop: a row of a table before and after; without rows the table is truncated.</summary>
internal sealed record ShopChange(TableSchema Table, int[]? Before, int[]? After)
{
    public ChangeKind Kind => (Before, After) switch
    {
        (null, null) => ChangeKind.Truncate,
        (null, _) => ChangeKind.Insert,
        (_, null) => ChangeKind.Delete,
        _ => ChangeKind.Update,
    };
}

/// <summary>A shop with customers, orders and their items, of which documents are made: the source, and by other means than the product's what becomes of it.</summary>
/// <remarks>Rows are numbers: customers (id, name), orders (id, customer, type, note), items (id, order, quantity). -1 stands for NULL.</remarks>
internal sealed class ShopModel(SimRandom random, DocumentScenario scenario)
{
    public const int Null = -1;

    // An order with this note is refused by every target that is not healed.
    private const int Poison = 7;

    private readonly Waiters _more = new();
    private readonly SortedDictionary<int, int[]>[] _rows = [[], [], []];
    private readonly List<SortedDictionary<string, string>> _documents = [new(StringComparer.Ordinal)];

    public static TableSchema Customers { get; } = Table("customers", "id", "name");

    public static TableSchema Orders { get; } = Table("orders", "id", "customer_id", "type", "note");

    public static TableSchema Items { get; } = Table("items", "id", "order_id", "qty");

    public static TableSchema[] Tables { get; } = [Customers, Orders, Items];

    /// <summary>All transactions, in order.</summary>
    public List<ShopChange[]> Transactions { get; } = [];

    /// <summary>Transactions that were there before anything was captured.</summary>
    public int Told { get; private set; }

    /// <summary>The documents after so many transactions: by key, as <see cref="DocumentSink"/> writes them.</summary>
    public SortedDictionary<string, string> After(int transactions) => _documents[transactions];

    /// <summary>Whether a document is refused.</summary>
    public static bool IsPoison(string document) => document.Contains("note=7;", StringComparison.Ordinal);

    /// <summary>What there is at first.</summary>
    public void Begin()
    {
        for (var i = random.Between(1, 4); i > 0; i--)
            Commit();
        Told = Transactions.Count;
    }

    /// <summary>Commits a transaction.</summary>
    public void Commit()
    {
        var changes = new ShopChange[random.Chance(10) ? random.Between(20, 60) : random.Between(1, 5)];
        for (var i = 0; i < changes.Length; i++)
            changes[i] = Change();
        Transactions.Add(changes);
        _documents.Add(Documents());
        _more.Wake();
    }

    /// <summary>The shop as one process sees it.</summary>
    public ISource Open() => new Connection(this);

    public static byte[] Encode(TableSchema table, int[] row)
    {
        var bytes = new byte[64];
        var writer = new RowWriter(bytes, row.Length);
        foreach (var value in row)
        {
            if (value == Null)
                writer.WriteNull();
            else
                writer.WriteUInt32((uint)value);
        }

        return bytes[..writer.WrittenBytes];
    }

    private static TableSchema Table(string name, params string[] columns) => new(
        new("shop", name), [.. columns.Select((column, at) => new Column { Name = column, Kind = ColumnKind.Int32, Nullable = at > 0 })], [0]);

    private ShopChange Change()
    {
        var number = random.Pick(0, 1, 1, 1, 2, 2, 2);
        var (table, rows) = (Tables[number], _rows[number]);
        if (random.Below(1000) < scenario.Delivery.Truncates)
        {
            rows.Clear();
            return new(table, null, null);
        }

        var keys = number switch { 0 => scenario.Customers, 1 => scenario.Orders, _ => 2 * scenario.Orders };
        var id = random.Below(keys);
        rows.TryGetValue(id, out var before);
        if (before is not null && random.Chance(20))
        {
            rows.Remove(id);
            return new(table, before, null);
        }

        var target = id;
        if (before is not null && random.Chance(10))
        {
            var other = random.Below(keys);
            target = rows.ContainsKey(other) ? id : other;
        }

        rows.Remove(id);
        int[] after = number switch
        {
            0 => [target, random.Below(5)],
            1 => [target, random.Chance(10) ? Null : random.Below(scenario.Customers + 1), random.Between(1, 3), Note()],
            _ => [target, random.Chance(5) ? Null : random.Below(scenario.Orders), random.Below(4)],
        };
        rows[target] = after;
        return new(table, before, after);
    }

    private int Note() => random.Below(100) < scenario.Delivery.Poison ? Poison : random.Chance(20) ? Null : random.Below(Poison);

    private SortedDictionary<string, string> Documents()
    {
        var documents = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var order in _rows[1].Values.Where(order => order[2] is 1 or 2))
        {
            var customer = _rows[0].GetValueOrDefault(order[1]);
            var items = _rows[2].Values.Where(item => item[1] == order[0]).Select(item => $$"""{"id":{{item[0]}},"qty":{{item[2]}}}""").ToList();
            documents[$"orders:{order[0]}"] =
                $"id={order[0]};customer_id={Text(order[1])};type={order[2]};note={Text(order[3])};"
                + $"customer={(customer is null ? "" : $$"""{"name":{{customer[1]}}}""")};items=[{string.Join(',', items)}];item_count={items.Count};";
        }

        return documents;
    }

    private static string Text(int value) => value == Null ? "" : value.ToString(CultureInfo.InvariantCulture);

    private sealed class Connection(ShopModel model) : ISource
    {
        public async ValueTask RunAsync(SourceRun run, IChangeWriter writer, CancellationToken cancellationToken)
        {
            var at = run.From is { } from ? int.Parse(from.Text, CultureInfo.InvariantCulture) : 0;
            if (at >= model.Transactions.Count)
                await writer.AdvanceAsync(new Position(at), moreInput: false, cancellationToken);
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

        public ValueTask<IReadOnlyList<TableSchema>> TablesAsync(CancellationToken cancellationToken) => new(Tables);

        public ValueTask<IReadOnlyList<Finding>> CheckAsync(CancellationToken cancellationToken) => new([]);

        public ValueTask<SourcePosition> ParsePositionAsync(string text, CancellationToken cancellationToken) => new(new SourcePosition(text));

        public async IAsyncEnumerable<SourceRow> ReadTableAsync(
            TableSchema table, SourcePosition? captured, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.CompletedTask;
            foreach (var row in model._rows[Array.IndexOf(Tables, table)].Values)
                yield return new(table, Encode(table, row));
        }

        public ValueTask<bool[]> ExistingAsync(
            TableSchema table, IReadOnlyList<ReadOnlyMemory<byte>> rows, SourcePosition? captured, CancellationToken cancellationToken)
        {
            var held = model._rows[Array.FindIndex(Tables, one => one.Table == table.Table)];
            return new(rows.Select(row =>
            {
                var reader = new RowReader(table, row.Span);
                reader.Seek(0);
                return held.ContainsKey((int)reader.Int64);
            }).ToArray());
        }

        public ValueTask DisposeAsync() => default;

        private async ValueTask TellAsync(IChangeWriter writer, int number, CancellationToken cancellationToken)
        {
            writer.Begin(Encoding.ASCII.GetBytes($"t{number}"), 1_000_000L * number);
            foreach (var change in model.Transactions[number])
            {
                var schema = writer.Define(change.Table);
                var before = change.Before is null ? [] : Encode(change.Table, change.Before);
                var after = change.After is null ? [] : Encode(change.Table, change.After);
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
