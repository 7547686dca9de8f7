using System.Buffers;
using System.Text;
using Leat.Changes;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Apply;

/// <summary>The statements that bring rows of one shape into its table.</summary>
internal sealed class ShapeStatements
{
    private const int OutOfRange = 1690;

    // The front of an expression that no server can compute for any text: too large a number.
    private const string AnotherRow = "EXP(710+LENGTH(";

    private readonly SqlLiteral _literal = new();
    private readonly Shape _shape;
    private readonly byte[] _insertHead;
    private readonly byte[] _replaceHead;
    private readonly byte[] _upsertTail;
    private readonly byte[] _deleteHead;
    private readonly byte[] _updateHead;
    private readonly byte[][] _names;
    private readonly byte[][] _keyNames;
    private readonly int[] _ordinals;
    private readonly int _room;

    /// <summary>Prepares the texts.</summary>
    /// <param name="shape">What is written.</param>
    /// <param name="database">The target's database.</param>
    /// <param name="upsert">What the server takes.</param>
    public ShapeStatements(Shape shape, string database, UpsertForm upsert)
    {
        _shape = shape;
        var table = Sql.Name(new TableName(database, shape.Alias));
        var columns = shape.Columns.Select(column => Sql.Name(column.Name)).ToList();
        var keys = shape.Key.Select(ordinal => Sql.Name(NameOf(shape, ordinal))).ToList();
        _insertHead = Encoding.UTF8.GetBytes($"INSERT INTO {table} ({string.Join(",", columns)}) VALUES ");
        _replaceHead = Encoding.UTF8.GetBytes($"REPLACE INTO {table} ({string.Join(",", columns)}) VALUES ");
        _upsertTail = Encoding.UTF8.GetBytes(UpsertTail(table, columns, keys, upsert));
        _deleteHead = Encoding.UTF8.GetBytes($"{RemovalOf(shape, table, columns, keys)} WHERE {(keys.Count == 1 ? keys[0] : $"({string.Join(",", keys)})")} IN (");
        _updateHead = Encoding.UTF8.GetBytes($"UPDATE {table} SET ");
        _names = [.. columns.Select(Encoding.UTF8.GetBytes)];
        _keyNames = [.. keys.Select(Encoding.UTF8.GetBytes)];
        _ordinals = [.. shape.Columns.Select(column => column.Ordinal)];
        _room = SqlLiteral.RoomFor(shape.Schema);
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

    /// <summary>Whether two rows of this shape have the same bytes in some columns, all of which both tell.</summary>
    public static bool HaveSame(Shape shape, ReadOnlySpan<int> ordinals, ReadOnlySpan<byte> row, ReadOnlySpan<byte> other)
    {
        var one = new RowReader(shape.Schema, row);
        var two = new RowReader(shape.Schema, other);
        foreach (var ordinal in ordinals)
        {
            one.Seek(ordinal);
            two.Seek(ordinal);
            if (one.IsNull != two.IsNull || one.IsAbsent || two.IsAbsent || !one.Bytes.SequenceEqual(two.Bytes))
                return false;
        }

        return true;
    }

    /// <summary>Whether an error says that an upsert met a row with another key.</summary>
    public static bool IsAnotherRow(MySqlServerException refused) => refused.Code == OutOfRange && refused.Message.Contains("exp(", StringComparison.OrdinalIgnoreCase);

    /// <summary>Begins a DELETE.</summary>
    public void BeginDelete(ArrayBufferWriter<byte> target) => target.Write(_deleteHead);

    /// <summary>Adds a row's key to it.</summary>
    public void AddKey(ReadOnlySpan<byte> row, bool isFirst, ArrayBufferWriter<byte> target)
    {
        if (!isFirst)
            target.Write(","u8);
        WriteKey(row, target);
    }

    /// <summary>Ends it.</summary>
    public static void EndDelete(ArrayBufferWriter<byte> target) => target.Write(")"u8);

    /// <summary>Begins an INSERT, or a REPLACE, which also removes whatever row has one of its unique values.</summary>
    public void BeginInsert(bool replaces, ArrayBufferWriter<byte> target) => target.Write(replaces ? _replaceHead : _insertHead);

    /// <summary>Adds a row to it.</summary>
    public void AddRow(ReadOnlySpan<byte> row, bool isFirst, ArrayBufferWriter<byte> target)
    {
        var room = RoomFor(row, target);
        var at = 0;
        if (!isFirst)
            room[at++] = (byte)',';
        room[at++] = (byte)'(';
        var reader = new RowReader(_shape.Schema, row);
        foreach (var ordinal in _ordinals)
        {
            reader.Seek(ordinal);
            at += _literal.Write(ref reader, room[at..]);
            room[at++] = (byte)',';
        }

        room[at - 1] = (byte)')';
        target.Advance(at);
    }

    /// <summary>Ends it; a row whose key is there takes its place when <paramref name="upsert"/>.</summary>
    public void EndInsert(bool upsert, ArrayBufferWriter<byte> target)
    {
        if (upsert)
            target.Write(_upsertTail);
    }

    /// <summary>An UPDATE of the columns that a row tells, found by its key.</summary>
    public void AddUpdate(ReadOnlySpan<byte> row, ArrayBufferWriter<byte> target)
    {
        target.Write(_updateHead);
        var reader = new RowReader(_shape.Schema, row);
        var count = 0;
        for (var i = 0; i < _names.Length; i++)
        {
            reader.Seek(_shape.Columns[i].Ordinal);
            if (reader.IsAbsent || _shape.Key.Contains(_shape.Columns[i].Ordinal))
                continue;
            if (count++ > 0)
                target.Write(","u8);
            target.Write(_names[i]);
            target.Write("="u8);
            _literal.Write(ref reader, target);
        }

        if (count == 0)
        {
            // Nothing but the key is told: only whether the row is there.
            target.Write(_keyNames[0]);
            target.Write("="u8);
            target.Write(_keyNames[0]);
        }

        target.Write(" WHERE "u8);
        for (var i = 0; i < _keyNames.Length; i++)
        {
            if (i > 0)
                target.Write(" AND "u8);
            target.Write(_keyNames[i]);
            target.Write("="u8);
            reader.Seek(_shape.Key[i]);
            target.Advance(_literal.WriteKey(ref reader, RoomFor(row, target)));
        }
    }

    /// <summary>A row's key as it stands in an IN list.</summary>
    public void WriteKey(ReadOnlySpan<byte> row, ArrayBufferWriter<byte> target)
    {
        var room = RoomFor(row, target);
        var at = 0;
        var reader = new RowReader(_shape.Schema, row);
        if (_keyNames.Length > 1)
            room[at++] = (byte)'(';
        for (var i = 0; i < _keyNames.Length; i++)
        {
            if (i > 0)
                room[at++] = (byte)',';
            reader.Seek(_shape.Key[i]);
            at += _literal.WriteKey(ref reader, room[at..]);
        }

        if (_keyNames.Length > 1)
            room[at++] = (byte)')';
        target.Advance(at);
    }

    // A part of a row that is gone leaves the rest of it where it is.
    private static string RemovalOf(Shape shape, string table, List<string> columns, List<string> keys) => shape.Part is { IsRoot: false }
        ? $"UPDATE {table} SET {string.Join(",", columns.Except(keys).Select(column => $"{column}=NULL"))}"
        : $"DELETE FROM {table}";

    // Enough for all literals of a row: asked once, and not looked at for each value.
    private Span<byte> RoomFor(ReadOnlySpan<byte> row, ArrayBufferWriter<byte> target) => target.GetSpan(_room + (2 * row.Length) + 4);

    // Where another index is unique, perhaps only since a moment ago, the server may have found the row by that one. It would become another row: the statement has to
    // fail. A NULL for the key would not do, which a column that counts by itself takes for its next number and a TIMESTAMP for now; what fails is a condition, so that no
    // type changes. Each row is looked at (LENGTH): a constant might be computed ahead. A key that is spelled otherwise brings its spelling along.
    private static string UpsertTail(string table, List<string> columns, List<string> keys, UpsertForm upsert)
    {
        const string New = "`leat new`";
        string Value(string column) => upsert == UpsertForm.Alias ? $"{New}.{column}" : $"VALUES({column})";
        var isSame = string.Join(" AND ", keys.Select(key => $"{table}.{key}={Value(key)}"));
        var guard = $"{keys[0]}=IF({(keys.Count > 1 ? $"({isSame})" : isSame)} OR {AnotherRow}{Value(keys[0])}))>0,{Value(keys[0])},{Value(keys[0])})";
        var others = keys.Skip(1).Concat(columns.Except(keys)).Select(column => $"{column}={Value(column)}");
        return $"{(upsert == UpsertForm.Alias ? $" AS {New}" : "")} ON DUPLICATE KEY UPDATE {string.Join(",", [guard, .. others])}";
    }
}
