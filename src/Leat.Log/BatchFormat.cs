using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using Leat.Log.Codecs;

namespace Leat.Log;

/// <summary>The fixed 61-byte header of a record batch: Kafka's message format, magic 2. Integers are big-endian.</summary>
/// <remarks>
/// <code>
/// offset  0           8        12      16      17     21          23         27         35        43           51        53        57       61
///         +-----------+--------+-------+-------+------+-----------+----------+----------+---------+------------+---------+---------+--------+
///         | base      | length | epoch | magic | crc  | attributes| last off | base     | max     | producer id| producer| base    | records|
///         | offset i64| i32    | i32   | u8 = 2| u32  | i16       | delta i32| time i64 | time i64| i64        | epoch i16| seq i32| i32    |
///         +-----------+--------+-------+-------+------+-----------+----------+----------+---------+------------+---------+---------+--------+
/// </code>
/// Length counts from offset 12, the CRC-32C covers all from offset 21. Described in docs/formats/log-segment.md.
/// </remarks>
internal static class BatchFormat
{
    public const int HeaderBytes = 61;
    public const int LengthAt = 8, EpochAt = 12, MagicAt = 16, CrcAt = 17, AttributesAt = 21, LastOffsetDeltaAt = 23, BaseTimeAt = 27;
    public const int MaxTimeAt = 35, ProducerIdAt = 43, ProducerEpochAt = 51, BaseSequenceAt = 53, RecordCountAt = 57;
    public const byte Magic = 2;
    public const short CompressionMask = 0x07, Transactional = 0x10, Control = 0x20;

    /// <summary>Bytes before those that the length counts.</summary>
    public const int LengthStart = 12;

    /// <summary>Largest batch, header included: 256 MiB.</summary>
    public const int MaxBatchBytes = 256 * 1024 * 1024;

    /// <summary>The header of the first record that carries the synced offset: one header, its name, eight bytes of value.</summary>
    public static ReadOnlySpan<byte> SyncedHeader => [0x02, 0x0C, (byte)'s', (byte)'y', (byte)'n', (byte)'c', (byte)'e', (byte)'d', 0x10];

    /// <summary>Bytes of <see cref="SyncedHeader"/> with its value.</summary>
    public const int SyncedHeaderBytes = 17;

    /// <summary>CRC-32C (Castagnoli), eight bytes a step in hardware.</summary>
    public static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var word in MemoryMarshal.Cast<byte, ulong>(bytes))
            crc = BitOperations.Crc32C(crc, BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word));
        foreach (var rest in bytes[(bytes.Length & ~7)..])
            crc = BitOperations.Crc32C(crc, rest);
        return ~crc;
    }

    /// <summary>Incarnations and sequence numbers are never negative; sequence numbers wrap at 2^31.</summary>
    public static int SequenceOf(long offset) => (int)(offset & int.MaxValue);

    /// <summary>Writes everything that is known only when the batch's place is: offset, incarnation, kind, synced offset; all but the CRC.</summary>
    /// <param name="batch">The whole batch, not compressed; the times are written already.</param>
    /// <param name="syncedAt">Where the value of <see cref="SyncedHeader"/> stands.</param>
    /// <param name="head">What to write.</param>
    public static void WriteHead(Span<byte> batch, int syncedAt, in BatchHead head)
    {
        BinaryPrimitives.WriteInt64BigEndian(batch, head.BaseOffset);
        BinaryPrimitives.WriteInt32BigEndian(batch[LengthAt..], batch.Length - LengthStart);
        BinaryPrimitives.WriteInt32BigEndian(batch[EpochAt..], (int)head.Epoch);
        batch[MagicAt] = Magic;
        BinaryPrimitives.WriteInt16BigEndian(batch[AttributesAt..], head.Attributes);
        BinaryPrimitives.WriteInt32BigEndian(batch[LastOffsetDeltaAt..], head.RecordCount - 1 + head.SkippedOffsets);
        BinaryPrimitives.WriteInt64BigEndian(batch[ProducerIdAt..], head.Incarnation);
        BinaryPrimitives.WriteInt16BigEndian(batch[ProducerEpochAt..], 0);
        BinaryPrimitives.WriteInt32BigEndian(batch[BaseSequenceAt..], SequenceOf(head.BaseOffset));
        BinaryPrimitives.WriteInt32BigEndian(batch[RecordCountAt..], head.RecordCount);
        BinaryPrimitives.WriteInt64BigEndian(batch[syncedAt..], head.SyncedOffset);
    }

    /// <summary>Writes the CRC; afterwards the batch is final.</summary>
    public static void WriteCrc(Span<byte> batch) =>
        BinaryPrimitives.WriteUInt32BigEndian(batch[CrcAt..], Crc(batch[AttributesAt..]));

    /// <summary>Sets what a batch with another body needs: its length and how it is compressed. The CRC has to follow.</summary>
    public static void WriteBody(Span<byte> batch, Compression compression)
    {
        BinaryPrimitives.WriteInt32BigEndian(batch[LengthAt..], batch.Length - LengthStart);
        var attributes = BinaryPrimitives.ReadInt16BigEndian(batch[AttributesAt..]) & ~CompressionMask | (int)compression;
        BinaryPrimitives.WriteInt16BigEndian(batch[AttributesAt..], (short)attributes);
    }
}

/// <summary>What <see cref="BatchFormat.WriteHead"/> writes and <see cref="BatchView"/> reads.</summary>
internal readonly record struct BatchHead(
    long BaseOffset, uint Epoch, short Attributes, int RecordCount, long Incarnation, long SyncedOffset, int SkippedOffsets = 0);

/// <summary>Reads the header of a batch in place.</summary>
internal readonly ref struct BatchView(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    public long BaseOffset => BinaryPrimitives.ReadInt64BigEndian(_bytes);
    public int Length => BinaryPrimitives.ReadInt32BigEndian(_bytes[BatchFormat.LengthAt..]);
    public byte Magic => _bytes[BatchFormat.MagicAt];
    public uint Crc => BinaryPrimitives.ReadUInt32BigEndian(_bytes[BatchFormat.CrcAt..]);
    public short Attributes => BinaryPrimitives.ReadInt16BigEndian(_bytes[BatchFormat.AttributesAt..]);
    public int LastOffsetDelta => BinaryPrimitives.ReadInt32BigEndian(_bytes[BatchFormat.LastOffsetDeltaAt..]);
    public long BaseTime => BinaryPrimitives.ReadInt64BigEndian(_bytes[BatchFormat.BaseTimeAt..]);
    public long LatestTime => BinaryPrimitives.ReadInt64BigEndian(_bytes[BatchFormat.MaxTimeAt..]);
    public long Incarnation => BinaryPrimitives.ReadInt64BigEndian(_bytes[BatchFormat.ProducerIdAt..]);
    public int BaseSequence => BinaryPrimitives.ReadInt32BigEndian(_bytes[BatchFormat.BaseSequenceAt..]);
    public int RecordCount => BinaryPrimitives.ReadInt32BigEndian(_bytes[BatchFormat.RecordCountAt..]);

    public Compression Compression => (Compression)(Attributes & BatchFormat.CompressionMask);
    public bool IsTransactional => (Attributes & BatchFormat.Transactional) != 0;
    public bool IsControl => (Attributes & BatchFormat.Control) != 0;

    /// <summary>Offset after the last record.</summary>
    public long NextOffset => BaseOffset + LastOffsetDelta + 1L;

    /// <summary>Bytes of the whole batch as its header says; nonsense when the header is.</summary>
    public long SizeBytes => (long)Length + BatchFormat.LengthStart;

    /// <summary>Whether the header can belong to a batch of this format at this offset, whatever its body.</summary>
    public bool IsPlausible(long offset, long incarnation) => BaseOffset == offset && IsSound(incarnation) && LastOffsetDelta == RecordCount - 1;

    /// <summary>The same in a compacted segment: records may be missing before the batch and in it.</summary>
    /// <remarks>The CRC does not cover the base offset, only its lower 31 bits in the sequence number: any other change of it is a jump of 2^31.</remarks>
    public bool IsPlausibleCompacted(long minOffset, long incarnation) =>
        BaseOffset - minOffset is >= 0 and <= int.MaxValue && IsSound(incarnation) && LastOffsetDelta >= RecordCount - 1;

    private bool IsSound(long incarnation) =>
        Magic == BatchFormat.Magic && SizeBytes is > BatchFormat.HeaderBytes and <= BatchFormat.MaxBatchBytes
        && Incarnation == incarnation && BaseSequence == BatchFormat.SequenceOf(BaseOffset) && RecordCount > 0 && HasKnownAttributes();

    // Markers are never compressed, and no other bits are given a meaning here.
    private bool HasKnownAttributes()
    {
        const int known = BatchFormat.CompressionMask | BatchFormat.Transactional | BatchFormat.Control;
        return (Attributes & ~known) == 0 && Compression <= Compression.Zstd && !(IsControl && Compression != Compression.None);
    }

    /// <summary>Whether the CRC agrees; the view must cover the whole batch.</summary>
    public bool IsWhole() => Crc == BatchFormat.Crc(_bytes[BatchFormat.AttributesAt..(int)SizeBytes]);

    /// <summary>The synced offset that held when the batch was written, or -1 when its first record does not say.</summary>
    public long SyncedOffset()
    {
        var body = _bytes[BatchFormat.HeaderBytes..(int)SizeBytes];
        return Compression == Compression.None ? SyncedOffsetOf(body) : CompressedBatch.SyncedOffset(Compression, body);
    }

    /// <summary>The same from the bytes of the first record, and perhaps more after it.</summary>
    public static long SyncedOffsetOf(ReadOnlySpan<byte> records)
    {
        var at = 0;
        if (!Varint.TryRead(records, ref at, out var length) || length < BatchFormat.SyncedHeaderBytes || length > records.Length - at)
            return -1;
        var header = records.Slice(at + (int)length - BatchFormat.SyncedHeaderBytes, BatchFormat.SyncedHeaderBytes);
        return header.StartsWith(BatchFormat.SyncedHeader) ? BinaryPrimitives.ReadInt64BigEndian(header[BatchFormat.SyncedHeader.Length..]) : -1;
    }

    /// <summary>Whether a control batch commits (true) or aborts (false) its transaction; null when it is neither.</summary>
    public bool? Commits()
    {
        // length, attributes, time delta, offset delta: one byte each in a control batch, then the key: length 4, version i16, type i16.
        var key = _bytes[Math.Min(BatchFormat.HeaderBytes + 4, _bytes.Length)..];
        return key.Length < 5 || key[0] != 8 ? null : BinaryPrimitives.ReadInt16BigEndian(key[3..]) switch { 0 => false, 1 => true, _ => null };
    }
}
