using System.Globalization;
using Leat.Changes;
using Leat.Tests.Changes;
using Leat.Transform.Plan;
using static Leat.Tests.Transform.FieldGroupTables;

namespace Leat.Tests.Transform;

/// <summary>Random changes of orders and their totals, as operations in stream order: rows come, change, go and move, the two tables in any order.</summary>
internal sealed class FieldGroupWorkload(int seed)
{
    private const int Keys = 12;

    private readonly Random _random = new(seed);
    private readonly TablePlan _ordersPlan = TablePlan.Compile(OrdersEntry, Orders);
    private readonly TablePlan _totalsPlan = TablePlan.Compile(TotalsEntry, Totals);
    private readonly Dictionary<int, string> _notes = [];
    private readonly Dictionary<int, long> _cents = [];
    private int _value;

    public IReadOnlyList<Shape> Shapes => [_ordersPlan.Shape, _totalsPlan.Shape];

    /// <summary>All operations so far.</summary>
    public List<Operation> Operations { get; } = [];

    /// <summary>What the documents shall be: id, note, cents where there are totals.</summary>
    public IReadOnlyList<string> Expected => [.. _notes.OrderBy(order => order.Key).Select(order =>
        string.Create(CultureInfo.InvariantCulture, $"{order.Key} {order.Value} {(_cents.TryGetValue(order.Key, out var cents) ? cents : "-")}"))];

    public void Play(int transactions)
    {
        for (var i = 0; i < transactions; i++)
            Change(_random.Next(Keys));
    }

    // Every transaction leaves totals only where there is an order.
    private void Change(int id)
    {
        var exists = _notes.ContainsKey(id);
        switch (_random.Next(6))
        {
            case 0 when exists:
                InAnyOrder(() => Order(id, null), () => Total(id, null));
                break;
            case 1 when exists && !_notes.ContainsKey(id + Keys):
                InAnyOrder(() => MoveOrder(id, id + Keys), () => MoveTotal(id, id + Keys));
                break;
            case 2 when _notes.ContainsKey(id + Keys) && !exists:
                InAnyOrder(() => MoveOrder(id + Keys, id), () => MoveTotal(id + Keys, id));
                break;
            case 3 when exists:
                Total(id, _cents.ContainsKey(id) && _random.Next(2) == 0 ? null : ++_value);
                break;
            default:
                InAnyOrder(() => Order(id, Next()), () => Total(id, _random.Next(3) == 0 ? null : ++_value));
                break;
        }
    }

    private string Next() => string.Create(CultureInfo.InvariantCulture, $"n{++_value}");

    private void InAnyOrder(Action one, Action other)
    {
        if (_random.Next(2) == 0)
            (one, other) = (other, one);
        one();
        other();
    }

    private void Order(int id, string? note)
    {
        Add(_ordersPlan, _notes.TryGetValue(id, out var before) ? FieldGroupTables.Order(id, before) : null, note is null ? null : FieldGroupTables.Order(id, note));
        Set(_notes, id, note);
    }

    private void Total(int id, long? cents)
    {
        Add(_totalsPlan, _cents.TryGetValue(id, out var before) ? FieldGroupTables.Total((ulong)id, before) : null, cents is null ? null : FieldGroupTables.Total((ulong)id, cents.Value));
        if (cents is null)
            _cents.Remove(id);
        else
            _cents[id] = cents.Value;
    }

    private void MoveOrder(int from, int to)
    {
        Add(_ordersPlan, FieldGroupTables.Order(from, _notes[from]), FieldGroupTables.Order(to, _notes[from]));
        Set(_notes, to, _notes[from]);
        Set(_notes, from, null);
    }

    private void MoveTotal(int from, int to)
    {
        if (!_cents.Remove(from, out var cents))
            return;
        Add(_totalsPlan, FieldGroupTables.Total((ulong)from, cents), FieldGroupTables.Total((ulong)to, cents));
        _cents[to] = cents;
    }

    private static void Set(Dictionary<int, string> rows, int id, string? value)
    {
        if (value is null)
            rows.Remove(id);
        else
            rows[id] = value;
    }

    private void Add(TablePlan plan, byte[]? before, byte[]? after)
    {
        if (before is not null || after is not null)
            Operations.AddRange(FieldGroupTables.Operations(plan, before, after, Operations.Count));
    }
}
