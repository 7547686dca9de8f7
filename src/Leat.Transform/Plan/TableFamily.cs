using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Transform.Plan;

/// <summary>One entry of a pipeline's tables with the tables that it takes, as far as they are known: their plans, and the one shape that the target is prepared for.</summary>
internal sealed class TableFamily
{
    private readonly TableMatch _match;
    private readonly List<Member> _members = [];
    private readonly Dictionary<uint, TableSchema> _known = [];
    private readonly Dictionary<uint, TablePlan> _plans = [];
    private TableSchema? _view;

    /// <summary>Of an entry, without tables yet.</summary>
    public TableFamily(TableSelection selection)
    {
        Selection = selection;
        _match = new(selection);
    }

    /// <summary>The entry.</summary>
    public TableSelection Selection { get; }

    /// <summary>What the target shall hold; <see langword="null"/> before the first table.</summary>
    public Shape? Shape { get; private set; }

    /// <summary>The plans by the numbers of the shapes.</summary>
    public IReadOnlyDictionary<uint, TablePlan> Plans => _plans;

    /// <summary>The plans of the newest shapes, one for each table.</summary>
    public IReadOnlyList<TablePlan> Newest => [.. _members.Where(member => member.Plan is not null).Select(member => member.Plan!)]; // not null: filtered

    /// <summary>The shape of each table that the target was prepared for, by its number.</summary>
    public IEnumerable<KeyValuePair<TableName, uint>> Held => _members.Where(member => member.HeldId > 0).Select(member => KeyValuePair.Create(member.Table, member.HeldId));

    /// <summary>Whether the entry takes a table.</summary>
    public bool Takes(TableName table) => _match.Takes(table);

    /// <summary>Says for which shape the target was prepared before.</summary>
    public void Hold(uint id, TableSchema schema)
    {
        var member = MemberOf(schema.As(partial: false));
        (member.Held, member.HeldId) = (schema.As(partial: false), id);
    }

    /// <summary>Says that the target is prepared for <see cref="Shape"/>.</summary>
    public void Prepared()
    {
        foreach (var member in _members)
        {
            var follows = Selection.OnSchemaChange is SchemaChange.Evolve or SchemaChange.TryEvolve;
            if (follows && member.LeftOut.IsEmpty && member.Newest is { } newest)
                (member.Held, member.HeldId) = (newest, member.Id);
        }
    }

    /// <summary>Whether a shape can be taken in without that a person has to decide.</summary>
    public bool Follows(TableSchema schema)
    {
        try
        {
            var whole = schema.As(partial: false);
            SchemaChanges.Follows(Selection, _members.Find(known => known.Table == schema.Table)?.Held ?? whole, whole, isNewest: true);
            return true;
        }
        catch (PauseException)
        {
            return false;
        }
    }

    /// <summary>The held shape of a table, and its number.</summary>
    public (uint Id, TableSchema Schema) HeldOf(TableName table)
    {
        var member = _members.First(known => known.Table == table);
        return (member.HeldId, member.Held);
    }

    /// <summary>Takes in a shape.</summary>
    /// <returns>Whether the target has to be prepared for what it shall hold now.</returns>
    /// <exception cref="PauseException">The rules do not fit the shape, or a person has to decide.</exception>
    public bool Learn(uint id, TableSchema schema)
    {
        if (schema.Key.IsEmpty)
            throw PlanErrors.NoKey(Selection with { Table = schema.Table });
        var whole = schema.As(partial: false);
        var member = _members.Find(known => known.Table == schema.Table) ?? new(schema.Table, whole);
        var isNewest = member.Newest is null || id >= member.Id;

        // What the source told of a table before its stream did has no number yet.
        if (member.HeldId == 0 && member.Held.Columns.SequenceEqual(whole.Columns) && member.Held.Key.SequenceEqual(whole.Key))
            (member.Held, member.HeldId) = (whole, id);
        var followed = SchemaChanges.Follows(Selection, member.Held, whole, isNewest);
        var isJoining = !_members.Contains(member);
        if (isJoining)
            Join(member);
        var before = (member.Newest, member.Id);
        if (isNewest)
            (member.Newest, member.Id) = (whole, id);
        try
        {
            _known[id] = schema;
            return Selection.Pattern is null ? LearnSingle(member, id, schema, followed, isNewest) : LearnOneOfMany(member, id, isNewest);
        }
        catch (LeatException)
        {
            (member.Newest, member.Id) = before;
            _known.Remove(id);
            if (isJoining)
                _members.Remove(member);
            throw;
        }
    }

    /// <summary>Columns of the newest shapes that are other than the target was prepared for, and not left out.</summary>
    public IReadOnlyList<(TableName Table, string Column)> Changes() => Selection.OnSchemaChange != SchemaChange.TryEvolve
        ? []
        : [.. _members.Where(member => member.Newest is not null && member.HeldId > 0).SelectMany(member => Changed(member.Held, member.Newest!)
            .Where(column => !member.LeftOut.Contains(column)).Select(column => (member.Table, column)))]; // not null: filtered

    /// <summary>Leaves changes out, or takes them in again: a new column is not delivered, a changed one stays as it was, a dropped one is NULL.</summary>
    public void LeaveOut(TableName table, IEnumerable<string> columns, bool leave)
    {
        var member = _members.First(known => known.Table == table);
        member.LeftOut = leave ? member.LeftOut.Union(columns) : member.LeftOut.Except(columns);
        if (Selection.Pattern is not null)
        {
            RebuildAll();
            return;
        }

        // A shape and its partial variant have two numbers.
        foreach (var (id, schema) in _known.Where(known => known.Value.As(partial: false).Equals(member.Newest)).ToList())
            LearnSingle(member, id, schema, schema.As(partial: false), isNewest: true);
    }

    private static IEnumerable<string> Changed(TableSchema held, TableSchema now) =>
    [
        .. now.Columns.Where(column => held.Find(column.Name) is var at && (at < 0 || SchemaChanges.IsChanged(held.Columns[at], column))).Select(column => column.Name),
        .. held.Columns.Where(column => now.Find(column.Name) < 0).Select(column => column.Name),
    ];

    private Member MemberOf(TableSchema whole)
    {
        if (_members.Find(known => known.Table == whole.Table) is { } found)
            return found;
        var member = new Member(whole.Table, whole);
        Join(member);
        return member;
    }

    // Two tables with one shard value would be one table, and nobody could tell their rows apart.
    private void Join(Member member)
    {
        if (Selection.Pattern?.ShardColumn is not null
            && _members.Find(known => _match.ShardOf(known.Table) == _match.ShardOf(member.Table)) is { } same)
        {
            throw PlanErrors.NotOneTable(
                Selection, $"the pattern captures '{_match.ShardOf(member.Table)}' for {same.Table} and for {member.Table}.",
                "Put what tells the tables apart between parentheses, or leave the parentheses out: then the whole name tells them apart.");
        }

        _members.Add(member);
    }

    private bool LearnSingle(Member member, uint id, TableSchema schema, TableSchema followed, bool isNewest)
    {
        var view = isNewest ? LayoutOf(member, followed) : followed;
        var plan = Plan(member.Table, schema, view.As(schema.IsPartial));
        var whole = schema.IsPartial && isNewest ? Plan(member.Table, schema.As(partial: false), view) : plan;
        _plans[id] = plan;
        if (!isNewest)
            return false;
        member.Plan = whole;
        return Show(whole.Shape);
    }

    private bool LearnOneOfMany(Member member, uint id, bool isNewest)
    {
        var view = Union();
        if (_view is not null && _view.Equals(view))
        {
            _plans[id] = Plan(member.Table, _known[id], _view.As(_known[id].IsPartial));
            if (isNewest)
                member.Plan = Plan(member.Table, member.Newest!, _view); // not null: it is learnt just now
            return false;
        }

        return RebuildAll();
    }

    private bool RebuildAll()
    {
        // All of them share one shape; nothing is kept before every table fits.
        var view = Union();
        var (whole, partial) = (Shape, (Shape?)null);
        var plans = new Dictionary<uint, TablePlan>();
        foreach (var (id, schema) in _known)
            plans[id] = PlanOf(schema.Table, schema);
        var newest = _members.Where(member => member.Newest is not null).ToDictionary(member => member, member => PlanOf(member.Table, member.Newest!)); // not null: filtered
        _view = view;
        foreach (var (id, plan) in plans)
            _plans[id] = plan;
        foreach (var (member, plan) in newest)
            member.Plan = plan;
        return Show(newest.Values.First().Shape);

        TablePlan PlanOf(TableName table, TableSchema schema)
        {
            var plan = Plan(table, schema, view.As(schema.IsPartial), schema.IsPartial ? partial : whole);
            (whole, partial) = schema.IsPartial ? (whole, plan.Shape) : (plan.Shape, partial);
            return plan;
        }
    }

    private TablePlan Plan(TableName table, TableSchema schema, TableSchema view) =>
        Plan(table, schema, view, view.IsPartial ? _plans.Values.FirstOrDefault(plan => plan.Shape.Schema.IsPartial)?.Shape : Shape);

    private TablePlan Plan(TableName table, TableSchema schema, TableSchema view, Shape? shape) =>
        TablePlan.Of(RowMap.Compile(Selection with { Table = table }, schema, view, _match.ShardValueOf(table)), shape);

    private bool Show(Shape shape)
    {
        var isNew = !ReferenceEquals(Shape, shape);
        Shape = shape;
        return isNew;
    }

    // The newest shape, but for the changes that the target could not follow.
    private static TableSchema LayoutOf(Member member, TableSchema followed)
    {
        if (member.LeftOut.IsEmpty)
            return followed;
        var columns = followed.Columns.Where(column => !member.LeftOut.Contains(column.Name) || member.Held.Find(column.Name) >= 0)
            .Select(column => member.LeftOut.Contains(column.Name) ? member.Held.Columns[member.Held.Find(column.Name)] : column)
            .Concat(member.Held.Columns.Where(column => member.LeftOut.Contains(column.Name) && followed.Find(column.Name) < 0)).ToImmutableArray();
        return new(followed.Table, columns, [.. followed.Key.Select(ordinal => IndexOf(columns, followed.Columns[ordinal].Name))]) { IsKeyless = followed.IsKeyless };
    }

    private static int IndexOf(ImmutableArray<Column> columns, string name)
    {
        for (var at = 0; at < columns.Length; at++)
        {
            if (columns[at].Name == name)
                return at;
        }

        return -1;
    }

    // Of all tables, with the column that tells them apart in front of the key.
    private TableSchema Union()
    {
        var all = default(TableSchema);
        foreach (var member in _members.Where(member => member.Newest is not null))
        {
            var followed = Selection.OnSchemaChange is SchemaChange.Evolve or SchemaChange.TryEvolve ? member.Newest! : member.Held; // not null: filtered
            var layout = LayoutOf(member, followed);
            if (Selection.Pattern?.ShardColumn is { } shard && layout.Find(shard) >= 0)
                throw PlanErrors.ShardColumnExists(Selection, member.Table, shard);
            all ??= new(new(member.Table.Database, Selection.Alias), layout.Columns, layout.Key) { IsKeyless = layout.IsKeyless };
            all = ShapeUnion.Widen(all, layout, out var problem);
            if (problem is not null)
                throw PlanErrors.NotOneTable(Selection, problem, "Leave the table out of the pattern, or give it a type or key that goes with the others'.");
        }

        if (Selection.Pattern?.ShardColumn is not { } name)
            return all!; // not null: at least the table that is learnt is there
        var column = new Column { Name = name, Kind = ColumnKind.String, Nullable = false, Length = ShardLength };
        return new(all!.Table, [column, .. all.Columns], [0, .. all.Key.Select(ordinal => ordinal + 1)]) { IsKeyless = all.IsKeyless };
    }

    // Room for database and table of any server, so that no later table makes the key longer; short enough for a key column.
    private const int ShardLength = 129;

    private sealed class Member(TableName table, TableSchema held)
    {
        public TableName Table { get; } = table;

        /// <summary>The newest shape, whole.</summary>
        public TableSchema? Newest { get; set; }

        public uint Id { get; set; }

        /// <summary>The shape that the target was prepared for.</summary>
        public TableSchema Held { get; set; } = held;

        /// <summary>Its number; 0 when it has none.</summary>
        public uint HeldId { get; set; }

        /// <summary>Columns whose change the target could not follow.</summary>
        public ImmutableHashSet<string> LeftOut { get; set; } = [];

        public TablePlan? Plan { get; set; }
    }
}
