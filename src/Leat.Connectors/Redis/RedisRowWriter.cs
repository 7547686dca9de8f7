using System.Buffers;
using System.Text;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Connectors.Redis.Wire;

namespace Leat.Connectors.Redis;

/// <summary>Writes the commands of one shape's operations: the hash replaced as a whole, or the key removed.</summary>
/// <remarks>Each operation is two commands or one inside a transaction, so no reader ever sees a hash without its fields or with old ones.</remarks>
internal sealed class RedisRowWriter
{
    private static readonly byte[] Del = [.. "*2\r\n$3\r\nDEL\r\n"u8];
    private static readonly byte[] Unlink = [.. "*2\r\n$6\r\nUNLINK\r\n"u8];
    private static readonly byte[] HSet = RespWriter.PreparePart("HSET"u8);

    private readonly Shape _shape;
    private readonly RedisKeys _keys;
    private readonly byte[][] _fields;
    private readonly ArrayBufferWriter<byte> _key = new(128);
    private readonly ArrayBufferWriter<byte> _value = new(256);

    public RedisRowWriter(Shape shape, RedisKeys keys)
    {
        _shape = shape;
        _keys = keys;
        _fields = [.. shape.Columns.Select(column => RespWriter.PreparePart(Encoding.UTF8.GetBytes(column.Name)))];
    }

    /// <summary>Writes the commands of an operation and returns how many they are.</summary>
    public int Write(in Operation operation, RespWriter target)
    {
        var row = new RowReader(_shape.Schema, operation.Row.Span);
        _key.ResetWrittenCount();
        _keys.Write(ref row, _key);
        if (operation.Kind == OperationKind.Delete)
        {
            target.WritePrepared(Unlink);
            target.WritePart(_key.WrittenSpan);
            return 1;
        }

        target.WritePrepared(Del);
        target.WritePart(_key.WrittenSpan);
        target.BeginCommand(2 + (2 * CountValues(ref row)));
        target.WritePrepared(HSet);
        target.WritePart(_key.WrittenSpan);
        for (var i = 0; i < _fields.Length; i++)
        {
            if (!row.Seek(_shape.Columns[i].Ordinal))
                continue;
            target.WritePrepared(_fields[i]);
            WriteValue(ref row, target);
        }

        return 2;
    }

    private int CountValues(ref RowReader row)
    {
        var count = 0;
        foreach (var column in _shape.Columns)
            count += row.Seek(column.Ordinal) ? 1 : 0;
        return count;
    }

    private void WriteValue(ref RowReader row, RespWriter target)
    {
        if (row.Column.Kind is ColumnKind.String or ColumnKind.Decimal or ColumnKind.Json or ColumnKind.Binary)
        {
            target.WritePart(row.Bytes);
            return;
        }

        _value.ResetWrittenCount();
        ValueText.Write(ref row, _value);
        target.WritePart(_value.WrittenSpan);
    }
}
