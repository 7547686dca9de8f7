using Leat.Changes;
using Leat.Transform.Expressions.Evaluation;
using Leat.Transform.Expressions.Functions;
using Leat.Transform.Expressions.Language;

namespace Leat.Transform.Expressions.Typing;

// CAST: what cannot be read as the type is NULL; what never can is refused.
internal sealed partial class Compiler
{
    private const int MostFraction = 6;

    // DECIMAL without digits, as in MySQL.
    private const int OrdinaryPrecision = 10;

    private static readonly string[] CastTypes =
        ["char", "signed", "unsigned", "bigint", "int", "decimal(p, s)", "double", "date", "datetime", "timestamp", "time", "json", "boolean", "binary"];

    private Node Cast(CastSyntax cast)
    {
        var value = Operand(cast.Inner);
        var type = TypeOf(cast);
        if (value.Type.Family == Family.Null)
            return new NullNode(type);
        var node = As(value.Node, type) ?? throw ExpressionErrors.BadCast(cast.At, value.Described, cast.Type.ToLowerInvariant());
        return type.Family == Family.Text && cast.First >= 0
            ? TextFunctions.Left(node, new IntegerConstant(StaticType.Integer, cast.First))
            : node;
    }

    private static StaticType TypeOf(CastSyntax cast)
    {
        var fraction = cast.First >= 0 ? cast.First : 0;
        var type = cast.Type switch
        {
            "CHAR" or "VARCHAR" or "NCHAR" or "TEXT" or "STRING" => StaticType.Text,
            "BINARY" or "VARBINARY" or "BLOB" => StaticType.Bytes,
            "SIGNED" or "BIGINT" or "INT" or "INTEGER" => StaticType.Integer,
            "UNSIGNED" => StaticType.Unsigned,
            "DECIMAL" or "NUMERIC" or "DEC" => Decimal(cast),
            "DOUBLE" or "FLOAT" or "REAL" => StaticType.Real,
            "DATE" => StaticType.Date,
            "DATETIME" => StaticType.DateTime(fraction),
            "TIMESTAMP" => StaticType.Timestamp(fraction),
            "TIME" => StaticType.Time(fraction),
            "JSON" or "JSONB" => StaticType.Json,
            "BOOLEAN" or "BOOL" => StaticType.Boolean,
            _ => throw ExpressionErrors.UnknownType(cast.TypeAt, cast.Type.ToLowerInvariant(), CastTypes),
        };
        return !type.IsTemporal || fraction <= MostFraction ? type : throw ExpressionErrors.BadSize(cast.TypeAt, "a fraction of 0 to 6 digits");
    }

    private static StaticType Decimal(CastSyntax cast)
    {
        var precision = cast.First >= 0 ? cast.First : OrdinaryPrecision;
        var scale = Math.Max(0, cast.Second);
        return precision is >= 1 and <= StaticType.MaxPrecision && scale <= StaticType.MaxScale && scale <= precision
            ? StaticType.Exact(precision - scale, scale)
            : throw ExpressionErrors.BadSize(cast.TypeAt, "decimal(p, s) with p from 1 to 65 and s from 0 to 30 and no more than p");
    }

    /// <summary>A value as another type, not both NULL; <see langword="null"/> when it never can be.</summary>
    internal static Node? As(Node node, StaticType type) => type.Family switch
    {
        Family.Text => AsText(node, type),
        Family.Json => JsonFunctions.Of(node),
        Family.Boolean => AsTruth(node),
        Family.Calendar or Family.Instant or Family.Time => AsMoment(node, type),
        _ => AsNumber(node, type),
    };

    private static Node AsText(Node node, StaticType type)
    {
        if (node.Type.Family == Family.Json)
            return new Retyped(type, node);
        var text = node.Type.Family == Family.Text ? node : new TextOf(node);
        if (text.Type == type)
            return text is ColumnNode { Column.Kind: ColumnKind.Enum or ColumnKind.Set } ? new Retyped(type, text) : text;
        return type == StaticType.Text && text.Type == StaticType.Bytes ? new TextOfBytes(text) : new Retyped(type, text);
    }

    private static Node? AsTruth(Node node) => node.Type.Family switch
    {
        Family.Boolean => node,
        Family.Text or Family.Json => new ParsedText(StaticType.Boolean, node),
        _ when node.Type.IsNumber => new NotZero(node),
        _ => null,
    };

    private static Node? AsNumber(Node node, StaticType type)
    {
        if (node.Type.IsTemporal)
            return null;
        if (node.Type.Family is Family.Text or Family.Json)
            return new ParsedText(type, node);
        if (node.Type.Family == Family.Boolean)
            return AsNumber(new IntegerOfTruth(node), type);
        if (type.Family == Family.Real)
            return CommonType.Convert(new(new NullSyntax(default), node), type);
        if (type.Family == Family.Exact)
        {
            return node.Type.Family switch
            {
                Family.Real => new ExactOfReal(type, node),
                Family.Exact => new ExactOfExact(type, node),
                _ => new ExactOfExact(type, new ExactOfInteger(node)),
            };
        }

        return node.Type.Family == type.Family ? new Retyped(type, node) : new IntegerOfNumber(type, node);
    }

    private static Retyped? AsMoment(Node node, StaticType type)
    {
        if (node.Type.Family is Family.Text or Family.Json)
            return type == StaticType.Date ? new Retyped(type, new ParsedText(StaticType.DateTime(MostFraction), node)) : new Retyped(type, new ParsedText(type with { Scale = MostFraction }, node));
        return (node.Type.Family, type.Family) switch
        {
            (Family.Calendar, Family.Calendar) or (Family.Instant, Family.Instant) or (Family.Time, Family.Time) => new Retyped(type, node),
            (Family.Instant, Family.Calendar) => new Retyped(type, new CalendarOfInstant(node)),
            (Family.Calendar, Family.Instant) => new Retyped(type, new InstantOfCalendar(node)),
            (Family.Calendar, Family.Time) => new Retyped(type, new TimeOfCalendar(StaticType.Time(node.Type.Scale), node)),
            (Family.Instant, Family.Time) => new Retyped(type, new TimeOfCalendar(StaticType.Time(node.Type.Scale), new CalendarOfInstant(node))),
            _ => null,
        };
    }
}
