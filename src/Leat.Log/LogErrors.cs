using System.Globalization;

namespace Leat.Log;

/// <summary>Everything that can be wrong with the log. Codes 2000 to 2099.</summary>
internal static partial class LogErrors
{
    private const string Untouched = "The rest of the log is untouched; nothing was cut or deleted.";

    /// <summary>Another process has the folder open.</summary>
    public static LogException InUse(string folder) => Make(
        2001, $"The log folder {folder} is in use by another process.",
        "Stop that process, or give this one a log folder of its own.");

    /// <summary>The system answers "done" to a sync that cannot have worked.</summary>
    public static LogException SyncIsNotReported(string folder, DiskException cause) => Make(
        2002, $"The log in {folder} cannot be trusted to this system: a sync that must fail reported success.",
        "Run on a system whose C library reports errors of fsync and fdatasync.", cause);

    /// <summary>A write, sync or rename failed; the log has stopped.</summary>
    public static LogException Stopped(string folder, DiskException cause) => cause.Kind == DiskFailure.Full ? Full(folder, cause) : Make(
        2003, $"The log in {folder} stopped: {cause.Operation} of {cause.Path} failed: {cause.Reason}.",
        "Nothing that was not durable has been passed on. Check the disk, then start again: the log recovers from what is on the disk.", cause);

    /// <summary>No space left.</summary>
    public static LogException Full(string folder, DiskException cause) => Make(
        2004, $"The log in {folder} stopped: the disk is full ({cause.Operation} of {cause.Path} failed: {cause.Reason}).",
        "Free space there or move the folder to a larger disk, then start again. Nothing captured is lost.", cause);

    /// <summary>Bytes that were durable are damaged or gone, seen at start.</summary>
    public static LogException DamagedAtStart(string file, string stream, long firstByte, long endByte, long firstOffset, long endOffset) => Make(
        2005,
        $"{file} is damaged: bytes {firstByte} to {endByte} should hold offsets {firstOffset} to {endOffset - 1}, which were durable, and do not.",
        $"{Remedy(stream)} {Untouched}");

    /// <summary>A batch that fails its checks, seen by a reader.</summary>
    public static LogException DamagedAtRead(string file, long position, long offset, string why) => Make(
        2006, $"{file} is damaged at byte {position}: the batch of offset {offset} {why}.",
        $"Nothing from there on was passed on. {Remedy(StreamOf(file))} {Untouched}");

    /// <summary>The manifest or identity file does not hold what was written.</summary>
    public static LogException DamagedFile(string file, string why) => Make(
        2007, $"{file} is damaged: {why}.",
        $"Restore the log from a backup, or run 'leat log repair', which says first what it would do. {Untouched}");

    /// <summary>Written by a later version.</summary>
    public static LogException NewerFormat(string file, string version, int known) => Make(
        2008, $"{file} has format version {version}; this program knows versions up to {known}.",
        "Use the program version that wrote it, or a later one.");

    /// <summary>A segment that the manifest lists is not there, or is too short.</summary>
    public static LogException SegmentMissing(string file, string stream, long baseOffset, string why) => Make(
        2009, $"{file}, the segment that starts at offset {baseOffset}, {why}.",
        $"Put the file back from a backup. {Remedy(stream)} {Untouched}");

    /// <summary>A segment that the manifest does not list.</summary>
    public static LogException SegmentUnknown(string file) => Make(
        2010, $"{file} is not a segment that the manifest of its stream knows.",
        "Move it out of the folder; it does not belong to this log. Nothing was read from it.");

    /// <summary>A stream folder of another log.</summary>
    public static LogException Foreign(string file, Guid found, Guid expected) => Make(
        2011, $"{file} belongs to log {found}, but the folder's log is {expected}.",
        "Keep folders of different logs apart: move this one back to where it came from.");

    /// <summary>Streams without the file that says which log they are.</summary>
    public static LogException IdentityMissing(string file) => Make(
        2012, $"{file} is missing, although its folder holds streams.",
        "Restore it from a backup of the folder. A new one is not made: it would hide that this is another log.");

    /// <summary>A batch above the limit.</summary>
    public static LogException BatchTooLarge(long bytes) => Make(
        2013, $"A batch of {bytes} bytes was begun; the largest is {BatchFormat.MaxBatchBytes}.",
        "Write smaller rows, or close the batch earlier.");

    /// <summary>A reader wants an offset that the stream does not have.</summary>
    public static LogException OffsetUnknown(string stream, long wanted, long start, long end) => Make(
        2014, $"Stream {stream} has offsets {start} to {end}, and offset {wanted} was asked for.",
        "The log is older than whoever asks: it was restored or replaced. Take a new snapshot, or restore the newer log.");

    /// <summary>A name that cannot be a folder.</summary>
    public static LogException InvalidName(string name) => Make(
        2015, $"'{name}' cannot be the name of a stream.",
        "Use 1 to 200 letters, digits, dots, hyphens and underscores, not starting with a dot.");

    /// <summary>A read failed.</summary>
    public static LogException Unreadable(DiskException cause) => Make(
        2016, $"The log could not be read: {cause.Operation} of {cause.Path} failed: {cause.Reason}.",
        "Check the disk, the permissions of the folder and the limit of open files, then start again.", cause);

    /// <summary>A record whose lengths disagree within a batch whose checksum agrees.</summary>
    public static LogException MalformedRecord(long baseOffset) => Make(
        2017, $"The batch of offset {baseOffset} holds a record whose lengths contradict each other, although its checksum agrees.",
        "It was written wrong, not damaged on the disk. Report it with the segment file.");

    /// <summary>Settings outside their range.</summary>
    public static LogException InvalidOptions(string stream, string problem) => Make(
        2018, $"The settings of stream {stream} are not possible: {problem}.", "Correct the value.");

    /// <summary>Used after it was closed.</summary>
    public static LogException Closed(string folder) => Make(
        2019, $"The log in {folder} is closed.", "Open it again.");

    /// <summary>A compression whose library this system does not have.</summary>
    public static LogException LibraryMissing(Compression compression, string library, string package) => Make(
        2040, $"Compression {NameOf(compression)} needs the library {library}, which this system does not have.",
        $"Install it (Debian and Ubuntu: apt install {package}) and start again; nothing was changed.");

    /// <summary>A batch whose checksum agrees and whose compressed part cannot be decompressed.</summary>
    public static LogException NotDecompressed(string file, long position, long offset, string compression) => Make(
        2041, $"{file}: the batch of offset {offset} at byte {position} cannot be decompressed ({compression}), although its checksum agrees.",
        "It was written wrong, not damaged on the disk. Report it with the segment file.");

    /// <summary>The word for a compression in messages: lz4, zstd, snappy, gzip or its number.</summary>
    internal static string NameOf(Compression compression) =>
        Enum.IsDefined(compression) ? compression.ToString().ToLowerInvariant() : FormattableString.Invariant($"number {(int)compression}");

    /// <summary>The folder is not the one that was opened.</summary>
    public static LogException FolderGone(string folder) => Make(
        2020, $"The log in {folder} stopped: the folder was moved, replaced or deleted while it was in use.",
        "Put it back and start again. Nothing is written to a folder that is not the one that was opened.");

    /// <summary>A stream was deleted.</summary>
    public static LogException StreamDeleted(string stream) => Make(
        2021, $"Stream {stream} was deleted.", "Stop whoever uses it, or create it again: it then starts from offset 0.");

    /// <summary>A reader wants what retention has deleted.</summary>
    public static LogException OffsetDeleted(string stream, long wanted, long start) => Make(
        2022, $"Offset {wanted} of stream {stream} was deleted by its retention; the first that is kept is {start}.",
        "Take a new snapshot. To keep records until they are delivered, let whoever reads hold them before they are needed.");

    /// <summary>A reader comes to a range that a repair gave up.</summary>
    public static LogException OffsetLost(string stream, long first, long next) => Make(
        2023, $"Offsets {first} to {next - 1} of stream {stream} were damaged, and given up by 'leat log repair'.",
        $"Take a new snapshot of the tables concerned, or read on from offset {next} and do without those records.");

    // What helps when bytes that were durable are not what they were.
    private static string Remedy(string stream) =>
        $"Run 'leat log verify {stream}' to see all of it; then restore the log from a backup, or run 'leat log repair {stream}', which says first what would be lost.";

    // <log>/<stream>-0/<segment>
    private static string StreamOf(string file) => Path.GetFileName(Path.GetDirectoryName(file) ?? "") is { Length: > 2 } folder ? folder[..^2] : "";

    /// <summary>The last record of a stream that is loaded as keyed state is no marker.</summary>
    public static LogException NotState(string stream) => Make(
        2055, $"Stream {stream} does not end with the marker that closes a set of keyed state.",
        "Something else wrote into it. Look at it with `leat log tail`, and give the state a stream of its own.");

    private static LogException Make(int code, FormattableString what, string remedy, Exception? cause = null) =>
        new(code, what.ToString(CultureInfo.InvariantCulture), remedy, cause);
}
