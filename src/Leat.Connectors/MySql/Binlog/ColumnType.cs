namespace Leat.Connectors.MySql.Binlog;

/// <summary>The server's type numbers as they stand in TABLE_MAP events. Source: MariaDB knowledge base, "Field types".</summary>
internal static class ColumnType
{
    public const byte Tiny = 1;
    public const byte Short = 2;
    public const byte Long = 3;
    public const byte Float = 4;
    public const byte Double = 5;
    public const byte Timestamp = 7;
    public const byte LongLong = 8;
    public const byte Int24 = 9;
    public const byte Date = 10;
    public const byte Time = 11;
    public const byte DateTime = 12;
    public const byte Year = 13;
    public const byte NewDate = 14;
    public const byte VarChar = 15;
    public const byte Bit = 16;
    public const byte Timestamp2 = 17;
    public const byte DateTime2 = 18;
    public const byte Time2 = 19;
    public const byte BlobCompressed = 140;
    public const byte VarCharCompressed = 141;

    /// <summary>Of MySQL from 9.0 on: IEEE singles one after the other.</summary>
    public const byte Vector = 242;

    /// <summary>Of MySQL; MariaDB's JSON is a text.</summary>
    public const byte Json = 245;
    public const byte NewDecimal = 246;
    public const byte Enum = 247;
    public const byte Set = 248;
    public const byte Blob = 252;
    public const byte VarString = 253;
    public const byte String = 254;
    public const byte Geometry = 255;

    /// <summary>Types that the optional metadata gives a sign bit.</summary>
    public static bool IsNumeric(byte type) => type is Tiny or Short or Int24 or Long or LongLong or NewDecimal or Float or Double or Year;

    /// <summary>Types that the optional metadata gives a collation.</summary>
    public static bool IsText(byte type) => type is String or VarString or VarChar or Blob or Vector or BlobCompressed or VarCharCompressed;

    /// <summary>Types whose metadata does not tell how many fractional digits they have.</summary>
    public static bool IsOldTemporal(byte type) => type is Time or DateTime or Timestamp;

    /// <summary>Types that the optional metadata gives labels.</summary>
    public static bool HasLabels(byte type) => type is Enum or Set;
}
