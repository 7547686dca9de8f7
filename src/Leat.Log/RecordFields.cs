namespace Leat.Log;

/// <summary>Where the fields of one record stand in the bytes it was read from.</summary>
/// <param name="TimeDelta">Time minus that of the batch, ms.</param>
/// <param name="OffsetDelta">Offset minus that of the batch.</param>
/// <param name="KeyStart">Where the key starts.</param>
/// <param name="KeyLength">Bytes of the key; -1: none.</param>
/// <param name="ValueStart">Where the value starts.</param>
/// <param name="ValueLength">Bytes of the value; -1: none.</param>
internal readonly record struct RecordFields(long TimeDelta, long OffsetDelta, int KeyStart, int KeyLength, int ValueStart, int ValueLength)
{
    /// <summary>Reads the record that starts at a place and moves past it; false when its lengths contradict each other or the end of the bytes.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, ref int at, out RecordFields fields)
    {
        fields = default;
        if (!Varint.TryRead(bytes, ref at, out var length) || length < 1 || length > bytes.Length - at)
            return false;
        var record = bytes[..(at + (int)length)];
        var next = at + 1; // attributes: none are defined
        if (!Varint.TryRead(record, ref next, out var timeDelta) || !Varint.TryRead(record, ref next, out var offsetDelta)
            || !TryReadField(record, ref next, out var keyStart, out var keyLength)
            || !TryReadField(record, ref next, out var valueStart, out var valueLength))
            return false;
        fields = new(timeDelta, offsetDelta, keyStart, keyLength, valueStart, valueLength);
        at = record.Length;
        return true;
    }

    private static bool TryReadField(ReadOnlySpan<byte> record, ref int at, out int start, out int length)
    {
        start = length = 0;
        if (!Varint.TryRead(record, ref at, out var bytes) || bytes < -1 || bytes > record.Length - at)
            return false;
        start = at;
        length = (int)bytes;
        at += Math.Max(0, length);
        return true;
    }
}
