using System.Globalization;
using System.Text;

namespace Leat.Log;

/// <summary>From an offset on, batches carry this random number as their producer id.</summary>
internal readonly record struct Incarnation(long BaseOffset, long Id);

/// <summary>A closed segment: its first offset and its exact size.</summary>
internal readonly record struct SealedSegment(long BaseOffset, long Bytes);

/// <summary>What must be known of a partition before its segments are read. A small text file with a checksum, replaced as a whole.</summary>
/// <remarks>Everything about transactions is as it was where the active segment starts; the rest follows from reading that segment.</remarks>
internal sealed record Manifest
{
    public const int Version = 1;
    private const string FirstLine = "leat-manifest ";

    public required Guid LogId { get; init; }
    public required string Stream { get; init; }
    public required uint Epoch { get; init; }

    /// <summary>Written by an orderly close: nothing was appended since.</summary>
    public required bool Clean { get; init; }

    /// <summary>Every offset below was durable when this was written.</summary>
    public required long Watermark { get; init; }

    /// <summary>First offset of the segment that is written to.</summary>
    public required long ActiveBase { get; init; }

    public OpenTransaction? Open { get; init; }
    public BatchPlace? LastCommitted { get; init; }
    public required IReadOnlyList<Incarnation> Incarnations { get; init; }
    public IReadOnlyList<SealedSegment> Sealed { get; init; } = [];
    public IReadOnlyList<AbortedRange> Aborted { get; init; } = [];

    public long IncarnationOf(long offset)
    {
        for (var i = Incarnations.Count - 1; i > 0; i--)
        {
            if (Incarnations[i].BaseOffset <= offset)
                return Incarnations[i].Id;
        }

        return Incarnations[0].Id;
    }

    /// <summary>The file's bytes.</summary>
    public byte[] Write()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{FirstLine}{Version}\nlog {LogId}\nstream {Stream}\nepoch {Epoch}\n");
        text.Append(CultureInfo.InvariantCulture, $"state {(Clean ? "clean" : "open")}\nwatermark {Watermark}\nactive {ActiveBase}\n");
        if (Open is { } open)
            text.Append(CultureInfo.InvariantCulture, $"transaction {open.First} {PlaceText(open.Latest)}\n");
        if (LastCommitted is { } last)
            text.Append(CultureInfo.InvariantCulture, $"committed {PlaceText(last)}\n");
        foreach (var incarnation in Incarnations)
            text.Append(CultureInfo.InvariantCulture, $"incarnation {incarnation.BaseOffset} {incarnation.Id}\n");
        foreach (var segment in Sealed)
            text.Append(CultureInfo.InvariantCulture, $"segment {segment.BaseOffset} {segment.Bytes}\n");
        foreach (var range in Aborted)
            text.Append(CultureInfo.InvariantCulture, $"aborted {range.First} {range.Marker}\n");
        return CheckedText.Close(text);
    }

    /// <summary>Reads the file's bytes.</summary>
    /// <exception cref="LogException">Damaged, or of a later version.</exception>
    public static Manifest Read(string file, ReadOnlySpan<byte> bytes)
    {
        var lines = CheckedText.Open(file, bytes, FirstLine, Version);
        var incarnations = new List<Incarnation>();
        var segments = new List<SealedSegment>();
        var aborted = new List<AbortedRange>();
        var single = new Dictionary<string, string[]>(StringComparer.Ordinal);
        try
        {
            foreach (var line in lines.Skip(1))
            {
                var words = line.Split(' ');
                switch (words[0])
                {
                    case "incarnation": incarnations.Add(new(Number(words[1]), Number(words[2]))); break;
                    case "segment": segments.Add(new(Number(words[1]), Number(words[2]))); break;
                    case "aborted": aborted.Add(new(Number(words[1]), Number(words[2]))); break;
                    default: single.Add(words[0], words); break;
                }
            }

            if (incarnations.Count == 0)
                throw LogErrors.DamagedFile(file, "it lists no incarnation");
            return new()
            {
                LogId = Guid.Parse(single["log"][1]),
                Stream = single["stream"][1],
                Epoch = (uint)Number(single["epoch"][1]),
                Clean = single["state"][1] == "clean",
                Watermark = Number(single["watermark"][1]),
                ActiveBase = Number(single["active"][1]),
                Open = single.TryGetValue("transaction", out var open) ? new OpenTransaction(Number(open[1]), Place(open, 2)) : null,
                LastCommitted = single.TryGetValue("committed", out var last) ? Place(last, 1) : null,
                Incarnations = incarnations,
                Sealed = segments,
                Aborted = aborted,
            };
        }
        catch (Exception error) when (error is FormatException or OverflowException or KeyNotFoundException
            or IndexOutOfRangeException or ArgumentException)
        {
            throw LogErrors.DamagedFile(file, "its checksum agrees but its lines do not make sense");
        }
    }

    private static string PlaceText(BatchPlace place) =>
        string.Create(CultureInfo.InvariantCulture, $"{place.SegmentBase} {place.Position} {place.Bytes}");

    private static BatchPlace Place(string[] words, int at) =>
        new(Number(words[at]), Number(words[at + 1]), (int)Number(words[at + 2]));

    private static long Number(string word) => long.Parse(word, NumberStyles.None, CultureInfo.InvariantCulture);
}
