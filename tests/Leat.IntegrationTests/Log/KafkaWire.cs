using System.Buffers.Binary;
using System.Text;

namespace Leat.IntegrationTests.Log;

/// <summary>Fields of a Kafka request, front to back; integers are big-endian.</summary>
internal ref struct KafkaFields(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    public byte ReadByte() => Take(1)[0];

    public short ReadInt16() => BinaryPrimitives.ReadInt16BigEndian(Take(2));

    public int ReadInt32() => BinaryPrimitives.ReadInt32BigEndian(Take(4));

    public long ReadInt64() => BinaryPrimitives.ReadInt64BigEndian(Take(8));

    /// <summary>Text after a length of two bytes; -1 stands for none.</summary>
    public string ReadText()
    {
        var length = ReadInt16();
        return length < 0 ? "" : Encoding.UTF8.GetString(Take(length));
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }
}

/// <summary>A Kafka response that is being written; integers are big-endian.</summary>
internal sealed class KafkaAnswer
{
    private readonly List<byte> _bytes = [];

    /// <summary>An answer to the request with that number. Room for its length is kept.</summary>
    public KafkaAnswer(int correlation) => Int32(0).Int32(correlation);

    public KafkaAnswer Byte(byte value)
    {
        _bytes.Add(value);
        return this;
    }

    public KafkaAnswer Int16(short value)
    {
        Span<byte> bytes = stackalloc byte[2];
        BinaryPrimitives.WriteInt16BigEndian(bytes, value);
        _bytes.AddRange(bytes);
        return this;
    }

    public KafkaAnswer Int32(int value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        _bytes.AddRange(bytes);
        return this;
    }

    public KafkaAnswer Int64(long value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(bytes, value);
        _bytes.AddRange(bytes);
        return this;
    }

    public KafkaAnswer Text(string? value)
    {
        if (value is null)
            return Int16(-1);
        var bytes = Encoding.UTF8.GetBytes(value);
        Int16((short)bytes.Length);
        _bytes.AddRange(bytes);
        return this;
    }

    public KafkaAnswer Bytes(ReadOnlySpan<byte> value)
    {
        Int32(value.Length);
        _bytes.AddRange(value);
        return this;
    }

    /// <summary>The whole answer with its length in front.</summary>
    public byte[] ToArray()
    {
        byte[] all = [.. _bytes];
        BinaryPrimitives.WriteInt32BigEndian(all, all.Length - 4);
        return all;
    }
}
