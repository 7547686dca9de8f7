using System.Collections.Immutable;

namespace Leat.Connectors.MySql.Ddl;

/// <summary>A column in the terms of information_schema.COLUMNS.</summary>
/// <param name="Name">COLUMN_NAME.</param>
/// <param name="DataType">DATA_TYPE.</param>
/// <param name="ColumnType">COLUMN_TYPE.</param>
/// <param name="Nullable">IS_NULLABLE.</param>
/// <param name="Octets">CHARACTER_OCTET_LENGTH.</param>
/// <param name="Precision">NUMERIC_PRECISION.</param>
/// <param name="Scale">NUMERIC_SCALE or DATETIME_PRECISION.</param>
/// <param name="Charset">CHARACTER_SET_NAME.</param>
/// <param name="Labels">Labels of an enum or set.</param>
/// <param name="IsJson">A text that holds JSON.</param>
/// <param name="IsCompressed">MariaDB's COMPRESSED.</param>
internal sealed record ColumnRow(
    string Name, string DataType, string ColumnType, bool Nullable, long Octets, long Precision, long Scale, string? Charset, ImmutableArray<string> Labels, bool IsJson, bool IsCompressed);

/// <summary>From information_schema's terms to the binlog's, by the same rules as the catalog.</summary>
internal static class FactsOf
{
    /// <summary>The facts of a column.</summary>
    public static ColumnFacts Row(ColumnRow row, bool unsigned)
    {
        var (type, metadata) = ColumnRules.PhysicalOf(row.DataType, row.Octets, row.Precision, row.Scale, row.Labels.Length);
        var isBytes = row.DataType.EndsWith("blob", StringComparison.Ordinal) || row.DataType.EndsWith("binary", StringComparison.Ordinal);
        return new()
        {
            Name = row.Name,
            Type = type,
            Metadata = metadata,
            Nullable = row.Nullable,
            Unsigned = unsigned,
            Charset = isBytes ? "binary" : row.Charset,
            Labels = row.Labels,
            IsJson = row.IsJson,
            SourceType = row.ColumnType,
            Refusal = row.IsCompressed ? "COMPRESSED columns" : null,
        };
    }
}
