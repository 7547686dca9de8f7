using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using Leat.Changes;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Documents;
using Leat.Transform.Plan.Rules;

namespace Leat.Bench;

/// <summary>Documents of orders with five items each, out of memory and into nothing: what a change costs, what an order takes, how long a restart lasts. And rows filtered and mapped.</summary>
internal static class DocumentBench
{
    private const int ItemsPerOrder = 5;
    private const int Batch = 500;

    private static readonly FileLocation Here = new("bench.yaml", 1, 1);

    private static readonly TableSchema Orders = new(
        new("bench", "orders"),
        [
            new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false }, new() { Name = "customer_id", Kind = ColumnKind.Int32 },
            new() { Name = "status", Kind = ColumnKind.Int8 }, new() { Name = "created", Kind = ColumnKind.DateTime },
            new() { Name = "total", Kind = ColumnKind.Decimal, Precision = 12, Scale = 2 }, new() { Name = "note", Kind = ColumnKind.String },
        ],
        [0]);

    private static readonly TableSchema Items = new(
        new("bench", "items"),
        [
            new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false }, new() { Name = "order_id", Kind = ColumnKind.Int32 },
            new() { Name = "qty", Kind = ColumnKind.Int32 }, new() { Name = "price", Kind = ColumnKind.Decimal, Precision = 12, Scale = 2 },
            new() { Name = "sku", Kind = ColumnKind.String },
        ],
        [0]);

    /// <summary>Documents. Arguments: thousands of orders, default 1,000.</summary>
    public static void Run(string[] args)
    {
        var orders = (args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 1_000) * 1_000;
        var saved = new Saved();
        using (var plan = Compile())
        {
            var changes = new Changes();
            Measure("rows loaded", orders * (1 + ItemsPerOrder), () => Load(plan, changes, orders));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{"state",-28} {plan.StateBytes / (double)orders,10:F0} B/order with its items"));
            for (var round = 0; round < 3; round++)
                Measure("changes, one a transaction", 300_000, () => Change(plan, changes, orders, 300_000, round));
            Measure("rows saved", orders * (1 + ItemsPerOrder), () => Save(plan, saved));
        }

        GC.Collect();
        using var again = Compile();
        Measure("rows loaded again", orders * (1 + ItemsPerOrder), () => saved.Load(again));
    }

    /// <summary>Rows through a condition, a computed column and a new name. Arguments: thousands of rows, default 5,000.</summary>
    public static void RunShape(string[] args)
    {
        var rows = (args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 5_000) * 1_000;
        foreach (var (name, where, set, rename) in new (string, string?, ImmutableArray<SetRule>, string?)[]
        {
            ("as they are", null, [], null),
            ("filter", "status IN (1, 2) AND customer_id > 10", [], null),
            ("filter + rename", "status IN (1, 2) AND customer_id > 10", [], "remark"),
            ("filter + computed column", "status IN (1, 2) AND customer_id > 10", [new("next_customer", new("customer_id + 1", Here, IsInline: true))], "remark"),
        })
        {
            var selection = new TableSelection("orders", Orders.Table, [], where) { Set = set };
            if (rename is not null)
                selection = selection with { Rename = ImmutableDictionary<string, string>.Empty.Add("note", rename) };
            var plan = TablePlan.Compile(selection, Orders);
            var changes = new Changes();
            for (var round = 0; round < 3; round++)
                Measure(name, rows, () => Map(plan, changes, rows));
        }
    }

    private static DocumentPlan Compile()
    {
        var rule = new DocumentRule
        {
            Root = "orders", Location = Here, StateBytes = 16L << 30,
            Nest =
            [
                new()
                {
                    As = "items", From = "items", On = new([("order_id", "id")], Here), Location = Here,
                    Fields = [new("id", "id"), new("sku", "sku"), new("qty", "qty"), new("price", "price")],
                },
            ],
            Set = [new("item_count", new("count(items)", Here, IsInline: true)), new("pieces", new("sum(items.qty)", Here, IsInline: true))],
        };
        var plan = DocumentPlan.Compile(
            rule, [new("orders", Orders.Table, [], null), new("items", Items.Table, [], null)], table => table == Orders.Table ? Orders : Items);
        plan.Learn(1, Orders);
        plan.Learn(2, Items);
        return plan;
    }

    private static void Load(DocumentPlan plan, Changes changes, int orders)
    {
        plan.IsLoading = true;
        for (var order = 0; order < orders; order++)
        {
            plan.Apply(changes.Order(ChangeKind.Read, order, order).Span, order);
            for (var i = 0; i < ItemsPerOrder; i++)
                plan.Apply(changes.Item(ChangeKind.Read, order * ItemsPerOrder + i, order, i, i).Span, order);
        }

        plan.IsLoading = false;
    }

    // Of ten changes four are of an order, five of an item, and one moves an item to another order, which makes two documents.
    private static void Change(DocumentPlan plan, Changes changes, int orders, int count, int round)
    {
        var random = new Random(round);
        var operations = new Operation[64];
        using var arena = new RowArena();
        long emitted = 0;
        for (var offset = 0; offset < count; offset++)
        {
            var item = random.Next(orders * ItemsPerOrder);
            var record = (offset % 10) switch
            {
                < 4 => changes.Order(ChangeKind.Update, random.Next(orders), random.Next()),
                < 9 => changes.Item(ChangeKind.Update, item, changes.OrderOf(item), changes.QuantityOf(item), random.Next(1, 1_000)),
                _ => changes.Move(item, random.Next(orders)),
            };
            plan.Apply(record.Span, offset);
            plan.EndTransaction();
            while (plan.Emit(arena, operations) is var made and > 0)
                emitted += made;
            if (offset % Batch == 0)
                arena.Dispose(); // as a block that every sink has answered for
        }

        // A change may set what is there already.
        if (emitted < count / 10 * 9)
            throw new InvalidOperationException($"{count} changes made {emitted} documents");
    }

    private static void Save(DocumentPlan plan, Saved saved)
    {
        while (plan.Save(saved, 8_192) > 0)
        {
        }
    }

    private static void Map(TablePlan plan, Changes changes, int rows)
    {
        var operations = new Operation[TablePlan.MaxOperations];
        using var arena = new RowArena();
        var record = changes.Order(ChangeKind.Insert, 50, 2).ToArray();
        for (var offset = 0; offset < rows; offset++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(Changes.FirstIdAt), offset + 50);
            plan.Apply(record, offset, operations, arena);
            if (offset % Batch == 0)
                arena.Dispose();
        }
    }

    // The processor's time beside the clock's: others may use the machine.
    private static void Measure(string name, long count, Action run)
    {
        var (clock, used) = (Stopwatch.StartNew(), Environment.CpuUsage.TotalTime);
        run();
        var processor = Environment.CpuUsage.TotalTime - used;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{name,-28} {count / clock.Elapsed.TotalSeconds,10:N0}/s  {clock.Elapsed.TotalSeconds,6:F2} s  {processor.TotalNanoseconds / count,6:F0} ns of processor each"));
    }

    /// <summary>Records of changes, in one buffer: each is valid until the next is made.</summary>
    private sealed class Changes
    {
        /// <summary>Where the key of an inserted order stands in its record.</summary>
        public const int FirstIdAt = EncodedChange.HeaderBytes + 1 + 1;

        private readonly byte[] _record = new byte[1024];
        private readonly byte[] _row = new byte[512];
        private readonly byte[] _note = new byte[165];
        private readonly Dictionary<int, (int Order, int Quantity)> _changed = [];

        public Changes() => _note.AsSpan().Fill((byte)'n');

        public int OrderOf(int item) => _changed.TryGetValue(item, out var known) ? known.Order : item / ItemsPerOrder;

        public int QuantityOf(int item) => _changed.TryGetValue(item, out var known) ? known.Quantity : item % ItemsPerOrder;

        public ReadOnlyMemory<byte> Order(ChangeKind kind, int id, int value)
        {
            var before = kind == ChangeKind.Update ? WriteOrder(_row, id, value ^ 1) : 0;
            var at = Begin(kind, 1, before);
            return _record.AsMemory(0, at + WriteOrder(_record.AsSpan(at), id, value));
        }

        public ReadOnlyMemory<byte> Item(ChangeKind kind, int id, int order, int oldQuantity, int quantity)
        {
            if (kind == ChangeKind.Update)
                _changed[id] = (order, quantity);
            return Item(kind, id, order, oldQuantity, order, quantity);
        }

        public ReadOnlyMemory<byte> Move(int item, int order)
        {
            var (from, quantity) = (OrderOf(item), QuantityOf(item));
            _changed[item] = (order, quantity);
            return Item(ChangeKind.Update, item, from, quantity, order, quantity);
        }

        private ReadOnlyMemory<byte> Item(ChangeKind kind, int id, int oldOrder, int oldQuantity, int order, int quantity)
        {
            var before = kind == ChangeKind.Update ? WriteItem(_row, id, oldOrder, oldQuantity) : 0;
            var at = Begin(kind, 2, before);
            return _record.AsMemory(0, at + WriteItem(_record.AsSpan(at), id, order, quantity));
        }

        private int Begin(ChangeKind kind, uint schema, int before)
        {
            var marks = ChangeMarks.HasAfter | ChangeMarks.LastOfTransaction | (before > 0 ? ChangeMarks.HasBefore : 0);
            var at = EncodedChange.WriteHeader(_record, kind, marks, schema, 0, 0, before, "t"u8);
            _row.AsSpan(0, before).CopyTo(_record.AsSpan(at));
            return at + before;
        }

        private int WriteOrder(Span<byte> target, int id, int value)
        {
            var row = new RowWriter(target, Orders.Columns.Length);
            row.WriteUInt32((uint)id);
            row.WriteUInt32((uint)(id % 100_000) + 50);
            row.WriteByte((byte)(value % 3));
            row.WriteUInt64(Temporal.DateTime(2026, 1, 2, 3, 4, 5, value % 1_000_000));
            row.WriteBytes("1234.56"u8);
            row.WriteBytes(_note);
            return row.WrittenBytes;
        }

        private static int WriteItem(Span<byte> target, int id, int order, int quantity)
        {
            var row = new RowWriter(target, Items.Columns.Length);
            row.WriteUInt32((uint)id);
            row.WriteUInt32((uint)order);
            row.WriteUInt32((uint)quantity);
            row.WriteBytes("123.45"u8);
            row.WriteBytes("article 00123456"u8);
            return row.WrittenBytes;
        }
    }

    // In pages, each entry with its lengths before it.
    private sealed class Saved : IStateTarget
    {
        private const int PageBytes = 4 << 20;

        private readonly List<byte[]> _pages = [];
        private int _at = PageBytes;

        public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
        {
            var size = 2 * sizeof(int) + key.Length + value.Length;
            if (PageBytes - _at < size + 2 * sizeof(int))
            {
                _pages.Add(new byte[PageBytes]);
                _at = 0;
            }

            var target = _pages[^1].AsSpan(_at, size);
            BinaryPrimitives.WriteInt32LittleEndian(target, key.Length);
            BinaryPrimitives.WriteInt32LittleEndian(target[sizeof(int)..], value.Length);
            key.CopyTo(target[(2 * sizeof(int))..]);
            value.CopyTo(target[(2 * sizeof(int) + key.Length)..]);
            _at += size;
        }

        public void Delete(ReadOnlySpan<byte> key) => throw new InvalidOperationException("nothing is deleted here");

        public void Load(DocumentPlan plan)
        {
            foreach (var page in _pages)
            {
                var rest = page.AsSpan();
                while (rest.Length >= 2 * sizeof(int) && BinaryPrimitives.ReadInt32LittleEndian(rest) is var key and > 0)
                {
                    var value = BinaryPrimitives.ReadInt32LittleEndian(rest[sizeof(int)..]);
                    rest = rest[(2 * sizeof(int))..];
                    plan.Put(rest[..key], rest.Slice(key, value));
                    rest = rest[(key + value)..];
                }
            }
        }
    }
}
