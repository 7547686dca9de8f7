using System.Globalization;
using Leat.Changes;
using Leat.Connectors.PostgreSql.Wire;

namespace Leat.Connectors.PostgreSql.Tables;

/// <summary>Tables that can hold exactly what a shape delivers.</summary>
/// <param name="UsesJsonb">Whether JSON is kept as <c>jsonb</c>.</param>
/// <param name="ZeroDatesAreNull">Whether dates become NULL that no calendar has, so that their columns must allow it.</param>
internal sealed record TargetDdl(bool UsesJsonb, bool ZeroDatesAreNull)
{
    /// <summary>CREATE TABLE without its semicolon.</summary>
    public string Create(Shape shape, TableName table)
    {
        var columns = shape.Columns.Select(column => $"{Sql.Name(column.Name)} {TypeOf(shape.Schema.Columns[column.Ordinal])}{(AllowsNull(shape, column) ? "" : " NOT NULL")}");
        var key = shape.Key.Select(ordinal => Sql.Name(NameOf(shape, ordinal)));
        return $"CREATE TABLE IF NOT EXISTS {Sql.Name(table)} ({string.Join(", ", columns)}, PRIMARY KEY ({string.Join(", ", key)}))";
    }

    /// <summary>ALTER TABLE that adds a column: rows that are there already have NULL in it.</summary>
    public string Add(Shape shape, TableName table, ShapeColumn column) =>
        $"ALTER TABLE {Sql.Name(table)} ADD COLUMN IF NOT EXISTS {Sql.Name(column.Name)} {TypeOf(shape.Schema.Columns[column.Ordinal])}";

    /// <summary>ALTER TABLE that makes a column's type wider.</summary>
    public static string Widen(TableName table, string column, string type) => $"ALTER TABLE {Sql.Name(table)} ALTER COLUMN {Sql.Name(column)} TYPE {type}";

    /// <summary>ALTER TABLE that lets a column be NULL.</summary>
    public static string AllowNull(TableName table, string column) => $"ALTER TABLE {Sql.Name(table)} ALTER COLUMN {Sql.Name(column)} DROP NOT NULL";

    /// <summary>Whether NULL may arrive in a column.</summary>
    public bool AllowsNull(Shape shape, ShapeColumn column)
    {
        var source = shape.Schema.Columns[column.Ordinal];
        return !shape.Key.Contains(column.Ordinal) && (source.Nullable || (ZeroDatesAreNull && source.Kind is ColumnKind.Date or ColumnKind.DateTime or ColumnKind.Timestamp));
    }

    /// <summary>The type that holds every value of a column.</summary>
    public string TypeOf(Column column) => column.Kind switch
    {
        ColumnKind.Int8 or ColumnKind.UInt8 or ColumnKind.Int16 or ColumnKind.Year => "smallint",
        ColumnKind.UInt16 or ColumnKind.Int32 => "integer",
        ColumnKind.UInt32 or ColumnKind.Int64 => "bigint",
        ColumnKind.UInt64 => "numeric(20)",
        ColumnKind.Float32 => "real",
        ColumnKind.Float64 => "double precision",
        ColumnKind.Decimal => string.Create(CultureInfo.InvariantCulture, $"numeric({column.Precision},{column.Scale})"),
        ColumnKind.String or ColumnKind.Enum or ColumnKind.Set => "text",
        ColumnKind.Binary => "bytea",
        ColumnKind.Json => UsesJsonb ? "jsonb" : "json",
        ColumnKind.Bit => string.Create(CultureInfo.InvariantCulture, $"bit({PgValue.BitsOf(column)})"),
        ColumnKind.Date => "date",
        ColumnKind.Time => "interval",
        ColumnKind.DateTime => string.Create(CultureInfo.InvariantCulture, $"timestamp({column.Scale})"),
        ColumnKind.Timestamp => string.Create(CultureInfo.InvariantCulture, $"timestamptz({column.Scale})"),
        _ => throw new ArgumentOutOfRangeException(nameof(column), column.Kind, "unknown column kind"),
    };

    /// <summary>The name of a key column at the target.</summary>
    public static string NameOf(Shape shape, int ordinal)
    {
        foreach (var column in shape.Columns)
        {
            if (column.Ordinal == ordinal)
                return column.Name;
        }

        return shape.Schema.Columns[ordinal].Name;
    }
}
