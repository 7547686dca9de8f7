using System.Buffers;
using System.Buffers.Binary;
using Leat.Changes;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Offline;

/// <summary>Prints the rows of binlog files as the <c>###</c> lines of <c>mariadb-binlog -v</c>: every row event, also those of transactions that were rolled back.</summary>
public sealed class BinlogFilePrinter : IDisposable
{
    private const int ChecksumBytes = 4;
    private const int FlushBytes = 64 * 1024;

    private readonly Stream _output;
    private readonly ArrayBufferWriter<byte> _lines = new(FlushBytes * 2);
    private readonly VerboseRows _rows;
    private readonly TransactionPayload _payload = new();
    private bool _checksums;

    /// <summary>A printer that has read nothing.</summary>
    /// <param name="tables">Tables whose rows are wanted; empty: all.</param>
    /// <param name="output">Takes the lines. Text stands in them as the bytes that it is in the file, whatever its character set.</param>
    public BinlogFilePrinter(IReadOnlyList<TablePattern> tables, Stream output)
    {
        _output = output;
        _rows = new(tables, _lines);
    }

    /// <summary>Rows printed so far.</summary>
    public long Rows => _rows.Count;

    /// <summary>Prints a file to its end.</summary>
    /// <param name="name">The file's name, for messages.</param>
    /// <param name="input">Its bytes.</param>
    /// <param name="progress">Told how many bytes were read, after each of at least a megabyte; may be <see langword="null"/>.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="BinlogFileException">It cannot be read on; what was read before is printed.</exception>
    public async ValueTask ReadAsync(string name, Stream input, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        using var file = new BinlogFileReader(name, input);
        try
        {
            do
            {
                while (TryPrint(file, name))
                {
                    if (_lines.WrittenCount >= FlushBytes)
                        await FlushAsync(cancellationToken);
                }

                progress?.Report(file.NextOffset);
            }
            while (await file.FillAsync(cancellationToken));
        }
        finally
        {
            await FlushAsync(CancellationToken.None);
        }
    }

    /// <summary>Gives back what the library for compressed transactions holds.</summary>
    public void Dispose() => _payload.Dispose();

    private bool TryPrint(BinlogFileReader file, string name)
    {
        if (!file.TryTake(out var binlogEvent))
            return false;
        try
        {
            _checksums = file.HasChecksums;
            Apply(binlogEvent.Span, isNested: false);
            return true;
        }
        catch (MySqlFormatException malformed)
        {
            throw new BinlogFileException(BinlogFileFault.Damaged, name, file.EventOffset, malformed.Message, malformed);
        }
    }

    private void Apply(ReadOnlySpan<byte> binlogEvent, bool isNested)
    {
        var header = EventHeader.Read(binlogEvent);
        var body = binlogEvent[EventHeader.Bytes..];
        if (header.Type == EventType.FormatDescription)
            _rows.ForgetMaps();
        if (_checksums && !isNested)
            body = CheckSum(binlogEvent);
        switch (header.Type)
        {
            case EventType.TableMap:
                _rows.Map(body);
                break;
            case EventType.WriteRowsV1 or EventType.WriteRowsV2 or EventType.WriteRowsCompressedV1 or EventType.WriteRowsCompressed:
                _rows.Rows(ChangeKind.Insert, body, header.Type);
                break;
            case EventType.UpdateRowsV1 or EventType.UpdateRowsV2 or EventType.UpdateRowsCompressedV1 or EventType.UpdateRowsCompressed:
                _rows.Rows(ChangeKind.Update, body, header.Type);
                break;
            case EventType.DeleteRowsV1 or EventType.DeleteRowsV2 or EventType.DeleteRowsCompressedV1 or EventType.DeleteRowsCompressed:
                _rows.Rows(ChangeKind.Delete, body, header.Type);
                break;
            case EventType.PartialUpdateRows:
                throw MySqlFormatException.Unexpected("event type", "one that can be printed verbosely; partial JSON updates cannot", header.Type);
            case EventType.TransactionPayload when !isNested:
                Unpack(body);
                break;
            default:
                break; // no rows: nothing to print
        }
    }

    private void Unpack(ReadOnlySpan<byte> body)
    {
        _payload.Open(body);
        try
        {
            while (_payload.TryNext(body, out var inner))
                Apply(inner, isNested: true);
        }
        finally
        {
            _payload.Close();
        }
    }

    private static ReadOnlySpan<byte> CheckSum(ReadOnlySpan<byte> binlogEvent)
    {
        if (binlogEvent.Length < EventHeader.Bytes + ChecksumBytes)
            throw MySqlFormatException.Short(EventHeader.Bytes + ChecksumBytes, binlogEvent.Length);
        var end = binlogEvent.Length - ChecksumBytes;
        var found = BinaryPrimitives.ReadUInt32LittleEndian(binlogEvent[end..]);
        return Crc32.Of(binlogEvent[..end]) == found
            ? binlogEvent[EventHeader.Bytes..end]
            : throw MySqlFormatException.Unexpected("checksum of an event", $"{Crc32.Of(binlogEvent[..end])}", found);
    }

    private async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        if (_lines.WrittenCount == 0)
            return;
        await _output.WriteAsync(_lines.WrittenMemory, cancellationToken);
        await _output.FlushAsync(cancellationToken);
        _lines.ResetWrittenCount();
    }
}
