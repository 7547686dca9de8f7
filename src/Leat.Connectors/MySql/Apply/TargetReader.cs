using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Apply;

/// <summary>Rows of one shape's table as canonical text: those that should be there, and those that are.</summary>
internal sealed class TargetReader
{
    private readonly Shape _shape;
    private readonly MySqlTable _table;

    /// <summary>For the table of a shape in a database.</summary>
    public TargetReader(Shape shape, TableName name)
    {
        _shape = shape;
        _table = new(name, [.. shape.Columns.Select(column => ReadingColumn(shape, column))], []);
    }

    /// <summary>What the table should hold for a source row.</summary>
    public static TargetRow Expect(Shape shape, ReadOnlySpan<byte> row)
    {
        var reader = new RowReader(shape.Schema, row);
        var fields = new KeyValuePair<string, string?>[shape.Columns.Length];
        for (var i = 0; i < fields.Length; i++)
        {
            reader.Seek(shape.Columns[i].Ordinal);
            fields[i] = new(shape.Columns[i].Name, TextOf(ref reader));
        }

        return new(KeyOf(shape, fields), [.. fields]);
    }

    /// <summary>All rows.</summary>
    public IAsyncEnumerable<TargetRow> ReadAsync(MySqlConnection connection, CancellationToken cancellationToken) =>
        ReadAsync(connection, Encoding.UTF8.GetBytes(Select), cancellationToken);

    /// <summary>The rows under some keys; with those that the server takes for equal (letter case, trailing spaces), and each once.</summary>
    public IAsyncEnumerable<TargetRow> FindAsync(MySqlConnection connection, IReadOnlyList<ReadOnlyMemory<byte>> rows, CancellationToken cancellationToken)
    {
        var statements = new ShapeStatements(_shape, _table.Name.Database, UpsertForm.Function);
        var keys = _shape.Key.Select(ordinal => Sql.Name(ShapeStatements.NameOf(_shape, ordinal))).ToList();
        var sql = new ArrayBufferWriter<byte>();
        sql.Write(Encoding.UTF8.GetBytes($"{Select} WHERE {(keys.Count == 1 ? keys[0] : $"({string.Join(",", keys)})")} IN ("));
        for (var i = 0; i < rows.Count; i++)
        {
            if (i > 0)
                sql.Write(","u8);
            statements.WriteKey(rows[i].Span, sql);
        }

        sql.Write(")"u8);
        return ReadAsync(connection, sql.WrittenMemory, cancellationToken);
    }

    private string Select => $"SELECT {string.Join(", ", _shape.Columns.Select(Expression))} FROM {Sql.Name(_table.Name)}";

    // Bits may stand in a column of whole numbers.
    private string Expression(ShapeColumn column, int place) =>
        _shape.Schema.Columns[column.Ordinal].Kind == ColumnKind.Bit ? $"CAST({Sql.Name(column.Name)} AS UNSIGNED)" : TextRow.Expression(_table.Columns[place]);

    private async IAsyncEnumerable<TargetRow> ReadAsync(MySqlConnection connection, ReadOnlyMemory<byte> sql, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var rows = await connection.QueryAsync(sql, cancellationToken);
        var encoded = new byte[1024];
        while (await rows.ReadRowAsync(cancellationToken))
        {
            var room = TextRow.MaxBytes(_table, rows.RowBytes);
            if (encoded.Length < room)
                encoded = new byte[room * 2];
            yield return RowOf(encoded.AsSpan(0, TextRow.Encode(_table, rows, encoded)));
        }
    }

    // Columns as they are delivered. Enums and sets are read as text: their numbers at the target may be others. Whole numbers as decimals: the target's column may be
    // wider, and what the source's could not hold must not be cut to something that it could.
    private static MySqlColumn ReadingColumn(Shape shape, ShapeColumn column)
    {
        var source = shape.Schema.Columns[column.Ordinal];
        var kind = source.Kind switch
        {
            ColumnKind.Enum or ColumnKind.Set => ColumnKind.String,
            ColumnKind.Int8 or ColumnKind.UInt8 or ColumnKind.Int16 or ColumnKind.UInt16 or ColumnKind.Int32 or ColumnKind.UInt32 or ColumnKind.Int64 or ColumnKind.UInt64
                or ColumnKind.Bit => ColumnKind.Decimal,
            _ => source.Kind,
        };
        return new(source with { Name = column.Name, Kind = kind }, 0, 0, Charset: null, Unsigned: false);
    }

    private TargetRow RowOf(ReadOnlySpan<byte> row)
    {
        var reader = new RowReader(_table.Schema, row);
        var fields = new KeyValuePair<string, string?>[_table.Columns.Length];
        for (var i = 0; reader.Read(); i++)
            fields[i] = new(reader.Column.Name, TextOf(ref reader));
        return new(KeyOf(_shape, fields), [.. fields]);
    }

    // MySQL keeps JSON in a form of its own, MariaDB no sign of a zero: what is the same to them is the same text here.
    private static string? TextOf(ref RowReader reader) => reader switch
    {
        { IsNull: true } => null,
        { Column.Kind: ColumnKind.Decimal } => DecimalScale.Of(ValueText.Of(ref reader) ?? "", reader.Column.Scale),
        { Column.Kind: ColumnKind.Json } => CanonicalJson.Of(reader.Bytes),
        { Column.Kind: ColumnKind.Float32, Single: 0 } or { Column.Kind: ColumnKind.Float64, Double: 0 } => "0",
        _ => ValueText.Of(ref reader),
    };

    private static string KeyOf(Shape shape, IReadOnlyList<KeyValuePair<string, string?>> fields) => string.Join(',', shape.Key.Select(ordinal =>
    {
        var name = ShapeStatements.NameOf(shape, ordinal);
        var value = fields.First(field => field.Key == name).Value ?? "NULL";
        return shape.Key.Length == 1 ? value : value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace(",", "\\,", StringComparison.Ordinal);
    }));
}
