using System.Collections.Immutable;
using System.Text;
using Leat.Changes;
using Leat.Transform.Expressions.Evaluation;
using Leat.Transform.Expressions.Language;
using Leat.Transform.Expressions.Typing;
using static Leat.Transform.Expressions.Functions.Takes;

namespace Leat.Transform.Expressions.Functions;

/// <summary>Functions on dates and times. Instants count as UTC; what is no day of the calendar, zero dates for one, gives NULL wherever a calendar is needed.</summary>
internal static class DateFunctions
{
    private const int MicrosecondDigits = 6;

    // MySQL's last TIME, 838:59:59.999999.
    private const long MostTime = 3_020_400 * Moments.PerSecond - 1;

    // Far more than any calendar; keeps calculations inside 64 bits.
    private const long MostAmount = 1_000_000_000_000_000_000;

    public static KeyValuePair<string, Function>[] All { get; } =
    [
        .. new[] { "year", "quarter", "month", "day", "dayofmonth" }.Select(name => Part(name, Calendar)), .. new[] { "hour", "minute", "second", "microsecond" }.Select(name => Part(name, Clock)),
        new("extract", new("a unit and a date or time: extract(YEAR FROM x)", [Any, Clock], 2, Extract)),
        new("date", new("one date and time", [Calendar], 1, (_, _, arguments) => new Retyped(StaticType.Date, arguments[0]))),
        new("date_trunc", new("a unit in single quotes and a date", [Text, Any], 2, Truncate)),
        new("date_format", new("a date and a format in single quotes", [Calendar, Text], 2, Format)),
        new("date_add", new("a date and an interval: date_add(x, INTERVAL 3 DAY)", [Any, Any], 2, (_, call, _) => throw FunctionTable.Wrong(call))),
        new("date_sub", new("a date and an interval: date_sub(x, INTERVAL 3 DAY)", [Any, Any], 2, (_, call, _) => throw FunctionTable.Wrong(call))),
        new("datediff", new("two dates", [Calendar, Calendar], 2, (_, _, arguments) => new IntegerCall(StaticType.Integer, arguments, Days))),
        new("unix_timestamp", new("one date and time", [Calendar], 1, (_, _, arguments) => UnixTime(arguments))),
        new("from_unixtime", new("one number", [Number], 1, (_, _, arguments) => FromUnixTime(arguments[0]))),
    ];

    /// <summary>Builds <c>date_add</c> and <c>date_sub</c>, or <see langword="null"/> when the call is neither with an interval.</summary>
    public static Node? TryShift(Compiler compiler, CallSyntax call) =>
        call.Arguments is [var value, IntervalSyntax interval] && call.Function.ToUpperInvariant() is "DATE_ADD" or "DATE_SUB"
            ? Shift(compiler, value, interval, call.Function.EndsWith("sub", StringComparison.OrdinalIgnoreCase))
            : null;

    /// <summary>Builds a date plus or minus an interval.</summary>
    public static Node Shift(Compiler compiler, Syntax value, IntervalSyntax interval, bool isBack)
    {
        var amount = compiler.Operand(interval.Amount);
        var count = amount.Type.Family switch
        {
            Family.Integer => amount.Node,
            Family.Null => new NullNode(StaticType.Integer),
            _ when amount.Node is TextConstant text && long.TryParse(Encoding.UTF8.GetString(text.Value), out var written) => new IntegerConstant(StaticType.Integer, written),
            _ => throw ExpressionErrors.NotANumber(amount.At, amount.Described, "INTERVAL"),
        };
        var operand = compiler.Operand(value);
        var node = operand.Node is TextConstant literal ? Literals.Moment(operand.At, literal.Value, Family.Calendar) : operand.Node;
        var isMonths = interval.Unit is "month" or "quarter" or "year";
        var isDays = interval.Unit is "day" or "week" || isMonths;
        if (!(node.Type.IsTemporal || node.Type.Family == Family.Null) || (node.Type.Family == Family.Time && isDays))
            throw ExpressionErrors.NotADate(operand.At, operand.Described, interval.Unit);
        if (node.Type.Family == Family.Null)
            return new NullNode(StaticType.DateTime(0));

        var unit = (isBack ? -1 : 1) * UnitOf(interval.Unit);
        var type = node.Type == StaticType.Date && !isDays ? StaticType.DateTime(0) : node.Type;
        if (interval.Unit == "microsecond")
            type = type with { Scale = MicrosecondDigits };
        if (node.Type.Family == Family.Instant && isMonths)
            return new InstantOfCalendar(new IntegerCall(StaticType.DateTime(type.Scale), [new CalendarOfInstant(node), count], (Node[] values, scoped in EvaluatedRow row, out long result) => AddMonths(values, row, unit, out result)));
        return new IntegerCall(type, [node, count], isMonths
            ? (Node[] values, scoped in EvaluatedRow row, out long result) => AddMonths(values, row, unit, out result)
            : (Node[] values, scoped in EvaluatedRow row, out long result) => AddMicros(values, row, unit, out result));
    }

    // Months for what the calendar counts in months, otherwise microseconds.
    private static long UnitOf(string unit) => unit switch
    {
        "year" => 12,
        "quarter" => 3,
        "month" => 1,
        "week" => 7 * Moments.PerDay,
        "day" => Moments.PerDay,
        "hour" => 3600 * Moments.PerSecond,
        "minute" => 60 * Moments.PerSecond,
        "second" => Moments.PerSecond,
        _ => 1,
    };

    private static bool AddMonths(Node[] values, scoped in EvaluatedRow row, long unit, out long result)
    {
        result = 0;
        return values[0].TryInteger(row, out var packed) && values[1].TryInteger(row, out var count) && count is > -MostAmount / 12 and < MostAmount / 12
            && Moments.TryAddMonths(packed, count * unit, out result);
    }

    private static bool AddMicros(Node[] values, scoped in EvaluatedRow row, long unit, out long result)
    {
        result = 0;
        if (!values[0].TryInteger(row, out var value) || !values[1].TryInteger(row, out var count) || Math.BigMul(count, unit, out var shift) != shift >> 63 || shift is < -MostAmount or > MostAmount)
            return false;
        switch (values[0].Type.Family)
        {
            case Family.Calendar:
                return Moments.TryLine(value, out var micros) && Moments.TryCalendar(micros + shift, out result);
            case Family.Instant:
                result = value + shift;
                return value != Temporal.ZeroTimestamp && Moments.TryCalendarOf(result, out _);
            default:
                result = value + shift;
                return result is >= -MostTime and <= MostTime;
        }
    }

    private static KeyValuePair<string, Function> Part(string name, Takes takes) => new(name, new("one date or time", [takes], 1, (_, _, arguments) => PartOf(name == "dayofmonth" ? "day" : name, arguments[0])));

    private static IntegerCall PartOf(string part, Node moment) => new(StaticType.Integer, [moment], moment.Type.Family == Family.Time
        ? (Node[] values, scoped in EvaluatedRow row, out long value) => values[0].TryInteger(row, out value) && DateParts.TryPartOfTime(part, value, out value)
        : (Node[] values, scoped in EvaluatedRow row, out long value) => values[0].TryInteger(row, out value) && DateParts.TryPart(part, value, out value));

    private static IntegerCall Extract(Compiler compiler, CallSyntax call, Node[] arguments)
    {
        var written = ((TextSyntax)call.Arguments[0]).Value.ToLowerInvariant();
        var part = Units.TryName(written, out var name) ? name : written;
        if (!DateParts.Extracted.Contains(part))
            throw ExpressionErrors.UnknownUnit(call.Arguments[0].At, written, DateParts.Extracted);
        return arguments[1].Type.Family == Family.Time && part is not ("hour" or "minute" or "second" or "microsecond")
            ? throw FunctionTable.Wrong(call)
            : PartOf(part, arguments[1]);
    }

    private static Node Truncate(Compiler compiler, CallSyntax call, Node[] arguments)
    {
        if (arguments[0] is not TextConstant literal)
            throw ExpressionErrors.NotWrittenOut(call.At, "date_trunc", "its unit");
        var written = Encoding.UTF8.GetString(literal.Value);
        if (!Units.TryName(written, out var unit))
            throw ExpressionErrors.UnknownUnit(call.Arguments[0].At, written, Units.Names);
        var moment = arguments[1] is TextConstant text ? Literals.Moment(call.Arguments[1].At, text.Value, Family.Calendar) : arguments[1];
        if (moment.Type.Family is not (Family.Calendar or Family.Instant))
            throw FunctionTable.Wrong(call);
        var scale = unit == "microsecond" ? moment.Type.Scale : 0;
        var isInstant = moment.Type.Family == Family.Instant;
        var calendar = isInstant ? new CalendarOfInstant(moment) : moment;
        var cut = new IntegerCall(moment.Type == StaticType.Date ? StaticType.Date : StaticType.DateTime(scale), [calendar],
            (Node[] values, scoped in EvaluatedRow row, out long value) => values[0].TryInteger(row, out value) && DateParts.TryTruncate(unit, value, out value));
        return isInstant ? new InstantOfCalendar(cut) : cut;
    }

    private static TextCall Format(Compiler compiler, CallSyntax call, Node[] arguments)
    {
        var format = arguments[1] is TextConstant literal ? DateFormat.Parse(call.Arguments[1].At, literal.Value) : throw ExpressionErrors.NotWrittenOut(call.At, "date_format", "its format");
        return new(StaticType.Text, [arguments[0]], (Node[] values, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value) =>
        {
            value = default;
            return values[0].TryInteger(row, out var packed) && format.TryWrite(packed, row.Scratch, out value);
        });
    }

    private static bool Days(Node[] values, scoped in EvaluatedRow row, out long value)
    {
        value = 0;
        if (!values[0].TryInteger(row, out var left) || !values[1].TryInteger(row, out var right) || !Moments.TryLine(left, out var a) || !Moments.TryLine(right, out var b))
            return false;
        value = a / Moments.PerDay - b / Moments.PerDay;
        return true;
    }

    // Seconds since 1970, with the fraction that the date and time has.
    private static Node UnixTime(Node[] arguments)
    {
        var scale = arguments[0].Type.Scale;
        var micros = new InstantOfCalendar(arguments[0]);
        if (scale > 0)
        {
            const int SecondDigits = 12;
            return new ExactCall(StaticType.Exact(SecondDigits, scale), [micros], static (Node[] values, scoped in EvaluatedRow row, out ExactNumber value) =>
            {
                var there = values[0].TryInteger(row, out var instant) && instant != Temporal.ZeroTimestamp;
                value = there ? ExactNumber.Scaled(instant, MicrosecondDigits).WithScale(values[0].Type.Scale, Rounding.Down) : default;
                return there;
            });
        }

        return new IntegerCall(StaticType.Integer, [micros], static (Node[] values, scoped in EvaluatedRow row, out long value) =>
        {
            var there = values[0].TryInteger(row, out value) && value != Temporal.ZeroTimestamp;
            value = value >= 0 ? value / Moments.PerSecond : (value + 1) / Moments.PerSecond - 1;
            return there;
        });
    }

    private static IntegerCall FromUnixTime(Node number)
    {
        var exact = number.Type.Family switch
        {
            Family.Exact => number,
            Family.Real => new ExactOfReal(StaticType.Exact(30, MicrosecondDigits), number),
            _ => new ExactOfInteger(number),
        };
        var scale = Math.Min(MicrosecondDigits, exact.Type.Scale);
        return new IntegerCall(StaticType.Timestamp(scale), [exact], static (Node[] values, scoped in EvaluatedRow row, out long value) =>
        {
            value = 0;
            return values[0].TryExact(row, out var seconds) && ExactNumber.Multiply(seconds, ExactNumber.Of(Moments.PerSecond)).TryInt64(out value) && Moments.TryCalendarOf(value, out _);
        });
    }
}
