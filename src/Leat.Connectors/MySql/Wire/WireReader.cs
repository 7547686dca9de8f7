using System.Buffers.Binary;
using System.Text;

namespace Leat.Connectors.MySql.Wire;

/// <summary>Reads protocol fields front to back; all integers are little-endian. A read past the end throws <see cref="MySqlFormatException"/>.</summary>
public ref struct WireReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>Bytes not read yet.</summary>
    public readonly int RemainingBytes => _rest.Length;

    /// <summary>All that is left, without moving.</summary>
    public readonly ReadOnlySpan<byte> Rest => _rest;

    /// <summary>An unsigned byte.</summary>
    public byte ReadByte() => ReadBytes(1)[0];

    /// <summary>Two bytes.</summary>
    public ushort ReadUInt16() => BinaryPrimitives.ReadUInt16LittleEndian(ReadBytes(2));

    /// <summary>Three bytes.</summary>
    public uint ReadUInt24() => ReadUInt16() | (uint)ReadByte() << 16;

    /// <summary>Four bytes.</summary>
    public uint ReadUInt32() => BinaryPrimitives.ReadUInt32LittleEndian(ReadBytes(4));

    /// <summary>Six bytes.</summary>
    public ulong ReadUInt48() => ReadUInt32() | (ulong)ReadUInt16() << 32;

    /// <summary>Eight bytes.</summary>
    public ulong ReadUInt64() => BinaryPrimitives.ReadUInt64LittleEndian(ReadBytes(8));

    /// <summary>The next bytes, without copying.</summary>
    public ReadOnlySpan<byte> ReadBytes(int count)
    {
        if ((uint)count > (uint)_rest.Length)
            throw MySqlFormatException.Short(count, _rest.Length);
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }

    /// <summary>A length-encoded integer; the value 0xFB, SQL's NULL, gives false.</summary>
    public bool TryReadLength(out ulong value)
    {
        var first = ReadByte();
        value = first switch
        {
            < 0xFB => first,
            0xFC => ReadUInt16(),
            0xFD => ReadUInt24(),
            0xFE => ReadUInt64(),
            0xFB => 0,
            _ => throw MySqlFormatException.Unexpected("length byte", "0 to 254", first),
        };
        return first != 0xFB;
    }

    /// <summary>A length-encoded integer that cannot be NULL.</summary>
    public ulong ReadLength() => TryReadLength(out var value) ? value : throw MySqlFormatException.Unexpected("length byte", "not NULL", 0xFB);

    /// <summary>Bytes preceded by their length; false for NULL.</summary>
    public bool TryReadLengthBytes(out ReadOnlySpan<byte> value)
    {
        value = default;
        if (!TryReadLength(out var length))
            return false;
        if (length > (ulong)_rest.Length)
            throw MySqlFormatException.Short((int)Math.Min(length, int.MaxValue), _rest.Length);
        value = ReadBytes((int)length);
        return true;
    }

    /// <summary>Bytes preceded by their length; NULL reads as empty.</summary>
    public ReadOnlySpan<byte> ReadLengthBytes()
    {
        TryReadLengthBytes(out var value);
        return value;
    }

    /// <summary>Text preceded by its length.</summary>
    public string ReadLengthText() => Encoding.UTF8.GetString(ReadLengthBytes());

    /// <summary>Bytes up to a zero byte, which is passed; all that is left when there is none.</summary>
    public ReadOnlySpan<byte> ReadUntilZero()
    {
        var end = _rest.IndexOf((byte)0);
        if (end < 0)
            return ReadBytes(_rest.Length);
        var taken = ReadBytes(end);
        ReadByte();
        return taken;
    }
}
