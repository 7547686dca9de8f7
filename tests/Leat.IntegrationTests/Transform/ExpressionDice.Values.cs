namespace Leat.IntegrationTests.Transform;

// Numbers, texts and dates.
internal sealed partial class ExpressionDice
{
    // What PostgreSQL refuses to read as a number is NULL in Leat.
    private const string NumberPattern = "^[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?$";

    private TypedExpression Integer(int depth)
    {
        var (a, b) = (Throw(Sort.Integer, depth), Throw(Sort.Integer, depth));
        var thrown = random.Next(14) switch
        {
            0 or 1 => Binary(Sort.Integer, "+", Level.Sum, a, b),
            2 or 3 => Binary(Sort.Integer, "-", Level.Sum, a, b),
            4 => Binary(Sort.Integer, "*", Level.Product, a, b),
            5 => Call(Sort.Integer, "({0} DIV {1})", "{0} / nullif({1}, 0)", a, b),
            6 => Call(Sort.Integer, "({0} % {1})", "{0} % nullif({1}, 0)", a, b),
            7 => Call(Sort.Integer, "mod({0}, {1})", "mod({0}, nullif({1}, 0))", a, b),
            8 => Alike(Sort.Integer, Any("abs({0})", "(-{0})", "CAST(sign({0}) AS bigint)"), a),
            9 => TextMeasure(Throw(Sort.Text, depth)),
            10 => DatePart(depth),
            11 => Call(Sort.Integer, "datediff({0}, {1})", "({0}::date - {1}::date)::int8", Throw(Sort.Date, depth), Throw(Sort.Moment, depth)),
            12 => Call(Sort.Integer, "CAST({0} AS signed)", "{0}::int8", Throw(Sort.Exact, depth)),
            _ => Call(Sort.Integer, "CAST({0} AS bigint)", "{0}::int::int8", Throw(Sort.Truth, depth)),
        };
        return thrown with { Whole = 19 };
    }

    private TypedExpression TextMeasure(TypedExpression text) => random.Next(6) switch
    {
        0 => Call(Sort.Integer, "length({0})", "octet_length({0})::int8", text),
        1 => Call(Sort.Integer, "char_length({0})", "char_length({0})::int8", text),
        2 => Call(Sort.Integer, "position({1} IN {0})", "position({1} IN {0})::int8", text, Throw(Sort.Text, 0)),
        3 => Call(Sort.Integer, "instr({0}, {1})", "strpos({0}, {1})::int8", text, Throw(Sort.Text, 0)),
        4 => Call(Sort.Integer, "json_length(j1, '$.l')", "json_array_length(j1 -> 'l')::int8"),
        _ => Call(Sort.Integer, "CAST({0} AS signed)", $"CASE WHEN btrim({{0}}) ~ '{NumberPattern}' THEN {{0}}::numeric::int8 END", text),
    };

    private TypedExpression DatePart(int depth)
    {
        var moment = Throw(Any(Sort.Date, Sort.Moment), depth);
        var part = Any("year", "quarter", "month", "week", "day", "dow", "doy");
        return random.Next(3) switch
        {
            0 => Call(Sort.Integer, $"extract({part} FROM {{0}})", $"extract({part} FROM {{0}})::int8", moment),
            1 => Call(Sort.Integer, "hour({0}) * 3600 + minute({0}) * 60 + second({0})", "floor(extract(epoch FROM {0}::timestamp::time))::int8", moment) with { Level = Level.Sum },
            _ => Call(Sort.Integer, "microsecond({0})", "extract(microsecond FROM {0}::timestamp)::int8 % 1000000", moment),
        };
    }

    private TypedExpression Exact(int depth)
    {
        var a = Throw(Any(Sort.Exact, Sort.Exact, Sort.Integer), depth);
        var b = Throw(a.Sort == Sort.Integer ? Sort.Exact : Any(Sort.Exact, Sort.Integer), depth);
        var isSmall = a.Whole + b.Whole + b.Scale <= MostWhole && a.Scale + b.Scale <= MostScale;
        switch (random.Next(10))
        {
            case 0 or 1:
                return Binary(Sort.Exact, Any("+", "-"), Level.Sum, a, b) with { Whole = Math.Max(a.Whole, b.Whole) + 1, Scale = Math.Max(a.Scale, b.Scale) };
            case 2 or 3 when isSmall:
                return Binary(Sort.Exact, "*", Level.Product, a, b) with { Whole = a.Whole + b.Whole, Scale = a.Scale + b.Scale };
            case 4 when isSmall:
                // A dividend with many digits keeps PostgreSQL from rounding the quotient twice.
                return Call(Sort.Exact, "({0} / {1})", $"round(({{0}} + 0::numeric(60, 40)) / nullif({{1}}, 0), {a.Scale + 4})", a, b) with { Whole = a.Whole + b.Scale, Scale = a.Scale + 4 };
            case 5:
                return Call(Sort.Exact, "({0} % {1})", "{0} % nullif({1}, 0)", a, b) with { Whole = Math.Max(a.Whole, b.Whole), Scale = Math.Max(a.Scale, b.Scale) };
            case 6:
                var digits = random.Next(0, 4);
                var exact = Throw(Sort.Exact, depth);
                return Alike(Sort.Exact, $"round({{0}}, {digits})", exact) with { Whole = exact.Whole + 1, Scale = Math.Min(digits, exact.Scale) };
            case 7:
                var cut = Throw(Sort.Exact, depth);
                return Call(Sort.Exact, "truncate({0}, 1)", "trunc({0}, 1)", cut) with { Whole = cut.Whole + 1, Scale = Math.Min(1, cut.Scale) };
            case 8:
                return Call(Sort.Exact, "CAST({0} AS decimal(20, 3))", "CASE WHEN abs(round({0}, 3)) < 1e17 THEN {0}::numeric(20, 3) END", a) with { Whole = 17, Scale = 3 };
            default:
                var one = Throw(Sort.Exact, depth);
                return Alike(Sort.Exact, "abs({0})", one) with { Whole = one.Whole, Scale = one.Scale };
        }
    }

    private TypedExpression Real(int depth)
    {
        var (a, b) = (Throw(Sort.Real, depth), Throw(Any(Sort.Real, Sort.Integer, Sort.Exact), depth));
        return random.Next(7) switch
        {
            0 => Call(Sort.Real, "({0} + {1})", "{0} + {1}", a, b),
            1 => Call(Sort.Real, "({0} - {1})", "{0} - {1}", a, b),
            2 => Call(Sort.Real, "({0} * {1})", "{0} * {1}", a, b),
            3 => Call(Sort.Real, "({0} / {1})", "{0} / nullif({1}, 0)", a, b),
            4 => Call(Sort.Real, "sqrt({0})", "CASE WHEN {0} >= 0 THEN sqrt({0}) END", a),
            5 => Alike(Sort.Real, Any("abs({0})", "floor({0})", "ceil({0})"), a),
            _ => Call(Sort.Real, "CAST({0} AS double)", "{0}::float8", b),
        };
    }

    private TypedExpression Text(int depth)
    {
        var (a, b) = (Throw(Sort.Text, depth), Throw(Sort.Text, depth));
        var (from, count) = (random.Next(1, 5), random.Next(0, 5));
        return random.Next(18) switch
        {
            0 or 1 => Binary(Sort.Text, "||", Level.Joined, a, b),
            2 => Alike(Sort.Text, Any("lower({0})", "upper({0})", "reverse({0})", "md5({0})"), a),
            3 => Alike(Sort.Text, $"substring({{0}}, {from}, {count})", a),
            4 => Alike(Sort.Text, $"substring({{0}} FROM {from})", a),
            5 => Alike(Sort.Text, $"left({{0}}, {count})", a),
            6 => Alike(Sort.Text, $"right({{0}}, {count})", a),
            7 => Alike(Sort.Text, Any("trim({0})", "ltrim({0})", "rtrim({0})", "trim(BOTH 'a' FROM {0})"), a),
            8 => Alike(Sort.Text, "replace({0}, 'b', {1})", a, b),
            9 => Alike(Sort.Text, $"lpad({{0}}, {count + 2}, 'xy')", a),
            10 => Alike(Sort.Text, $"rpad({{0}}, {count + 2})", a),
            11 => Alike(Sort.Text, $"repeat({{0}}, {count})", a),
            12 => Alike(Sort.Text, $"split_part({{0}}, ',', {from})", a),
            13 => Alike(Sort.Text, "concat_ws('-', {0}, {1})", a, b),
            14 => Call(Sort.Text, "CAST({0} AS char)", "{0}::text", Throw(Sort.Integer, depth)),
            15 => Call(Sort.Text, "CAST(CAST({0} AS decimal(20, 3)) AS char)", "CASE WHEN abs(round({0}, 3)) < 1e17 THEN {0}::numeric(20, 3)::text END", Throw(Sort.Exact, depth)),
            16 => Call(Sort.Text, "date_format({0}, '%Y-%m-%d %H:%i:%s %j %b')", "to_char({0}::timestamp, 'YYYY-MM-DD HH24:MI:SS DDD Mon')", Throw(Any(Sort.Date, Sort.Moment), depth)),
            _ => Call(Sort.Text, "concat({0}, {1})", "{0} || {1}", a, b),
        };
    }

    private TypedExpression Date(int depth)
    {
        var day = Throw(Sort.Date, depth);
        var (count, unit) = (random.Next(-40, 40), Any("day", "week", "month", "quarter", "year"));
        var sqlUnit = unit == "quarter" ? $"{count * 3} months" : $"{count} {unit}s";
        return random.Next(5) switch
        {
            0 => Call(Sort.Date, $"({{0}} + INTERVAL ({count}) {unit})", $"({{0}} + interval '{sqlUnit}')::date", day),
            1 => Call(Sort.Date, $"date_sub({{0}}, INTERVAL {Math.Abs(count)} DAY)", $"({{0}} - interval '{Math.Abs(count)} days')::date", day),
            2 => Call(Sort.Date, $"date_trunc('{unit}', {{0}})", $"date_trunc('{unit}', {{0}}::timestamp)::date", day),
            3 => Call(Sort.Date, "date({0})", "{0}::date", Throw(Sort.Moment, depth)),
            _ => Call(Sort.Date, "CAST({0} AS date)", "{0}::date", Throw(Sort.Moment, depth)),
        };
    }

    private TypedExpression Moment(int depth)
    {
        var moment = Throw(Sort.Moment, depth);
        var (count, unit) = (random.Next(-400, 400), Any("second", "minute", "hour", "day", "month", "year"));
        return random.Next(5) switch
        {
            0 or 1 => Call(Sort.Moment, $"({{0}} + INTERVAL ({count}) {unit})", $"{{0}} + interval '{count} {unit}s'", moment),
            2 => Alike(Sort.Moment, $"date_trunc('{unit}', {{0}})", moment),
            3 => Call(Sort.Moment, "CAST({0} AS datetime)", "{0}::timestamp", Throw(Sort.Date, depth)),
            _ => Call(Sort.Moment, "CAST({0} AS datetime(3))", "date_trunc('milliseconds', {0})", moment),
        };
    }
}
