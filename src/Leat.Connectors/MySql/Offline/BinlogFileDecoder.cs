using System.Buffers.Binary;
using System.Text;
using Leat.Changes;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Offline;

/// <summary>Decodes binlog files without a server, one after the other in the order in which they were written.</summary>
/// <remarks>Changes go to a writer as those of a source do: committed transactions only, and never one whose end stands in no file.</remarks>
public sealed class BinlogFileDecoder : IDisposable
{
    private readonly IChangeWriter _writer;
    private readonly MySqlPosition _position = new() { Gtids = null };
    private readonly BinlogDecoder _decoder;
    private bool _checksums = true;

    /// <summary>A decoder that has read nothing.</summary>
    /// <param name="tables">Tables whose rows are wanted; empty: all.</param>
    /// <param name="writer">Who takes the changes.</param>
    public BinlogFileDecoder(IReadOnlyList<TablePattern> tables, IChangeWriter writer)
    {
        _writer = writer;
        _decoder = new("binlog", _position, new OfflineShapes(tables, writer), writer, checksums: true);
    }

    /// <summary>Whether what was read ended inside a transaction: its changes were not written.</summary>
    public bool IsInTransaction => _decoder.InTransaction;

    /// <summary>Reads a file to its end.</summary>
    /// <param name="name">The file's name, for messages.</param>
    /// <param name="input">Its bytes.</param>
    /// <param name="progress">Told how many bytes were read, after each of at least a megabyte; may be <see langword="null"/>.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="BinlogFileException">It cannot be read on.</exception>
    public async ValueTask ReadAsync(string name, Stream input, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        _decoder.Apply(BeginOf(Path.GetFileName(name)));
        using var file = new BinlogFileReader(name, input);
        do
        {
            while (file.TryTake(out var binlogEvent))
            {
                _checksums = file.HasChecksums;
                Decoded decoded;
                while ((decoded = Apply(binlogEvent.Span, name, file.EventOffset)) == Decoded.NeedRoom)
                    await _writer.WhenRoomAsync(cancellationToken);
                if (decoded == Decoded.NeedPrepared)
                {
                    throw new BinlogFileException(
                        BinlogFileFault.Damaged, name, file.EventOffset,
                        $"{_decoder.TransactionName} commits the XA transaction {_decoder.Prepared.Unknown}, whose rows are in an earlier file: give that one, too");
                }

                if (decoded == Decoded.Prepared)
                    decoded = await _decoder.Prepared.FinishAsync(cancellationToken) ? Decoded.Commit : Decoded.Passed;
                if (decoded == Decoded.Commit)
                    await _writer.CommitAsync(_position, moreInput: true, cancellationToken);
                else if (decoded == Decoded.Passed)
                    await _writer.AdvanceAsync(_position, moreInput: true, cancellationToken);
            }

            await _writer.WhenRoomAsync(cancellationToken);
            progress?.Report(file.NextOffset);
        }
        while (await file.FillAsync(cancellationToken));
    }

    /// <summary>Gives back what the library for compressed transactions holds.</summary>
    public void Dispose() => _decoder.Dispose();

    // What a server would say before it sends the file: its name, and that its events begin behind four bytes.
    private byte[] BeginOf(string name)
    {
        const int FirstEvent = 4;
        byte[] body = [FirstEvent, 0, 0, 0, 0, 0, 0, 0, .. Encoding.UTF8.GetBytes(name)];
        var rotate = new byte[EventHeader.Bytes + body.Length + (_checksums ? sizeof(uint) : 0)];
        rotate[4] = EventType.Rotate;
        BinaryPrimitives.WriteUInt32LittleEndian(rotate.AsSpan(9), (uint)rotate.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(rotate.AsSpan(17), EventHeader.Artificial);
        body.CopyTo(rotate, EventHeader.Bytes);
        if (_checksums)
            BinaryPrimitives.WriteUInt32LittleEndian(rotate.AsSpan(rotate.Length - sizeof(uint)), Crc32.Of(rotate.AsSpan(0, rotate.Length - sizeof(uint))));
        return rotate;
    }

    private Decoded Apply(ReadOnlySpan<byte> binlogEvent, string name, long offset)
    {
        try
        {
            return _decoder.Apply(binlogEvent);
        }
        catch (MySqlFormatException malformed)
        {
            throw new BinlogFileException(BinlogFileFault.Damaged, name, offset, malformed.Message, malformed);
        }
        catch (LeatException told)
        {
            throw new BinlogFileException(BinlogFileFault.Damaged, name, offset, told.What, told);
        }
    }
}
