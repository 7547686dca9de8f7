using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Output;

/// <summary>Prints every committed change as a JSON line; a transaction that is rolled back is never seen.</summary>
/// <remarks>The changes of an open transaction wait in memory, encoded, until it commits.</remarks>
public sealed class PrintingWriter(TextWriter target) : IChangeWriter, IDisposable
{
    private const int FlushBytes = 64 * 1024;
    private const int LengthBytes = 4;

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
    private Utf8JsonWriter? _json;

    /// <summary>Changes printed so far.</summary>
    public long Changes { get; private set; }

    /// <summary>Transactions printed so far.</summary>
    public long Transactions { get; private set; }

    /// <summary>The position of the last commit; <see langword="null"/> before the first.</summary>
    public string? Position => _positionBytes.WrittenCount == 0 ? null : Encoding.UTF8.GetString(_positionBytes.WrittenSpan);

    /// <inheritdoc/>
    public uint Define(TableSchema schema)
    {
        var known = _schemas.IndexOf(schema);
        if (known >= 0)
            return (uint)known;
        _schemas.Add(schema);
        return (uint)(_schemas.Count - 1);
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
            _open[_lastRecordAt + 2] |= (byte)ChangeMarks.LastOfTransaction; // the marks are the header's third byte
            for (var at = 0; at < _openBytes;)
            {
                var length = BinaryPrimitives.ReadInt32LittleEndian(_open.AsSpan(at));
                Print(_open.AsSpan(at + LengthBytes, length));
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
        _json?.Dispose();
        ArrayPool<byte>.Shared.Return(_open);
        _open = [];
    }

    private void Print(ReadOnlySpan<byte> record)
    {
        var change = new EncodedChange(record);
        _json ??= new(_lines, ChangeJson.Options);
        ChangeJson.Write(_json, offset: null, change, _schemas[(int)change.SchemaId]);
        _json.Flush();
        _json.Reset();
        _lines.Write("\n"u8);
        Changes++;
        if (_lines.WrittenCount >= FlushBytes)
            Flush();
    }
}
