using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Leat.Log;

/// <summary>From an offset on, batches carry this random number as their producer id.</summary>
internal readonly record struct Incarnation(long BaseOffset, long Id)
{
    /// <summary>A new one's number. Not negative: Kafka's tools take a negative producer id for "none".</summary>
    public static long New(IDisk disk)
    {
        Span<byte> random = stackalloc byte[8];
        disk.ReadRandom(random);
        return BinaryPrimitives.ReadInt64BigEndian(random) & long.MaxValue;
    }
}

/// <summary>A closed segment.</summary>
/// <param name="BaseOffset">Its first offset; of a compacted one the first that it may hold.</param>
/// <param name="Bytes">Its exact size.</param>
/// <param name="LatestTimeMs">The latest time of a record in it, ms since 1970 UTC; <see cref="Manifest.UnknownTime"/> when it was closed by a program that did not note it.</param>
/// <param name="IsCompacted">Whether offsets between its records may be missing.</param>
internal readonly record struct SealedSegment(long BaseOffset, long Bytes, long LatestTimeMs, bool IsCompacted = false);

/// <summary>Offsets from <paramref name="First"/> to before <paramref name="Next"/> were damaged, and given up by a repair.</summary>
internal readonly record struct LostRange(long First, long Next);

/// <summary>What must be known of a partition before its segments are read. A small text file with a checksum, replaced as a whole.</summary>
/// <remarks>Everything about transactions is as it was at <see cref="ScanOffset"/>; the rest follows from reading the active segment from there on.</remarks>
internal sealed record Manifest
{
    /// <summary>The version that is written. Version 1 knew no <c>at</c>, <c>time</c>, <c>swap</c>, <c>drop</c>, <c>gap</c> and <c>sync</c> lines.</summary>
    public const int Version = 2;

    /// <summary>No record yet, or nobody knows.</summary>
    public const long UnknownTime = long.MinValue;

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

    /// <summary>Where reading the active segment goes on: the batch of this offset starts at <see cref="ScanPosition"/>.</summary>
    /// <remarks>The watermark itself, except in a manifest of version 1, which knew only where the segment starts.</remarks>
    public required long ScanOffset { get; init; }

    /// <summary>Byte position of <see cref="ScanOffset"/> in the active segment: everything before was durable and whole.</summary>
    public required long ScanPosition { get; init; }

    /// <summary>Latest time of a record in the active segment below <see cref="ScanOffset"/>, ms since 1970 UTC.</summary>
    public long ActiveTimeMs { get; init; } = UnknownTime;

    /// <summary>The stream was last written without syncs (<see cref="SyncMode.Os"/>): an unclean end may have taken what readers saw.</summary>
    public bool WasUnsynced { get; init; }

    public OpenTransaction? Open { get; init; }
    public BatchPlace? LastCommitted { get; init; }
    public required IReadOnlyList<Incarnation> Incarnations { get; init; }
    public IReadOnlyList<SealedSegment> Sealed { get; init; } = [];
    public IReadOnlyList<AbortedRange> Aborted { get; init; } = [];

    /// <summary>A complete file <c>.cleaned</c> of each is synced and takes the segment's place; it is listed among <see cref="Sealed"/> too.</summary>
    public IReadOnlyList<long> Swaps { get; init; } = [];

    /// <summary>Segments whose files are to go, if they are still there.</summary>
    public IReadOnlyList<long> Drops { get; init; } = [];

    public IReadOnlyList<LostRange> Lost { get; init; } = [];

    public long IncarnationOf(long offset)
    {
        for (var i = Incarnations.Count - 1; i > 0; i--)
        {
            if (Incarnations[i].BaseOffset <= offset)
                return Incarnations[i].Id;
        }

        return Incarnations[0].Id;
    }

    /// <summary>Where the offsets of an incarnation end: at the base of the one after it, or nowhere yet. Null when it is not one of these.</summary>
    public long? EndOfIncarnation(long id)
    {
        for (var i = 0; i < Incarnations.Count; i++)
        {
            if (Incarnations[i].Id == id)
                return i + 1 < Incarnations.Count ? Incarnations[i + 1].BaseOffset : long.MaxValue;
        }

        return null;
    }

    /// <summary>The file's bytes.</summary>
    public byte[] Write()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{FirstLine}{Version}\nlog {LogId}\nstream {Stream}\nepoch {Epoch}\n");
        text.Append(CultureInfo.InvariantCulture, $"state {(Clean ? "clean" : "open")}\nwatermark {Watermark}\nactive {ActiveBase}\n");
        text.Append(CultureInfo.InvariantCulture, $"at {ScanOffset} {ScanPosition}\ntime {TimeText(ActiveTimeMs)}\nsync {(WasUnsynced ? "os" : "disk")}\n");
        if (Open is { } open)
            text.Append(CultureInfo.InvariantCulture, $"transaction {open.First} {PlaceText(open.Latest)}\n");
        if (LastCommitted is { } last)
            text.Append(CultureInfo.InvariantCulture, $"committed {PlaceText(last)}\n");
        foreach (var incarnation in Incarnations)
            text.Append(CultureInfo.InvariantCulture, $"incarnation {incarnation.BaseOffset} {incarnation.Id}\n");
        foreach (var segment in Sealed)
            text.Append(CultureInfo.InvariantCulture, $"segment {segment.BaseOffset} {segment.Bytes} {TimeText(segment.LatestTimeMs)}{(segment.IsCompacted ? " compacted" : "")}\n");
        foreach (var range in Aborted)
            text.Append(CultureInfo.InvariantCulture, $"aborted {range.First} {range.Marker}\n");
        foreach (var swap in Swaps)
            text.Append(CultureInfo.InvariantCulture, $"swap {swap}\n");
        foreach (var drop in Drops)
            text.Append(CultureInfo.InvariantCulture, $"drop {drop}\n");
        foreach (var lost in Lost)
            text.Append(CultureInfo.InvariantCulture, $"gap {lost.First} {lost.Next}\n");
        return CheckedText.Close(text);
    }

    /// <summary>Reads the file's bytes.</summary>
    /// <exception cref="LogException">Damaged, or of a later version.</exception>
    public static Manifest Read(string file, ReadOnlySpan<byte> bytes)
    {
        var (lines, version) = CheckedText.Open(file, bytes, FirstLine, Version);
        try
        {
            return Parse(file, lines, version);
        }
        catch (Exception error) when (error is FormatException or OverflowException or KeyNotFoundException
            or IndexOutOfRangeException or ArgumentException)
        {
            throw LogErrors.DamagedFile(file, "its checksum agrees but its lines do not make sense");
        }
    }

    private static Manifest Parse(string file, string[] lines, int version)
    {
        var incarnations = new List<Incarnation>();
        var segments = new List<SealedSegment>();
        var aborted = new List<AbortedRange>();
        var (swaps, drops, lost) = (new List<long>(), new List<long>(), new List<LostRange>());
        var single = new Dictionary<string, string[]>(StringComparer.Ordinal);
        foreach (var line in lines.Skip(1))
        {
            var words = line.Split(' ');
            switch (words[0])
            {
                case "incarnation": incarnations.Add(new(Number(words[1]), Number(words[2]))); break;
                case "segment": segments.Add(Segment(words, version)); break;
                case "aborted": aborted.Add(new(Number(words[1]), Number(words[2]))); break;
                case "swap": swaps.Add(Number(words[1])); break;
                case "drop": drops.Add(Number(words[1])); break;
                case "gap": lost.Add(new(Number(words[1]), Number(words[2]))); break;
                default: single.Add(words[0], words); break;
            }
        }

        if (incarnations.Count == 0)
            throw LogErrors.DamagedFile(file, "it lists no incarnation");
        var active = Number(single["active"][1]);
        return new()
        {
            LogId = Guid.Parse(single["log"][1]),
            Stream = single["stream"][1],
            Epoch = checked((uint)Number(single["epoch"][1])),
            Clean = single["state"][1] == "clean",
            Watermark = Number(single["watermark"][1]),
            ActiveBase = active,
            ScanOffset = version == 1 ? active : Number(single["at"][1]),
            ScanPosition = version == 1 ? 0 : Number(single["at"][2]),
            ActiveTimeMs = version == 1 ? UnknownTime : Time(single["time"][1]),
            WasUnsynced = version > 1 && single["sync"][1] == "os",
            Open = single.TryGetValue("transaction", out var open) ? new OpenTransaction(Number(open[1]), Place(open, 2)) : null,
            LastCommitted = single.TryGetValue("committed", out var last) ? Place(last, 1) : null,
            Incarnations = incarnations,
            Sealed = segments,
            Aborted = aborted,
            Swaps = swaps,
            Drops = drops,
            Lost = lost,
        };
    }

    private static SealedSegment Segment(string[] words, int version) => version == 1
        ? new(Number(words[1]), Number(words[2]), UnknownTime)
        : new(Number(words[1]), Number(words[2]), Time(words[3]), words.Length > 4 && words[4] == "compacted");

    // Times before 1970 are possible; an unknown one is a dash.
    private static string TimeText(long time) => time == UnknownTime ? "-" : time.ToString(CultureInfo.InvariantCulture);

    private static long Time(string word) =>
        word == "-" ? UnknownTime : long.Parse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);

    private static string PlaceText(BatchPlace place) =>
        string.Create(CultureInfo.InvariantCulture, $"{place.SegmentBase} {place.Position} {place.Bytes}");

    private static BatchPlace Place(string[] words, int at)
    {
        var bytes = Number(words[at + 2]);
        return bytes is > BatchFormat.HeaderBytes and <= BatchFormat.MaxBatchBytes
            ? new(Number(words[at]), Number(words[at + 1]), (int)bytes)
            : throw new FormatException($"no batch has {bytes} bytes");
    }

    private static long Number(string word) => long.Parse(word, NumberStyles.None, CultureInfo.InvariantCulture);
}
