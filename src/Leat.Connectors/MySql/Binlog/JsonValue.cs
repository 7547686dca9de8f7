using System.Buffers.Binary;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>Type bytes of MySQL's binary JSON. Source: MySQL server, the comment at the front of <c>json_binary.h</c>.</summary>
internal static class JsonType
{
    public const byte SmallObject = 0;
    public const byte LargeObject = 1;
    public const byte SmallArray = 2;
    public const byte LargeArray = 3;
    public const byte Literal = 4;
    public const byte Int16 = 5;
    public const byte UInt16 = 6;
    public const byte Int32 = 7;
    public const byte UInt32 = 8;
    public const byte Int64 = 9;
    public const byte UInt64 = 10;
    public const byte Double = 11;
    public const byte String = 12;
    public const byte Opaque = 15;
}

/// <summary>One value of a binary JSON document: reads its type, members and bytes in place. Every access is checked against the value's end.</summary>
/// <remarks>
/// <code>
/// document   type (1 byte), value
/// container  count, size (2 bytes each, large: 4 each), key entries (objects only), value entries, keys, values
/// key entry  offset in the container (2 or 4), length (2)
/// value entry  type (1), offset in the container or, when it fits in there, the value itself (2 or 4)
/// string     length (7 bits a byte, lowest first), UTF-8
/// opaque     column type (1), length as of a string, bytes
/// </code>
/// </remarks>
internal readonly ref struct JsonValue
{
    /// <summary>Deepest nesting, the server's own limit.</summary>
    public const int MaxDepth = 100;

    private readonly ReadOnlySpan<byte> _data;

    /// <summary>A value of a type at the front of <paramref name="data"/>.</summary>
    /// <exception cref="MySqlFormatException">A container larger than its bytes, or too small for its entries.</exception>
    public JsonValue(byte type, ReadOnlySpan<byte> data)
    {
        Type = type;
        _data = data;
        if (!IsContainer)
            return;
        var fields = new WireReader(data);
        var count = IsLarge ? fields.ReadUInt32() : fields.ReadUInt16();
        var size = IsLarge ? fields.ReadUInt32() : fields.ReadUInt16();
        if (size > data.Length)
            throw MySqlFormatException.Short((int)Math.Min(size, int.MaxValue), data.Length);
        if (2 * OffsetBytes + (long)count * (IsObject ? KeyEntryBytes + ValueEntryBytes : ValueEntryBytes) > size)
            throw MySqlFormatException.Unexpected("number of JSON members", $"what {size} bytes can hold", count);
        Count = (int)count;
        _data = data[..(int)size];
    }

    /// <summary>The value that is a whole document. No bytes at all, which the server writes for a value that was not given, are JSON's null.</summary>
    public static JsonValue Of(ReadOnlySpan<byte> document) => document.IsEmpty ? new(JsonType.Literal, [0]) : new(document[0], document[1..]);

    /// <summary>See <see cref="JsonType"/>.</summary>
    public byte Type { get; }

    /// <summary>Members of an object or elements of an array.</summary>
    public int Count { get; }

    /// <summary>Whether it is an object.</summary>
    public bool IsObject => Type <= JsonType.LargeObject;

    /// <summary>Whether it is an array.</summary>
    public bool IsArray => Type is JsonType.SmallArray or JsonType.LargeArray;

    /// <summary>Whether it has members or elements.</summary>
    public bool IsContainer => Type <= JsonType.LargeArray;

    /// <summary>The value's bytes; of a scalar also what follows them.</summary>
    public ReadOnlySpan<byte> Data => _data;

    private bool IsLarge => (Type & 1) != 0;

    private int OffsetBytes => IsLarge ? 4 : 2;

    private int KeyEntryBytes => OffsetBytes + 2;

    private int ValueEntryBytes => OffsetBytes + 1;

    /// <summary>Key of a member of an object, UTF-8.</summary>
    public ReadOnlySpan<byte> Key(int index)
    {
        var fields = new WireReader(_data[(2 * OffsetBytes + index * KeyEntryBytes)..]);
        var offset = IsLarge ? fields.ReadUInt32() : fields.ReadUInt16();
        int length = fields.ReadUInt16();
        return offset <= _data.Length - length ? _data.Slice((int)offset, length) : throw MySqlFormatException.Short(length, 0);
    }

    /// <summary>Value of a member or element.</summary>
    public JsonValue Value(int index)
    {
        var entry = _data.Slice(2 * OffsetBytes + (IsObject ? Count * KeyEntryBytes : 0) + index * ValueEntryBytes, ValueEntryBytes);
        var type = entry[0];
        if (type is JsonType.Literal or JsonType.Int16 or JsonType.UInt16 || (IsLarge && type is JsonType.Int32 or JsonType.UInt32))
            return new(type, entry[1..]);
        var offset = IsLarge ? BinaryPrimitives.ReadUInt32LittleEndian(entry[1..]) : BinaryPrimitives.ReadUInt16LittleEndian(entry[1..]);
        return offset <= _data.Length ? new(type, _data[(int)offset..]) : throw MySqlFormatException.Short(1, 0);
    }

    /// <summary>Bytes of a string, or of an opaque value behind its column type.</summary>
    public static ReadOnlySpan<byte> Counted(ReadOnlySpan<byte> data)
    {
        const int MostLengthBytes = 5;
        ulong length = 0;
        for (var i = 0; i < MostLengthBytes; i++)
        {
            if (i >= data.Length)
                throw MySqlFormatException.Short(1, 0);
            length |= (ulong)(data[i] & 0x7F) << 7 * i;
            if ((data[i] & 0x80) != 0)
                continue;
            var rest = data[(i + 1)..];
            return length <= (ulong)rest.Length ? rest[..(int)length] : throw MySqlFormatException.Short((int)Math.Min(length, int.MaxValue), rest.Length);
        }

        throw MySqlFormatException.Unexpected("length of a JSON string", "at most 5 bytes long", MostLengthBytes + 1);
    }
}
