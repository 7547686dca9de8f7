using System.Buffers.Binary;

namespace Leat.Changes;

/// <summary>What happened to a row. Values are written to disk: never renumber.</summary>
public enum ChangeKind : byte
{
    /// <summary>Inserted: only an after image.</summary>
    Insert = 1,

    /// <summary>Updated: both images.</summary>
    Update = 2,

    /// <summary>Deleted: only a before image.</summary>
    Delete = 3,

    /// <summary>Read by a snapshot: only an after image.</summary>
    Read = 4,

    /// <summary>The table lost all its rows at this place. No image; the schema names the table.</summary>
    Truncate = 5,

    /// <summary>
    /// The table has been read again as a whole, up to this place: rows that a target holds and the source does not have are to be removed.
    /// No image; the schema names the table.
    /// </summary>
    Sweep = 6,

    /// <summary>Read by a snapshot of a table that was delivered before, so that a target may hold an older row: only an after image.</summary>
    ReadAgain = 7,

    /// <summary>Not a change: the record only carries the source's position. Written as the last record of every batch.</summary>
    Position = 16,
}

/// <summary>Marks on an encoded change. Values are written to disk.</summary>
[Flags]
public enum ChangeMarks : byte
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>A before image follows the header.</summary>
    HasBefore = 1,

    /// <summary>An after image follows.</summary>
    HasAfter = 2,

    /// <summary>The last change of its source transaction.</summary>
    LastOfTransaction = 4,
}

/// <summary>Reads one encoded change, the value of a log record, without materialising anything.</summary>
/// <remarks>
/// <code>
/// offset  0        1      2      3          4          8             16            20            24
///         +--------+------+------+----------+----------+-------------+-------------+-------------+-------------+--------+-------+
///         | version| kind | marks| id length| schema id| committed at| index in    | before      | transaction | before | after |
///         | u8 = 1 | u8   | u8   | u8 bytes | u32      | i64 µs, UTC | transaction | length u32  | id          | row    | row   |
///         +--------+------+------+----------+----------+-------------+-------------+-------------+-------------+--------+-------+
/// </code>
/// Integers are little-endian. A <see cref="ChangeKind.Position"/> record has the first two bytes, then the position's bytes.
/// Described in docs/formats/change.md.
/// </remarks>
public readonly ref struct EncodedChange
{
    /// <summary>The only version there is.</summary>
    public const byte Version = 1;

    /// <summary>Bytes before the transaction id.</summary>
    public const int HeaderBytes = 24;

    private readonly ReadOnlySpan<byte> _bytes;

    /// <summary>Wraps the value of a log record.</summary>
    /// <exception cref="InvalidDataException">Another format version, or shorter than its own header.</exception>
    public EncodedChange(ReadOnlySpan<byte> bytes)
    {
        if (!IsWhole(bytes))
            throw new InvalidDataException($"Not an encoded change of version {Version}: {bytes.Length} bytes, first {(bytes.IsEmpty ? -1 : bytes[0])}.");
        _bytes = bytes;
    }

    /// <summary>What happened.</summary>
    public ChangeKind Kind => (ChangeKind)_bytes[1];

    /// <summary>Which images are there, and whether the transaction ends here.</summary>
    public ChangeMarks Marks => (ChangeMarks)_bytes[2];

    /// <summary>Number of the schema in the source's schema stream.</summary>
    public uint SchemaId => BinaryPrimitives.ReadUInt32LittleEndian(_bytes[4..]);

    /// <summary>Commit time at the source, microseconds since 1970 UTC, as fine as the source tells it.</summary>
    public long CommittedAtMicros => BinaryPrimitives.ReadInt64LittleEndian(_bytes[8..]);

    /// <summary>Place of the change in its source transaction, from 0.</summary>
    public uint IndexInTransaction => BinaryPrimitives.ReadUInt32LittleEndian(_bytes[16..]);

    /// <summary>The source's own name of the transaction as readable text in ASCII, e.g. the GTID <c>0-1-42</c>; empty when it has none.</summary>
    public ReadOnlySpan<byte> TransactionId => _bytes.Slice(HeaderBytes, _bytes[3]);

    /// <summary>The encoded row before; empty without <see cref="ChangeMarks.HasBefore"/>.</summary>
    public ReadOnlySpan<byte> Before => _bytes.Slice(HeaderBytes + _bytes[3], BeforeBytes);

    /// <summary>The encoded row after; empty without <see cref="ChangeMarks.HasAfter"/>.</summary>
    public ReadOnlySpan<byte> After => _bytes[(HeaderBytes + _bytes[3] + BeforeBytes)..];

    /// <summary>The position's bytes of a <see cref="ChangeKind.Position"/> record.</summary>
    public ReadOnlySpan<byte> Position => _bytes[2..];

    /// <summary>Where <see cref="Before"/> starts in the record's value.</summary>
    public int BeforeOffset => HeaderBytes + _bytes[3];

    /// <summary>Where <see cref="After"/> starts in the record's value.</summary>
    public int AfterOffset => BeforeOffset + BeforeBytes;

    // Header, transaction id and before image are there; the after image is the rest.
    private static bool IsWhole(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 2 || bytes[0] != Version)
            return false;
        return bytes[1] == (byte)ChangeKind.Position
            || (bytes.Length >= HeaderBytes && bytes.Length - HeaderBytes - bytes[3] >= BinaryPrimitives.ReadUInt32LittleEndian(bytes[20..]));
    }

    private int BeforeBytes => (int)BinaryPrimitives.ReadUInt32LittleEndian(_bytes[20..]);

    /// <summary>Writes the header and transaction id; the images follow at the returned offset.</summary>
    public static int WriteHeader(
        Span<byte> target, ChangeKind kind, ChangeMarks marks, uint schemaId, long committedAtMicros, uint indexInTransaction,
        int beforeBytes, ReadOnlySpan<byte> transactionId)
    {
        target[0] = Version;
        target[1] = (byte)kind;
        target[2] = (byte)marks;
        target[3] = (byte)transactionId.Length;
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], schemaId);
        BinaryPrimitives.WriteInt64LittleEndian(target[8..], committedAtMicros);
        BinaryPrimitives.WriteUInt32LittleEndian(target[16..], indexInTransaction);
        BinaryPrimitives.WriteUInt32LittleEndian(target[20..], (uint)beforeBytes);
        transactionId.CopyTo(target[HeaderBytes..]);
        return HeaderBytes + transactionId.Length;
    }
}
