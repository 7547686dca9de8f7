using Leat.Changes;

namespace Leat.Connectors.PostgreSql.Tables;

/// <summary>Whether a column of the target can hold every value of a column of the source.</summary>
internal enum TypeFit
{
    /// <summary>It can; or its type is one that only the server can judge.</summary>
    Holds = 0,

    /// <summary>It is of the right kind, but too narrow: a wider type holds both what is there and what arrives.</summary>
    Narrow = 1,

    /// <summary>It holds something else.</summary>
    Other = 2,
}

/// <summary>Judges columns.</summary>
internal static class TypeFits
{
    // The modifier of types with a length or digits counts four bytes of a header that values once had. Source: VARHDRSZ in numeric.c and varchar.c.
    private const int ModifierHeader = 4;
    private const int MostTemporalDigits = 6;
    private const int UInt64Digits = 20;

    /// <summary>Judges one.</summary>
    public static TypeFit Of(Column source, TargetColumn target)
    {
        if (target.Type is "text" || !IsKnown(target.Type))
            return TypeFit.Holds;
        return source.Kind switch
        {
            ColumnKind.Int8 or ColumnKind.UInt8 or ColumnKind.Int16 or ColumnKind.Year => Whole(target, bytes: 2, digits: 5),
            ColumnKind.UInt16 or ColumnKind.Int32 => Whole(target, bytes: 4, digits: 10),
            ColumnKind.UInt32 or ColumnKind.Int64 => Whole(target, bytes: 8, digits: 19),
            ColumnKind.UInt64 => Whole(target, bytes: 9, UInt64Digits),
            ColumnKind.Decimal => Decimal(source, target),
            ColumnKind.Float32 => target.Type is "float4" or "float8" ? TypeFit.Holds : TypeFit.Other,
            ColumnKind.Float64 => target.Type == "float8" ? TypeFit.Holds : target.Type == "float4" ? TypeFit.Narrow : TypeFit.Other,
            ColumnKind.String => target.Type is "json" or "jsonb" or "uuid" ? TypeFit.Holds : Characters(source.Length, target),
            ColumnKind.Enum or ColumnKind.Set => Characters(source.Labels.Sum(label => label.Length + 1), target),
            ColumnKind.Binary => target.Type == "bytea" ? TypeFit.Holds : TypeFit.Other,
            ColumnKind.Json => target.Type is "json" or "jsonb" ? TypeFit.Holds : TypeFit.Other,
            ColumnKind.Bit => Bits(source, target),
            ColumnKind.Date => target.Type is "date" or "timestamp" ? TypeFit.Holds : TypeFit.Other,
            ColumnKind.Time => target.Type == "interval" ? TypeFit.Holds : TypeFit.Other,
            ColumnKind.DateTime => Instant(source, target, "timestamp"),
            ColumnKind.Timestamp => Instant(source, target, "timestamptz"),
            _ => TypeFit.Other,
        };
    }

    // What is not listed (enums, inet, citext, types of extensions) is left to the server.
    private static bool IsKnown(string type) => type is
        "bool" or "int2" or "int4" or "int8" or "numeric" or "float4" or "float8" or "varchar" or "bpchar" or "json" or "jsonb" or "uuid" or "bytea" or "bit" or "varbit"
        or "date" or "time" or "timetz" or "timestamp" or "timestamptz" or "interval";

    private static TypeFit Whole(TargetColumn target, int bytes, int digits) => target.Type switch
    {
        "int2" => bytes <= 2 ? TypeFit.Holds : TypeFit.Narrow,
        "int4" => bytes <= 4 ? TypeFit.Holds : TypeFit.Narrow,
        "int8" => bytes <= 8 ? TypeFit.Holds : TypeFit.Narrow,
        "numeric" => target.Modifier < 0 || PrecisionOf(target) - ScaleOf(target) >= digits ? TypeFit.Holds : ScaleOf(target) == 0 ? TypeFit.Narrow : TypeFit.Other,
        "bool" => bytes == 2 ? TypeFit.Holds : TypeFit.Other,
        _ => TypeFit.Other,
    };

    private static TypeFit Decimal(Column source, TargetColumn target)
    {
        if (target.Type is "int2" or "int4" or "int8")
            return source.Scale == 0 ? TypeFit.Narrow : TypeFit.Other;
        if (target.Type != "numeric")
            return TypeFit.Other;
        if (target.Modifier < 0 || (ScaleOf(target) >= source.Scale && PrecisionOf(target) - ScaleOf(target) >= source.Precision - source.Scale))
            return TypeFit.Holds;

        // Wider in one direction only: the wider type would have to be made of both.
        return source.Scale >= ScaleOf(target) && source.Precision - source.Scale >= PrecisionOf(target) - ScaleOf(target) ? TypeFit.Narrow : TypeFit.Other;
    }

    private static TypeFit Characters(long length, TargetColumn target)
    {
        if (target.Type is not ("varchar" or "bpchar"))
            return TypeFit.Other;
        return target.Modifier < 0 || (length > 0 && length <= target.Modifier - ModifierHeader) ? TypeFit.Holds : TypeFit.Narrow;
    }

    private static TypeFit Bits(Column source, TargetColumn target)
    {
        var bits = Wire.PgValue.BitsOf(source);
        return target.Type switch
        {
            "bit" => target.Modifier == bits ? TypeFit.Holds : TypeFit.Other,
            "varbit" => target.Modifier < 0 || target.Modifier >= bits ? TypeFit.Holds : TypeFit.Narrow,
            _ => TypeFit.Other,
        };
    }

    private static TypeFit Instant(Column source, TargetColumn target, string type)
    {
        if (target.Type != type)
            return TypeFit.Other;
        return (target.Modifier < 0 ? MostTemporalDigits : target.Modifier) >= source.Scale ? TypeFit.Holds : TypeFit.Narrow;
    }

    private static int PrecisionOf(TargetColumn target) => ((target.Modifier - ModifierHeader) >> 16) & 0xFFFF;

    // Eleven bits with a sign since PostgreSQL 15; before that sixteen that were never negative.
    private static int ScaleOf(TargetColumn target) => (((target.Modifier - ModifierHeader) & 0x7FF) ^ 1024) - 1024;
}
