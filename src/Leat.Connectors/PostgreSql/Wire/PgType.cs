namespace Leat.Connectors.PostgreSql.Wire;

/// <summary>The types in which values travel to the server, each by its object id.</summary>
/// <remarks>Source: PostgreSQL's <c>pg_type.dat</c>; ids of built-in types never change.</remarks>
internal enum PgType : uint
{
    Bytea = 17,
    Int8 = 20,
    Int2 = 21,
    Int4 = 23,
    Text = 25,
    Float4 = 700,
    Float8 = 701,
    Date = 1082,
    Timestamp = 1114,
    TimestampTz = 1184,
    Interval = 1186,
    VarBit = 1562,
    Numeric = 1700,
}

/// <summary>Names of the types, as the server's own catalog has them.</summary>
internal static class PgTypeNames
{
    /// <summary>The name in <c>pg_type</c>, e.g. <c>int4</c>.</summary>
    public static string Of(PgType type) => type switch
    {
        PgType.Bytea => "bytea",
        PgType.Int8 => "int8",
        PgType.Int2 => "int2",
        PgType.Int4 => "int4",
        PgType.Text => "text",
        PgType.Float4 => "float4",
        PgType.Float8 => "float8",
        PgType.Date => "date",
        PgType.Timestamp => "timestamp",
        PgType.TimestampTz => "timestamptz",
        PgType.Interval => "interval",
        PgType.VarBit => "varbit",
        PgType.Numeric => "numeric",
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "unknown type"),
    };
}
