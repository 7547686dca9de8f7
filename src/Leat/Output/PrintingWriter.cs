using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Leat.Changes;
using Leat.Changes.Formats.Envelopes;

namespace Leat.Output;

/// <summary>Prints every committed change as JSON lines; a transaction that is rolled back is never seen.</summary>
/// <remarks>The changes of an open transaction wait in memory, encoded, until it commits.</remarks>
/// <param name="target">Takes the lines.</param>
/// <param name="envelope">What the lines look like; the writer's own from now on. <see langword="null"/>: our own documents.</param>
public sealed partial class PrintingWriter(TextWriter target, IChangeEnvelope? envelope = null) : IChangeWriter, IDisposable
{
    private const int FlushBytes = 64 * 1024;
    private const int LengthBytes = 4;

    private readonly IChangeEnvelope _envelope = envelope ?? ChangeEnvelopes.Create(EnvelopeFormat.Leat, new() { Source = "", Version = "", Time = TimeProvider.System });
    private readonly List<TableSchema> _schemas = [];
    private readonly ArrayBufferWriter<byte> _lines = new(FlushBytes * 2);
    private readonly ArrayBufferWriter<byte> _positionBytes = new();
    private readonly byte[] _transactionId = new byte[byte.MaxValue];
    private byte[] _open = ArrayPool<byte>.Shared.Rent(FlushBytes); // records of the open transaction: length, encoded change
    private char[] _chars = new char[FlushBytes * 2];
    private int _openBytes;
    private int _lastRecordAt;
    private int _transactionIdBytes;
    private long _committedAtMicros;
    private uint _index;
    private ChangePlace _passed = new("", 0);

    /// <summary>Changes printed so far.</summary>
    public long Changes { get; private set; }

    /// <summary>Changes so far for which the envelope has no document.</summary>
    public long LeftOut { get; private set; }

    /// <summary>Transactions printed so far.</summary>
    public long Transactions { get; private set; }

    /// <summary>The position of the last commit; <see langword="null"/> before the first.</summary>
    public string? Position => _positionBytes.WrittenCount == 0 ? null : Encoding.UTF8.GetString(_positionBytes.WrittenSpan);

    /// <inheritdoc/>
    public uint Define(TableSchema schema)
    {
        var known = _schemas.IndexOf(schema);
        if (known < 0)
        {
            known = _schemas.Count;
            _schemas.Add(schema);
        }

        return (uint)known + 1; // 0 is no shape
    }

    /// <inheritdoc/>
    public void Begin(ReadOnlySpan<byte> transactionId, long committedAtMicros)
    {
        transactionId.CopyTo(_transactionId);
        _transactionIdBytes = transactionId.Length;
        _committedAtMicros = committedAtMicros;
        Rollback();
    }

    /// <inheritdoc/>
    public Span<byte> BeginRow(int maxBytes)
    {
        var imagesAt = _openBytes + LengthBytes + EncodedChange.HeaderBytes + _transactionIdBytes;
        if (_open.Length < imagesAt + maxBytes)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(imagesAt + maxBytes, _open.Length * 2));
            _open.AsSpan(0, _openBytes).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_open);
            _open = larger;
        }

        return _open.AsSpan(imagesAt, maxBytes);
    }

    /// <inheritdoc/>
    public void EndRow(ChangeKind kind, uint schemaId, int beforeBytes, int afterBytes)
    {
        var marks = (beforeBytes > 0 ? ChangeMarks.HasBefore : 0) | (afterBytes > 0 ? ChangeMarks.HasAfter : 0);
        var header = EncodedChange.WriteHeader(
            _open.AsSpan(_openBytes + LengthBytes), kind, marks, schemaId, _committedAtMicros, _index++, beforeBytes,
            _transactionId.AsSpan(0, _transactionIdBytes));
        var length = header + beforeBytes + afterBytes;
        BinaryPrimitives.WriteInt32LittleEndian(_open.AsSpan(_openBytes), length);
        _lastRecordAt = _openBytes + LengthBytes;
        _openBytes = _lastRecordAt + length;
    }

    /// <inheritdoc/>
    public ValueTask CommitAsync(IPosition position, bool moreInput, CancellationToken cancellationToken)
    {
        if (_openBytes > 0)
        {
            var place = PlaceBefore(position);
            _open[_lastRecordAt + 2] |= (byte)ChangeMarks.LastOfTransaction; // the marks are the header's third byte
            for (var at = 0; at < _openBytes;)
            {
                var length = BinaryPrimitives.ReadInt32LittleEndian(_open.AsSpan(at));
                Print(_open.AsSpan(at + LengthBytes, length), place);
                at += LengthBytes + length;
            }

            Transactions++;
        }

        Rollback();
        return AdvanceAsync(position, moreInput, cancellationToken);
    }

    /// <inheritdoc/>
    public void Rollback() => (_openBytes, _index) = (0, 0);

    /// <inheritdoc/>
    public ValueTask AdvanceAsync(IPosition position, bool moreInput, CancellationToken cancellationToken)
    {
        _positionBytes.ResetWrittenCount();
        position.WriteTo(_positionBytes);
        _passed = BinlogPlace.Of(_positionBytes.WrittenSpan);
        if (!moreInput)
            Flush();
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public void Progress(SnapshotProgress progress)
    {
        // The printed rows are progress enough.
    }

    /// <summary>Says after which position the source goes on, so that the place of the first transaction is known.</summary>
    public void StartAfter(SourcePosition position) => _passed = BinlogPlace.Of(Encoding.UTF8.GetBytes(position.Text));

    /// <summary>Writes what is still waiting in memory.</summary>
    public void Flush()
    {
        if (_lines.WrittenCount == 0)
            return;
        if (_chars.Length < _lines.WrittenCount)
            _chars = new char[_lines.WrittenCount];
        var count = Encoding.UTF8.GetChars(_lines.WrittenSpan, _chars);
        target.Write(_chars, 0, count);
        target.Flush();
        _lines.ResetWrittenCount();
    }

    /// <summary>Gives the buffers back.</summary>
    public void Dispose()
    {
        _envelope.Dispose();
        ArrayPool<byte>.Shared.Return(_open);
        _open = [];
    }

    // A transaction begins where what was passed before it ended; in a file of its own, behind that file's first four bytes at the earliest.
    private ChangePlace PlaceBefore(IPosition position)
    {
        const int FirstEvent = 4;
        _positionBytes.ResetWrittenCount();
        position.WriteTo(_positionBytes);
        var after = BinlogPlace.Of(_positionBytes.WrittenSpan);
        return after.File == _passed.File ? _passed : after with { Offset = _passed.File.Length > 0 ? FirstEvent : 0 };
    }

    private void Print(ReadOnlySpan<byte> record, in ChangePlace place)
    {
        var change = new EncodedChange(record);
        if (_envelope.Write(change, _schemas[(int)change.SchemaId - 1], place, _lines) == 0)
            LeftOut++;
        else
            Changes++;
        if (_lines.WrittenCount >= FlushBytes)
            Flush();
    }
}
