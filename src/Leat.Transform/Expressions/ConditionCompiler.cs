using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Leat.Changes;

namespace Leat.Transform.Expressions;

/// <summary>Ties a condition to a table: finds its columns, checks that its types fit, and builds what is evaluated for each row.</summary>
internal sealed class ConditionCompiler(TableSchema schema)
{
    private static readonly ImmutableArray<string> Functions = ["coalesce", "lower", "upper", "length", "char_length"];

    private readonly SortedSet<int> _columns = [];

    /// <summary>Ordinals of the columns that what was built looks at.</summary>
    public ImmutableArray<int> Columns => [.. _columns];

    /// <summary>Builds a condition.</summary>
    /// <exception cref="ExpressionException">A column is missing, or types do not fit.</exception>
    public Condition Condition(Syntax syntax) => syntax switch
    {
        LogicalSyntax { IsAnd: true } and => new AllOf([.. and.Terms.Select(Condition)]),
        LogicalSyntax or => new AnyOf([.. or.Terms.Select(Condition)]),
        NotSyntax not => new Negation(Condition(not.Inner)),
        IsNullSyntax isNull => new IsNull(Value(isNull.Value)),
        InSyntax @in => new AnyOf([.. @in.Choices.Select(choice => Compare(choice.At, Orders.Equal, @in.Value, choice))]),
        LikeSyntax like => Like(like),
        BinarySyntax binary when OrdersOf(binary.Operator) is { } orders => Compare(binary.At, orders, binary.Left, binary.Right),
        _ => Truthful(syntax),
    };

    private Value Value(Syntax syntax) => syntax switch
    {
        NullSyntax => new NullValue(),
        BoolSyntax literal => new ConstantValue(ValueType.Boolean, ExactNumber.Of(literal.Value ? 1 : 0)),
        NumberSyntax number => new ConstantValue(ValueType.Exact, ExactNumber.Parse(Encoding.ASCII.GetBytes(number.Digits))),
        TextSyntax { Temporal: false } text => new ConstantValue(text.Value),
        TextSyntax temporal => TemporalUncompared(temporal),
        ColumnSyntax column => Column(column),
        NegateSyntax negate => Calculate(negate.At, '-', new ConstantValue(ValueType.Exact, ExactNumber.Of(0)), negate.Inner, Value(negate.Inner)),
        CallSyntax call => Call(call),
        BinarySyntax binary when OrdersOf(binary.Operator) is null =>
            Calculate(binary.At, binary.Operator[0], Numeric(binary.Left, binary.Operator), binary.Right, Value(binary.Right)),
        _ => new TruthValue(Condition(syntax)),
    };

    private static Orders? OrdersOf(string sign) => sign switch
    {
        "=" => Orders.Equal,
        "<>" => Orders.Less | Orders.Greater,
        "<" => Orders.Less,
        "<=" => Orders.Less | Orders.Equal,
        ">" => Orders.Greater,
        ">=" => Orders.Greater | Orders.Equal,
        _ => null,
    };

    private ColumnValue Column(ColumnSyntax column)
    {
        var ordinal = schema.Find(column.Name);
        if (ordinal < 0)
        {
            // MySQL's column names ignore letter case; an exact match wins.
            for (var i = 0; i < schema.Columns.Length; i++)
                ordinal = schema.Columns[i].Name.Equals(column.Name, StringComparison.OrdinalIgnoreCase) ? i : ordinal;
        }

        if (ordinal < 0)
            throw ExpressionErrors.UnknownColumn(column.At, column.Name, schema);
        _columns.Add(ordinal);
        return new(ordinal, schema.Columns[ordinal]);
    }

    private Condition Truthful(Syntax syntax)
    {
        var value = Value(syntax);
        return value.Type switch
        {
            ValueType.Null => new ConstantCondition(Truth.Unknown),
            ValueType.Boolean or ValueType.Exact or ValueType.Real => new NotZero(value),
            _ => throw ExpressionErrors.NotACondition(syntax.At, Describe(syntax, value)),
        };
    }

    private Condition Compare(Place at, Orders orders, Syntax leftSyntax, Syntax rightSyntax)
    {
        var left = Side(leftSyntax, rightSyntax);
        var right = Side(rightSyntax, leftSyntax);
        if (left.Type == ValueType.Null || right.Type == ValueType.Null)
            return new ConstantCondition(Truth.Unknown);
        if (left is ColumnValue { IsSmallInteger: true } column && WholeNumber(rightSyntax) is { } constant)
            return new IntegerComparison(column, orders, constant);
        if (left.Type is ValueType.Calendar && right.Type is ValueType.Instant)
            right = new CalendarOfInstant(right);
        else if (left.Type is ValueType.Instant && right.Type is ValueType.Calendar)
            left = new CalendarOfInstant(left);
        if (IsNumber(left) && IsNumber(right))
        {
            return left.Type == ValueType.Real || right.Type == ValueType.Real
                ? new Comparison(ValueType.Real, orders, AsReal(left), AsReal(right))
                : new Comparison(ValueType.Exact, orders, left, right);
        }

        return left.Type == right.Type && left.Type != ValueType.Json
            ? new Comparison(left.Type, orders, left, right)
            : throw ExpressionErrors.Mismatch(at, Describe(leftSyntax, left), Describe(rightSyntax, right));
    }

    // A text beside a date or time column is read as one.
    private Value Side(Syntax syntax, Syntax other)
    {
        if (syntax is not TextSyntax text || other is TextSyntax)
            return Value(syntax);
        var (parsed, ticks, expected) = Value(other).Type switch
        {
            ValueType.Calendar when TemporalText.TryCalendar(text.Value, out var value) => (ValueType.Calendar, value, ""),
            ValueType.Calendar => (ValueType.Null, 0L, "a date, or a date and time"),
            ValueType.Instant when TemporalText.TryInstant(text.Value, out var value) => (ValueType.Instant, value, ""),
            ValueType.Instant => (ValueType.Null, 0L, "a date and time in UTC"),
            ValueType.Time when TemporalText.TryTime(text.Value, out var value) => (ValueType.Time, value, ""),
            ValueType.Time => (ValueType.Null, 0L, "a time"),
            _ => (ValueType.Text, 0L, ""),
        };
        return parsed switch
        {
            ValueType.Null => throw ExpressionErrors.BadTemporal(text.At, text.Value, expected),
            ValueType.Text => Value(syntax),
            _ => new ConstantValue(parsed, ticks),
        };
    }

    private static ConstantValue TemporalUncompared(TextSyntax text) => TemporalText.TryCalendar(text.Value, out var packed)
        ? new(ValueType.Calendar, packed)
        : TemporalText.TryTime(text.Value, out var micros)
            ? new(ValueType.Time, micros)
            : throw ExpressionErrors.BadTemporal(text.At, text.Value, "a date or time");

    private Like Like(LikeSyntax like)
    {
        var value = Value(like.Value);
        return value.Type == ValueType.Text && like.Pattern is TextSyntax { Temporal: false } pattern
            ? new(value, Encoding.UTF8.GetBytes(pattern.Value))
            : throw ExpressionErrors.BadPattern(like.At);
    }

    private Value Numeric(Syntax syntax, string sign)
    {
        var value = Value(syntax);
        return IsNumber(value) || value.Type == ValueType.Null ? value : throw ExpressionErrors.NotANumber(syntax.At, Describe(syntax, value), sign);
    }

    private static Value Calculate(Place at, char sign, Value left, Syntax rightSyntax, Value right)
    {
        if (right.Type != ValueType.Null && !IsNumber(right))
            throw ExpressionErrors.NotANumber(at, Describe(rightSyntax, right), sign.ToString());
        if (left.Type == ValueType.Null || right.Type == ValueType.Null)
            return new NullValue();
        return left.Type == ValueType.Real || right.Type == ValueType.Real
            ? new RealCalculation(sign, AsReal(left), AsReal(right))
            : new ExactCalculation(sign, left, right);
    }

    private Value Call(CallSyntax call)
    {
        var name = Functions.FirstOrDefault(known => known.Equals(call.Function, StringComparison.OrdinalIgnoreCase))
            ?? throw ExpressionErrors.UnknownFunction(call.At, call.Function, Functions);
        if (name == "coalesce")
            return Coalesce(call);

        var argument = call.Arguments.Length == 1 ? Value(call.Arguments[0]) : null;
        if (argument is not { Type: ValueType.Text or ValueType.Null })
            throw ExpressionErrors.WrongArguments(call.At, name, "one text");
        return (argument.Type, name) switch
        {
            (ValueType.Null, _) => argument,
            (_, "lower") => new CasedText(argument, upper: false),
            (_, "upper") => new CasedText(argument, upper: true),
            (_, "length") => new TextLength(argument, characters: false),
            _ => new TextLength(argument, characters: true),
        };
    }

    private Value Coalesce(CallSyntax call)
    {
        // The first column decides how texts beside it are read.
        var lead = call.Arguments.FirstOrDefault(argument => argument is ColumnSyntax);
        var values = call.Arguments.Select(argument => lead is null ? Value(argument) : Side(argument, lead)).Where(value => value.Type != ValueType.Null).ToList();
        if (call.Arguments.IsEmpty)
            throw ExpressionErrors.WrongArguments(call.At, "coalesce", "one value or more");
        if (values.Count == 0)
            return new NullValue();
        if (values.TrueForAll(IsNumber))
        {
            var real = values.Exists(value => value.Type == ValueType.Real);
            return new CoalesceValue(real ? ValueType.Real : ValueType.Exact, [.. values.Select(value => real ? AsReal(value) : value)]);
        }

        return values.TrueForAll(value => value.Type == values[0].Type)
            ? new CoalesceValue(values[0].Type, [.. values])
            : throw ExpressionErrors.WrongArguments(call.At, "coalesce", "values of one kind");
    }

    private static long? WholeNumber(Syntax syntax) => syntax switch
    {
        NumberSyntax number when long.TryParse(number.Digits, NumberStyles.None, CultureInfo.InvariantCulture, out var value) => value,
        NegateSyntax { Inner: NumberSyntax number } when long.TryParse(number.Digits, NumberStyles.None, CultureInfo.InvariantCulture, out var value) => -value,
        BoolSyntax literal => literal.Value ? 1 : 0,
        _ => null,
    };

    private static bool IsNumber(Value value) => value.Type is ValueType.Exact or ValueType.Real or ValueType.Boolean;

    private static Value AsReal(Value value) => value.Type == ValueType.Real ? value : new RealOfExact(value);

    private static string Describe(Syntax syntax, Value value)
    {
        var type = value.Type switch
        {
            ValueType.Boolean => "a truth value",
            ValueType.Exact or ValueType.Real => "a number",
            ValueType.Text => "a text",
            ValueType.Calendar or ValueType.Instant => "a date",
            ValueType.Time => "a time",
            ValueType.Json => "JSON",
            _ => "NULL",
        };
        return syntax is ColumnSyntax column ? $"column {column.Name} ({type})" : type;
    }
}
