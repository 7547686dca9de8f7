using System.Buffers;
using System.Text;
using Leat.Changes;

namespace Leat.Connectors.MySql.Apply;

/// <summary>The statements that bring rows of one shape into its table.</summary>
internal sealed class ShapeStatements
{
    private readonly SqlLiteral _literal = new();
    private readonly Shape _shape;
    private readonly byte[] _insertHead;
    private readonly byte[] _upsertTail;
    private readonly byte[] _deleteHead;

    public ShapeStatements(Shape shape, string database)
    {
        _shape = shape;
        var table = Sql.Name(new TableName(database, shape.Alias));
        var columns = shape.Columns.Select(column => Sql.Name(column.Name)).ToList();
        var keys = shape.Key.Select(ordinal => Sql.Name(NameOf(shape, ordinal))).ToList();
        _insertHead = Encoding.UTF8.GetBytes($"INSERT INTO {table} ({string.Join(",", columns)}) VALUES ");
        _upsertTail = Encoding.UTF8.GetBytes($" ON DUPLICATE KEY UPDATE {string.Join(",", columns.Select(column => $"{column}=VALUES({column})"))}");
        _deleteHead = Encoding.UTF8.GetBytes($"DELETE FROM {table} WHERE {(keys.Count == 1 ? keys[0] : $"({string.Join(",", keys)})")} IN (");
    }

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

    /// <summary>Whether two rows of this shape have the same key bytes.</summary>
    public static bool HaveSameKey(Shape shape, ReadOnlySpan<byte> row, ReadOnlySpan<byte> other)
    {
        var one = new RowReader(shape.Schema, row);
        var two = new RowReader(shape.Schema, other);
        foreach (var ordinal in shape.Key)
        {
            one.Seek(ordinal);
            two.Seek(ordinal);
            if (one.IsNull != two.IsNull || !one.Bytes.SequenceEqual(two.Bytes))
                return false;
        }

        return true;
    }

    /// <summary>Begins a DELETE.</summary>
    public void BeginDelete(ArrayBufferWriter<byte> target) => target.Write(_deleteHead);

    /// <summary>Adds a row's key to it.</summary>
    public void AddKey(ReadOnlySpan<byte> row, bool isFirst, ArrayBufferWriter<byte> target)
    {
        if (!isFirst)
            target.Write(","u8);
        var reader = new RowReader(_shape.Schema, row);
        if (_shape.Key.Length > 1)
            target.Write("("u8);
        for (var i = 0; i < _shape.Key.Length; i++)
        {
            if (i > 0)
                target.Write(","u8);
            reader.Seek(_shape.Key[i]);
            _literal.Write(ref reader, target);
        }

        if (_shape.Key.Length > 1)
            target.Write(")"u8);
    }

    /// <summary>Ends it.</summary>
    public static void EndDelete(ArrayBufferWriter<byte> target) => target.Write(")"u8);

    /// <summary>Begins an INSERT.</summary>
    public void BeginInsert(ArrayBufferWriter<byte> target) => target.Write(_insertHead);

    /// <summary>Adds a row to it.</summary>
    public void AddRow(ReadOnlySpan<byte> row, bool isFirst, ArrayBufferWriter<byte> target)
    {
        target.Write(isFirst ? "("u8 : ",("u8);
        var reader = new RowReader(_shape.Schema, row);
        for (var i = 0; i < _shape.Columns.Length; i++)
        {
            if (i > 0)
                target.Write(","u8);
            reader.Seek(_shape.Columns[i].Ordinal);
            _literal.Write(ref reader, target);
        }

        target.Write(")"u8);
    }

    /// <summary>Ends it; a row whose key is there takes its place when <paramref name="upsert"/>.</summary>
    public void EndInsert(bool upsert, ArrayBufferWriter<byte> target)
    {
        if (upsert)
            target.Write(_upsertTail);
    }
}
