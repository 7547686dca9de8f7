using Leat.Changes;
using Leat.Transform.Expressions;
using Leat.Transform.State;

namespace Leat.Transform.Plan.Documents;

/// <summary>What an aggregate takes of each row: a value, and what that is ordered by. For one thread.</summary>
/// <param name="value">Computed for each row; <see langword="null"/>: rows are counted as such.</param>
/// <param name="order">What texts are ordered by; <see langword="null"/>: by themselves.</param>
internal sealed class AggregateArgument(RowExpression? value, RowExpression? order)
{
    private readonly RowBuilder _value = new();
    private readonly RowBuilder _order = new();
    private readonly TableSchema? _valueSchema = SchemaOf(value);
    private readonly TableSchema? _orderSchema = SchemaOf(order);

    /// <summary>Whether there is an order.</summary>
    public bool HasOrder => order is not null;

    /// <summary>The value for a row; valid until the next.</summary>
    public ReadOnlySpan<byte> ValueOf(ReadOnlySpan<byte> row, out bool isNull)
    {
        isNull = false;
        return value is null ? default : Compute(value, _valueSchema!, row, _value, out isNull); // not null: there is an expression
    }

    /// <summary>What the value is ordered by; valid until the next.</summary>
    public ReadOnlySpan<byte> OrderOf(ReadOnlySpan<byte> row, out bool isNull)
    {
        isNull = true;
        return order is null ? default : Compute(order, _orderSchema!, row, _order, out isNull); // not null: there is an expression
    }

    private static TableSchema? SchemaOf(RowExpression? expression) => expression is null ? null : new(expression.Schema.Table, [expression.Result], []);

    private static ReadOnlySpan<byte> Compute(RowExpression expression, TableSchema schema, ReadOnlySpan<byte> row, RowBuilder target, out bool isNull)
    {
        target.Begin(1);
        isNull = !expression.Append(row, target);
        var reader = new RowReader(schema, target.Row);
        reader.Read();
        return reader.Bytes;
    }
}

/// <summary>An aggregate over a collection, computed while that is read. For one thread.</summary>
internal sealed class AggregateColumn(AggregateArgument argument, Aggregator aggregator) : IRowVisitor
{
    /// <summary>What it gives.</summary>
    public Column Result => aggregator.Spec.Result;

    /// <summary>Forgets the rows before.</summary>
    public void Clear() => aggregator.Clear();

    /// <summary>Writes the value as the next column.</summary>
    public void Append(RowBuilder target) => aggregator.Append(target);

    /// <inheritdoc/>
    public void Visit(ReadOnlySpan<byte> row)
    {
        var value = argument.ValueOf(row, out var isNull);
        var order = argument.OrderOf(row, out var isOrderNull);
        aggregator.Add(value, isNull, order, isOrderNull);
    }
}
