using System.Collections.Immutable;
using System.Text;
using Leat.Changes;
using Leat.Transform.Expressions.Evaluation;
using Leat.Transform.Expressions.Functions;
using Leat.Transform.Expressions.Language;

namespace Leat.Transform.Expressions.Typing;

/// <summary>Ties an expression to columns: finds them, checks that types fit, and builds what is computed for each row.</summary>
/// <param name="schema">Shape of the rows.</param>
/// <param name="ownNames">Qualifiers that mean the row itself.</param>
/// <param name="aggregateColumns">Columns that hold the aggregates; <see langword="null"/> where none may stand.</param>
internal sealed partial class Compiler(TableSchema schema, IReadOnlyList<string> ownNames, Func<int, string>? aggregateColumns)
{
    // Ordinals of the columns that are looked at; a column's slot is its place here.
    private readonly List<int> _columns = [];

    /// <summary>Ordinals of the columns that what was built looks at, rising.</summary>
    public ImmutableArray<int> Columns => [.. _columns.Order()];

    /// <summary>Where what was built finds its columns.</summary>
    public RowLayout Layout => new(schema, [.. _columns]);

    /// <summary>Builds a condition.</summary>
    /// <exception cref="ExpressionException">A column is missing, or types do not fit.</exception>
    public Node Condition(Syntax syntax)
    {
        var value = Operand(syntax);
        return value.Type.Family switch
        {
            Family.Boolean => value.Node,
            Family.Null => new NullNode(StaticType.Boolean),
            Family.Integer or Family.Unsigned or Family.Exact or Family.Real => new NotZero(value.Node),
            _ => throw ExpressionErrors.NotACondition(syntax.At, value.Described),
        };
    }

    /// <summary>Builds a value.</summary>
    /// <exception cref="ExpressionException">A column is missing, or types do not fit.</exception>
    public Node Value(Syntax syntax) => syntax switch
    {
        NullSyntax => new NullNode(StaticType.Null),
        BoolSyntax literal => new BooleanConstant(literal.Value),
        NumberSyntax number => Literals.Number(number),
        TextSyntax text => new TextConstant(StaticType.Text, Encoding.UTF8.GetBytes(text.Value)),
        TemporalSyntax moment => Literals.Moment(moment),
        ColumnSyntax column => Column(column.At, column.Qualifier is { } qualifier && ownNames.Contains(qualifier, StringComparer.OrdinalIgnoreCase) ? column.Name : column.Whole),
        AggregateSyntax aggregate => aggregateColumns is null ? throw ExpressionErrors.AggregateNotAllowed(aggregate.At) : Column(aggregate.At, aggregateColumns(aggregate.Index)),
        LogicalSyntax { IsAnd: true } and => new AllOf([.. and.Terms.Select(Condition)]),
        LogicalSyntax or => new AnyOf([.. or.Terms.Select(Condition)]),
        NotSyntax not => new Negation(Condition(not.Inner)),
        NegateSyntax negate => Negate(negate),
        BinarySyntax binary => Binary(binary),
        IsSyntax @is => Is(@is),
        InSyntax @in => In(@in),
        BetweenSyntax between => Between(between),
        LikeSyntax like => Like(like),
        CaseSyntax @case => Case(@case),
        CastSyntax cast => Cast(cast),
        CallSyntax call => FunctionTable.Build(this, call),
        IntervalSyntax interval => throw ExpressionErrors.IntervalAlone(interval.At),
        _ => throw ExpressionErrors.Unexpected(syntax.At, syntax.GetType().Name, "a value"),
    };

    /// <summary>Builds a value, and keeps how it is written.</summary>
    public Operand Operand(Syntax syntax) => new(syntax, Value(syntax));

    /// <summary>Makes values ones of their common type.</summary>
    /// <exception cref="ExpressionException">They have none.</exception>
    public static (StaticType Type, ImmutableArray<Node> Nodes) Together(Place at, string what, ReadOnlySpan<Operand> operands)
    {
        if (!CommonType.TryFind(operands, out var type))
        {
            var first = operands[0];
            foreach (var operand in operands)
            {
                first = first.Type.Family == Family.Null ? operand : first;
                if (!CommonType.TryFind([first, operand], out _))
                    throw ExpressionErrors.NoCommonType(at, what, first.Described, operand.Described);
            }

            throw ExpressionErrors.NoCommonType(at, what, operands[0].Described, operands[^1].Described);
        }

        var nodes = ImmutableArray.CreateBuilder<Node>(operands.Length);
        foreach (var operand in operands)
            nodes.Add(CommonType.Convert(operand, type));
        return (type, nodes.ToImmutable());
    }

    private ColumnNode Column(Place at, string name)
    {
        var ordinal = schema.Find(name);
        if (ordinal < 0)
        {
            // MySQL's column names ignore letter case; an exact match wins.
            var alike = Enumerable.Range(0, schema.Columns.Length).Where(i => schema.Columns[i].Name.Equals(name, StringComparison.OrdinalIgnoreCase)).ToList();
            if (alike.Count > 1)
                throw ExpressionErrors.AmbiguousColumn(at, name, alike.Select(i => schema.Columns[i].Name));
            ordinal = alike.Count == 1 ? alike[0] : throw ExpressionErrors.UnknownColumn(at, name, schema);
        }

        var slot = _columns.IndexOf(ordinal);
        if (slot < 0)
        {
            slot = _columns.Count;
            _columns.Add(ordinal);
        }

        return new(ordinal, slot, schema.Columns[ordinal]);
    }

    private Node Case(CaseSyntax @case)
    {
        List<Operand> results = [.. @case.Branches.Select(branch => Operand(branch.Then))];
        results.Add(@case.Otherwise is null ? new(new NullSyntax(@case.At), new NullNode(StaticType.Null)) : Operand(@case.Otherwise));
        var (type, values) = Together(@case.At, "CASE", results.ToArray());
        if (@case.Operand is null)
            return new Conditional(type, [.. @case.Branches.Select(branch => Condition(branch.When))], values);

        Operand[] compared = [Operand(@case.Operand), .. @case.Branches.Select(branch => Operand(branch.When))];
        foreach (var label in compared.AsSpan(1))
            RequireComparable(label.At, compared[0], label);
        var (_, labels) = Together(@case.At, "CASE", compared);
        return new Switch(type, labels[0], labels[1..], values);
    }
}
