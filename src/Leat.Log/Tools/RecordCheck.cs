namespace Leat.Log.Tools;

/// <summary>Whether the records of a batch are what its header says.</summary>
internal static class RecordCheck
{
    /// <summary>What contradicts itself, as the end of a sentence; null when nothing does.</summary>
    /// <param name="batch">A whole batch, not compressed.</param>
    /// <param name="isCompacted">Whether records may be missing.</param>
    public static string? Problem(ReadOnlySpan<byte> batch, bool isCompacted)
    {
        var view = new BatchView(batch);
        var at = BatchFormat.HeaderBytes;
        var lastDelta = -1L;
        var latest = long.MinValue;
        for (var record = 0; record < view.RecordCount; record++)
        {
            if (!Varint.TryRead(batch, ref at, out var length) || length < 1 || length > batch.Length - at)
                return FormattableString.Invariant($"ends within record {record} of {view.RecordCount}");
            var body = batch.Slice(at, (int)length);
            if (!TryRead(body, out var time, out var delta))
                return FormattableString.Invariant($"holds a record, number {record}, whose lengths contradict each other");
            if (isCompacted ? delta <= lastDelta : delta != record)
                return FormattableString.Invariant($"holds record {record} under offset {view.BaseOffset + delta}");
            (lastDelta, latest) = (delta, Math.Max(latest, view.BaseTime + time));
            at += (int)length;
        }

        if (at != batch.Length)
            return FormattableString.Invariant($"has {batch.Length - at} bytes after its last record");
        if (lastDelta != view.LastOffsetDelta)
            return FormattableString.Invariant($"ends with offset {view.BaseOffset + lastDelta} and should end with {view.NextOffset - 1}");
        if (latest != view.LatestTime)
            return "names another latest time than its records have";
        return view.IsControl && view.Commits() is null ? "is a marker that neither commits nor aborts" : null;
    }

    private static bool TryRead(ReadOnlySpan<byte> body, out long time, out long delta)
    {
        var at = 1; // attributes
        delta = 0;
        if (!Varint.TryRead(body, ref at, out time) || !Varint.TryRead(body, ref at, out delta)
            || !TrySkip(body, ref at, least: -1) || !TrySkip(body, ref at, least: -1) || !Varint.TryRead(body, ref at, out var headers))
            return false;
        for (var header = 0L; header < headers; header++)
        {
            if (!TrySkip(body, ref at, least: 0) || !TrySkip(body, ref at, least: -1))
                return false;
        }

        return headers >= 0 && at == body.Length;
    }

    private static bool TrySkip(ReadOnlySpan<byte> body, ref int at, int least)
    {
        if (!Varint.TryRead(body, ref at, out var length) || length < least || length > body.Length - at)
            return false;
        at += (int)Math.Max(0, length);
        return true;
    }
}
