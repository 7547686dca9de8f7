using System.Buffers;
using System.Buffers.Binary;
using Leat.Connectors.MySql.Binlog;

namespace Leat.Connectors.MySql.Offline;

/// <summary>Cuts a binlog file into events. Reads front to back, so that a pipe is as good as a file.</summary>
/// <remarks>
/// A file is the four bytes FE 62 69 6E and then events. Source: MariaDB knowledge base, "Binlog file format"; an encrypted file of MySQL begins with
/// FD instead of FE (MySQL manual, "Encrypting binary log files"), one of MariaDB holds a START_ENCRYPTION event.
/// The buffer holds at least one whole event, so memory is that of the largest event (at most 1 GiB, as the server's largest packet).
/// </remarks>
internal sealed class BinlogFileReader : IDisposable
{
    private const int MagicBytes = 4;
    private const int FirstBufferBytes = 1 << 20;

    /// <summary>max_allowed_packet can be no larger, and a row event is little more than its row.</summary>
    private const uint MostEventBytes = (1 << 30) + (1 << 20);

    private readonly string _name;
    private readonly Stream _input;
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(FirstBufferBytes);
    private int _start;
    private int _end;
    private bool _hasBegun;
    private bool _isOver;

    /// <summary>A reader at a file's start.</summary>
    public BinlogFileReader(string name, Stream input) => (_name, _input) = (name, input);

    private static ReadOnlySpan<byte> Magic => [0xFE, 0x62, 0x69, 0x6E];

    private static ReadOnlySpan<byte> EncryptedMagic => [0xFD, 0x62, 0x69, 0x6E];

    /// <summary>Where the event begins that <see cref="TryTake"/> gave last, in bytes from the file's start.</summary>
    public long EventOffset { get; private set; }

    /// <summary>Where the next one begins.</summary>
    public long NextOffset { get; private set; }

    /// <summary>Whether the server had not closed the file when it was written: then it may end anywhere.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>Whether the events of the file end in a checksum; known once the first was taken.</summary>
    public bool HasChecksums { get; private set; }

    /// <summary>Takes the next event when all of it is in the buffer. It lies there until <see cref="FillAsync"/>.</summary>
    /// <exception cref="BinlogFileException">There is none.</exception>
    public bool TryTake(out ReadOnlyMemory<byte> binlogEvent)
    {
        binlogEvent = default;
        var rest = _buffer.AsSpan(_start, _end - _start);
        if (!_hasBegun && !TryBegin(ref rest))
            return false;
        if (rest.Length < EventHeader.Bytes)
            return false;
        var size = SizeOf(rest);
        if (size > rest.Length)
            return false;
        EventOffset = NextOffset;
        NextOffset += size;
        Look(_buffer.AsSpan(_start, size));
        binlogEvent = _buffer.AsMemory(_start, size);
        _start += size;
        return true;
    }

    /// <summary>Reads on; false at the file's end.</summary>
    /// <exception cref="BinlogFileException">It ends inside an event.</exception>
    public async ValueTask<bool> FillAsync(CancellationToken cancellationToken)
    {
        if (_isOver)
            return false;
        MakeRoom();
        var count = await _input.ReadAsync(_buffer.AsMemory(_end), cancellationToken);
        _end += count;
        if (count > 0)
            return true;
        _isOver = true;
        if (!_hasBegun)
            throw NotBinlog();
        if (_end > _start && !IsOpen)
            throw new BinlogFileException(
                BinlogFileFault.CutOff, _name, NextOffset, $"the file ends {_end - _start} bytes into an event, although the server had closed it");
        return false;
    }

    /// <summary>Gives the buffer back.</summary>
    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
        (_start, _end) = (0, 0);
    }

    private bool TryBegin(ref Span<byte> rest)
    {
        if (rest.Length < MagicBytes)
            return false;
        if (rest[..MagicBytes].SequenceEqual(EncryptedMagic))
            throw new BinlogFileException(BinlogFileFault.Encrypted, _name, 0, "it is encrypted (binlog_encryption)");
        if (!rest[..MagicBytes].SequenceEqual(Magic))
            throw NotBinlog();
        rest = rest[MagicBytes..];
        _start += MagicBytes;
        NextOffset = MagicBytes;
        _hasBegun = true;
        return true;
    }

    private int SizeOf(ReadOnlySpan<byte> header)
    {
        var size = BinaryPrimitives.ReadUInt32LittleEndian(header[9..]);
        if (size is < EventHeader.Bytes or > MostEventBytes)
            throw new BinlogFileException(BinlogFileFault.Damaged, _name, NextOffset, $"an event claims to be {size} bytes long");
        if (NextOffset == MagicBytes && header[4] != EventType.FormatDescription)
            throw new BinlogFileException(BinlogFileFault.Damaged, _name, NextOffset, $"the first event is of type {header[4]}, not the one that describes the format");
        return (int)size;
    }

    // The server sets a flag while it writes the file and clears it when it closes it; the checksum is that of the event without.
    private void Look(Span<byte> binlogEvent)
    {
        const byte InUse = 1;
        var type = binlogEvent[4];
        if (type == EventType.FormatDescription)
            HasChecksums = DescribesChecksums(binlogEvent);
        if (type == EventType.FormatDescription && EventOffset == MagicBytes)
        {
            IsOpen = (binlogEvent[17] & InUse) != 0;
            binlogEvent[17] &= unchecked((byte)~InUse);
        }

        if (type == EventType.StartEncryption)
            throw new BinlogFileException(BinlogFileFault.Encrypted, _name, EventOffset, "it is encrypted (encrypt_binlog)");
    }

    // Its last five bytes are the algorithm, and a checksum whose place is always there.
    private static bool DescribesChecksums(ReadOnlySpan<byte> description)
    {
        const byte Crc32Algorithm = 1;
        const int ChecksumBytes = 4;
        return description.Length > EventHeader.Bytes + ChecksumBytes && description[^(ChecksumBytes + 1)] == Crc32Algorithm;
    }

    // What is left moves to the front; a larger event gets a larger buffer as its bytes arrive, not because it claims to be large.
    private void MakeRoom()
    {
        var left = _end - _start;
        if (left < _buffer.Length)
        {
            _buffer.AsSpan(_start, left).CopyTo(_buffer);
        }
        else
        {
            var larger = ArrayPool<byte>.Shared.Rent(checked(_buffer.Length * 2));
            _buffer.AsSpan(_start, left).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }

        (_start, _end) = (0, left);
    }

    private BinlogFileException NotBinlog() => new(BinlogFileFault.NotBinlog, _name, 0, "it does not begin with FE 62 69 6E, as every binlog file does");
}
