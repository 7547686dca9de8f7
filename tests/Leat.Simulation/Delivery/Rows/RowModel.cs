using System.Collections.Immutable;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Pipeline.Definitions;

namespace Leat.Simulation.Delivery.Rows;

/// <summary>An outside system whose rows are copied, or are parts of documents that several tables write.</summary>
internal sealed class RowModel(SimRandom random, DeliveryScenario scenario) : Model
{
    private const int Keys = 10;
    private const int Values = 60;

    private readonly Dictionary<string, SortedDictionary<int, ModelRow>> _rows = ModelTable.All.ToDictionary(table => table.Alias, _ => new SortedDictionary<int, ModelRow>());
    private long _number;

    /// <summary>All transactions, in order.</summary>
    public List<ModelChange[]> All { get; } = [];

    /// <summary>Numbers of the changes that every target refuses.</summary>
    public HashSet<long> Poison { get; } = [];

    public override int Transactions => All.Count;

    public override ImmutableArray<TableSchema> Tables { get; } = [.. ModelTable.All.Select(table => table.Schema)];

    public override PipelineDefinition Define(PipelineDefinition pipeline) => pipeline with
    {
        Tables = [.. ModelTable.All.Select(table => new TableRule
        {
            Alias = table.Alias, Table = table.Schema.Table, Where = table.Where, Group = scenario.Kind == DeliveryKind.Parts ? table.Group : null, Location = default,
        })],
    };

    public override void Commit()
    {
        if (scenario.ReadsAgain > 0 && random.Below(1000) < scenario.ReadsAgain)
        {
            All.Add(ReadAgain());
        }
        else
        {
            var changes = new ModelChange[random.Between(1, 5)];
            for (var i = 0; i < changes.Length; i++)
                changes[i] = Change();
            All.Add(changes);
        }

        More.Wake();
    }

    public override IEnumerable<ToldChange> Told(int transaction) =>
        All[transaction].Select(change => new ToldChange(change.Table.Schema, change.Kind, change.Before?.Encode() ?? [], change.After?.Encode() ?? []));

    public override IEnumerable<byte[]> RowsOf(TableSchema table) => _rows[table.Table.Name].Values.Select(row => row.Encode());

    public override bool Has(TableSchema table, int id) => _rows[table.Table.Name].ContainsKey(id);

    /// <summary>What has to become of a change.</summary>
    public List<ModelWrite> Writes(ModelChange change) => change.Writes(scenario.Kind == DeliveryKind.Parts ? ModelTable.All[0].Alias : change.Table.Alias);

    public override bool IsPoison(in Operation operation) => operation.Kind != OperationKind.Delete && ModelRow.Decode(operation.Shape, operation.Row.Span).IsPoison;

    public override byte[]? Apply(byte[]? held, in Operation operation)
    {
        var isDelete = operation.Kind == OperationKind.Delete;
        if (operation.Shape.Part is { } part)
            return ModelParts.Apply(held, part, isDelete ? null : ModelRow.Decode(operation.Shape, operation.Row.Span).Encode());
        return isDelete ? null : operation.Row.ToArray();
    }

    public override TargetRow Expect(Shape shape, ReadOnlySpan<byte> row)
    {
        var reader = new RowReader(shape.Schema, row);
        var fields = ImmutableArray.CreateBuilder<KeyValuePair<string, string?>>();
        foreach (var column in shape.Columns)
        {
            reader.Seek(column.Ordinal);
            fields.Add(new(column.Name, ValueText.Of(ref reader)));
        }

        return new(KeyOf(shape, row), fields.ToImmutable());
    }

    public override TargetRow Read(Shape shape, string key, byte[] held) => shape.Part is { } part ? ModelParts.Read(shape, part, key, held) : Expect(shape, held);

    /// <summary>What a target holds that was given every write in order.</summary>
    /// <param name="refuses">Whether it refuses a row.</param>
    /// <param name="refusesDelete">Whether the delete of a moved key was refused together with the poison that it was moved by, whose number is given.</param>
    public SortedDictionary<string, byte[]> Expected(Func<ModelRow, bool> refuses, Func<long, bool> refusesDelete)
    {
        var rows = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        var read = new List<string>();
        foreach (var change in All.SelectMany(changes => changes))
        {
            var part = scenario.Kind == DeliveryKind.Parts ? change.Table.Part : null;
            if (change.Kind == ChangeKind.Truncate)
            {
                foreach (var key in KeysOf(change.Table))
                    Put(key, null);
            }

            if (change.Kind == ChangeKind.Sweep)
            {
                var there = read.ToHashSet();
                read.Clear();
                foreach (var key in KeysOf(change.Table).Where(key => !there.Contains(key) && (part is null || ModelParts.Holds(rows[key], part))))
                    Put(key, null);
            }

            foreach (var write in Writes(change))
            {
                if (change.Kind == ChangeKind.ReadAgain)
                    read.Add(write.Key);
                if (write.Row is null ? !(change.After is { IsPoison: true } poison && refusesDelete(poison.N)) : !refuses(write.Row))
                    Put(write.Key, write.Row?.Encode());
            }

            List<string> KeysOf(ModelTable table) =>
                [.. rows.Keys.Where(key => part is not null || key.StartsWith(table.Alias + ":", StringComparison.Ordinal))];

            void Put(string key, byte[]? row)
            {
                var now = part is null ? row : ModelParts.Apply(rows.GetValueOrDefault(key), part, row);
                if (now is null)
                    rows.Remove(key);
                else
                    rows[key] = now;
            }
        }

        return rows;
    }

    // What happened to the table unseen is told by its rows, and by those that it does not have any more.
    private ModelChange[] ReadAgain()
    {
        var table = random.Pick(ModelTable.All);
        var rows = _rows[table.Alias];
        foreach (var id in rows.Keys.Where(_ => random.Chance(20)).ToList())
        {
            // Nobody can tell a row that came back meanwhile from one that was never gone: it stays where what came back is
            // refused or not delivered, and a root's with all parts of its document.
            if (random.Chance(50) && scenario.Poison == 0 && table.Where is null && !(scenario.Kind == DeliveryKind.Parts && table.Part.IsRoot))
                rows.Remove(id);
            else
                rows[id] = NewRow(table, rows, id);
        }

        return [.. rows.Values.Select(row => new ModelChange(table, null, row) { Kind = ChangeKind.ReadAgain }), new(table, null, null) { Kind = ChangeKind.Sweep }];
    }

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
        var after = rows[target] = NewRow(table, rows, target);
        return new(table, before, after);
    }

    private ModelRow NewRow(ModelTable table, SortedDictionary<int, ModelRow> rows, int id)
    {
        var row = new ModelRow(id, ++_number, Unique(table, rows), random.Below(100) < scenario.Poison && !(table.IsUnique && scenario.IsUnique));
        if (row.IsPoison && table.Delivers(row))
            Poison.Add(row.N);
        return row;
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
}
