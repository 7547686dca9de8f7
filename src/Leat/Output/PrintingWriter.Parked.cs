using System.Buffers.Binary;
using Leat.Changes;

namespace Leat.Output;

// Prepared transactions wait in memory, as open ones do: what is printed keeps no log.
public sealed partial class PrintingWriter
{
    private readonly Dictionary<long, (byte[] Name, byte[] Records)> _parked = [];
    private long _parkedNext = 1;

    /// <inheritdoc/>
    public void BeginParked(ReadOnlySpan<byte> transactionId, long preparedAtMicros) => Begin(transactionId, preparedAtMicros);

    /// <inheritdoc/>
    public ValueTask<long> ParkAsync(ReadOnlyMemory<byte> name, CancellationToken cancellationToken)
    {
        _parked[_parkedNext] = (name.ToArray(), _open.AsSpan(0, _openBytes).ToArray());
        Rollback();
        return new(_parkedNext++);
    }

    /// <inheritdoc/>
    public ValueTask UnparkAsync(ReadOnlyMemory<byte> name, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public ValueTask ReleaseAsync(
        long at, ReadOnlyMemory<byte> name, ReadOnlyMemory<byte> transactionId, long committedAtMicros, CancellationToken cancellationToken)
    {
        Begin(transactionId.Span, committedAtMicros);
        if (!_parked.TryGetValue(at, out var parked) || !parked.Name.AsSpan().SequenceEqual(name.Span))
            throw ProgramErrors.PreparedBefore(name.Span);
        for (var from = 0; from < parked.Records.Length;)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(parked.Records.AsSpan(from));
            var change = new EncodedChange(parked.Records.AsSpan(from + LengthBytes, length));
            var images = BeginRow(change.Before.Length + change.After.Length);
            change.Before.CopyTo(images);
            change.After.CopyTo(images[change.Before.Length..]);
            EndRow(change.Kind, change.SchemaId, change.Before.Length, change.After.Length);
            from += LengthBytes + length;
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public void KeepParked(long oldest)
    {
        foreach (var at in _parked.Keys.Where(at => at < oldest).ToList())
            _parked.Remove(at);
    }
}
