namespace Leat.Log;

/// <summary>What <c>leat log</c> finds and refuses. Codes 2070 to 2089.</summary>
internal static partial class LogErrors
{
    /// <summary>The number of <see cref="DamagedFile"/>.</summary>
    public const int DamagedFileCode = 2007;

    /// <summary>Bytes that hold no batch where one must be.</summary>
    public static LogException DamagedRange(string stream, string file, DamagedBytes damage) => damage.NextOffset > damage.FirstOffset
        ? Make(
            2070,
            $"{file} is damaged: bytes {damage.Position} to {damage.Position + damage.Bytes} should hold offsets {damage.FirstOffset} to {damage.NextOffset - 1}, and what stands there {damage.Reason}. Readers stop before offset {damage.FirstOffset}; nothing wrong is passed on.",
            Remedy(stream))
        : Make(
            2086,
            $"{file} has {damage.Bytes} bytes at byte {damage.Position} that belong to no record: what stands there {damage.Reason}. No record is missing, but readers stop before offset {damage.FirstOffset}.",
            Remedy(stream));

    /// <summary>A segment that the manifest lists is gone or cut off.</summary>
    public static LogException SegmentLost(string stream, string file, long first, long next, string why) => Make(
        2071, $"{file}, which should hold offsets {first} to {next - 1}, {why}. The stream does not open.", Remedy(stream));

    /// <summary>A segment that the manifest does not list.</summary>
    public static LogException SegmentStray(string stream, string file) => Make(
        2072, $"{file} is not a segment that the manifest of its stream knows. The stream does not open while it lies there.",
        $"Move it out of the folder, or run 'leat log repair {stream}', which does that.");

    /// <summary>A batch whose checksum agrees and whose records contradict themselves or the header.</summary>
    public static LogException WrittenWrong(string file, long position, long offset, string why) => Make(
        2073, $"{file}: the batch of offset {offset} at byte {position} {why}, although its checksum agrees. It was written so.",
        "This is a defect, not damage on the disk. Keep the segment file and report it.");

    /// <summary>A derived file that contradicts the segment.</summary>
    public static LogException DerivedWrong(string stream, string file, string why) => Make(
        2074, $"{file} is wrong: {why}. Records are not affected: such files are made again from the segment when they prove wrong.",
        $"Delete the file, or stop Leat and run 'leat log repair {stream}'. If it comes back, check disk and memory.");

    /// <summary>Facts in the manifest that the segments do not bear out.</summary>
    public static LogException ManifestWrong(string stream, string file, string why) => Make(
        2075, $"{file} and the segments disagree: {why}.", Remedy(stream));

    /// <summary>A manifest that is gone or cannot be trusted.</summary>
    public static LogException ManifestUnusable(string stream, LogException why) => Make(
        2085, $"{why.What} The stream does not open.", Remedy(stream), why);

    /// <summary>A checkpoint beyond the end of its stream.</summary>
    public static LogException CheckpointBeyond(string checkpoints, string stream, long offset, long end) => Make(
        2076, $"The checkpoint in stream {checkpoints} stands at offset {offset}, but stream {stream} ends at {end}: records that were delivered are gone from the log.",
        $"Stream {stream} is older than its checkpoint. Put the newer folder back; or deliver everything anew by removing the stream {checkpoints}.");

    /// <summary>There is no log where one was named.</summary>
    public static LogException NoLog(string folder) => Make(
        2077, $"There is no log in {folder}.", "Name its folder with --log FOLDER, or the configuration file that has it with --file FILE.");

    /// <summary>A repair that nobody can decide.</summary>
    public static LogException RepairImpossible(string stream, string why) => Make(
        2078, $"Stream {stream} cannot be repaired: {why}.", "Restore its folder from a backup, or remove it and capture again.");

    /// <summary>A target folder that holds something.</summary>
    public static LogException TargetNotEmpty(string folder, string what) => Make(
        2079, $"{folder} {what}.", "Name a folder that does not exist yet or is empty.");

    /// <summary>The folder is not a backup.</summary>
    public static LogException NotABackup(string folder) => Make(
        2080, $"{folder} is not a finished backup: it has no file 'backup'.",
        "Name a folder that 'leat log backup' has written to its end; an unfinished one is called .partial.");

    /// <summary>A file of a backup is not what was written.</summary>
    public static LogException BackupDamaged(string file, string why) => Make(
        2081, $"{file} is not as it was when the backup was made: {why}.", "Use another backup. Nothing was restored.");

    /// <summary>The log is damaged where a backup reads it.</summary>
    public static LogException BackupOfDamage(string stream, LogException damage) => Make(
        2082, $"The backup was stopped: stream {stream} is damaged. {damage.What}",
        $"Repair or restore the stream first: {damage.Remedy}", damage);

    /// <summary>A backup or restore that the disk did not let happen.</summary>
    public static LogException CopyFailed(string target, DiskException cause) => Make(
        2087, $"Copying to {target} failed: {cause.Operation} of {cause.Path} failed: {cause.Reason}.",
        $"Check space, permissions and the disks, remove {target}.partial, and try again.", cause);

    /// <summary>A stream that is not there.</summary>
    public static LogException StreamUnknown(string folder, string stream, IReadOnlyList<string> known) => Make(
        2083, $"The log in {folder} has no stream '{stream}'.", known.Count == 0 ? "It has none at all." : $"It has: {string.Join(", ", known)}.");

    /// <summary>The files changed again and again while they were read.</summary>
    public static LogException KeepsChanging(string stream) => Make(
        2084, $"Stream {stream} was changed by retention or compaction each time it was read.", "Try again when less is going on.");
}

/// <summary>Bytes of a segment in which no batch can be found.</summary>
/// <param name="Position">Where they start in the file.</param>
/// <param name="Bytes">How many; 0: nothing stands where offsets are missing.</param>
/// <param name="FirstOffset">The first offset that they should hold.</param>
/// <param name="NextOffset">The first offset after them.</param>
/// <param name="Reason">Why they hold no batch, as the end of a sentence.</param>
internal readonly record struct DamagedBytes(long Position, long Bytes, long FirstOffset, long NextOffset, string Reason);
