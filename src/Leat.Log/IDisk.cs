namespace Leat.Log;

/// <summary>All that the log asks of the operating system's files. Synchronous; a failure is a <see cref="DiskException"/>.</summary>
/// <remarks>The one seam under storage: production is <see cref="Posix.PosixDisk"/>, the simulator puts a disk with faults in its place.</remarks>
public interface IDisk
{
    /// <summary>Opens a file.</summary>
    IDiskFile Open(string path, DiskOpen mode);

    /// <summary>Makes a folder, and those above it; nothing happens when it exists.</summary>
    /// <remarks>Durable only after <see cref="SyncDirectory"/> of its parent.</remarks>
    void CreateDirectory(string path);

    /// <summary>Names of the files and folders in a folder, sorted by bytes; empty when the folder does not exist.</summary>
    IReadOnlyList<string> List(string directory);

    /// <summary>Puts a file in another's place in one step, or gives a folder a name that nothing has. Durable only after <see cref="SyncDirectory"/>.</summary>
    void Rename(string from, string to);

    /// <summary>Removes a file. Durable only after <see cref="SyncDirectory"/>.</summary>
    void Delete(string path);

    /// <summary>Removes an empty folder. Durable only after <see cref="SyncDirectory"/> of its parent.</summary>
    void DeleteDirectory(string path);

    /// <summary>What the system knows of a file or folder without opening it; null when there is none.</summary>
    DiskEntry? Find(string path);

    /// <summary>Makes creations, renames and removals in a folder durable.</summary>
    void SyncDirectory(string path);

    /// <summary>Bytes that this process may still write to the file system of a folder.</summary>
    long FreeBytes(string directory);

    /// <summary>Takes the exclusive lock that the file stands for, creating the file; null when another process holds it. Disposing lets it go.</summary>
    IDisposable? TryLock(string path);

    /// <summary>Takes a lock that others may share and that excludes <see cref="TryLock"/>, creating the file; null when somebody has it exclusively.</summary>
    IDisposable? TryLockShared(string path);

    /// <summary>Fails unless an error of a sync is really reported to this process: see docs/decisions/0005 and LEAT-2002.</summary>
    void ProveSyncErrorsAreReported();

    /// <summary>Fills with unpredictable bytes, as from <c>/dev/urandom</c>: the one source of chance in the log.</summary>
    void ReadRandom(Span<byte> bytes);
}

/// <summary>How a file is opened.</summary>
public enum DiskOpen
{
    /// <summary>For reading; it must exist.</summary>
    Read,

    /// <summary>For reading and writing; it must exist.</summary>
    ReadWrite,

    /// <summary>For reading and writing; it must not exist.</summary>
    CreateNew,

    /// <summary>For reading and writing; emptied when it exists.</summary>
    Replace,
}

/// <summary>A file or folder as its name leads to it.</summary>
/// <param name="Bytes">Size of a file.</param>
/// <param name="Identity">Tells it from every other that stands, stood or will stand under the same name: device and inode.</param>
public readonly record struct DiskEntry(long Bytes, UInt128 Identity);

/// <summary>An open file. Reads may run on several threads at once; writes on one.</summary>
public interface IDiskFile : IDisposable
{
    /// <summary>Size now, in bytes.</summary>
    long Length { get; }

    /// <summary>Reads until the buffer is full or the file ends; returns the bytes read.</summary>
    int Read(long position, Span<byte> buffer);

    /// <summary>Writes all of it.</summary>
    void Write(long position, ReadOnlySpan<byte> bytes);

    /// <summary>Writes the parts one after the other, all of them, with as few system calls as it takes.</summary>
    void Write(long position, ReadOnlySpan<ArraySegment<byte>> parts);

    /// <summary>Cuts or extends the file.</summary>
    void Truncate(long length);

    /// <summary>Makes the content and the size durable.</summary>
    void SyncData();
}

/// <summary>A file operation that failed.</summary>
/// <param name="operation">The system call, e.g. <c>fdatasync</c>.</param>
/// <param name="path">The file or folder.</param>
/// <param name="reason">The system's words.</param>
/// <param name="kind">The class of failure.</param>
public sealed class DiskException(string operation, string path, string reason, DiskFailure kind)
    : IOException($"{operation} of {path} failed: {reason}.")
{
    /// <summary>The system call, e.g. <c>fdatasync</c>.</summary>
    public string Operation { get; } = operation;

    /// <summary>The file or folder.</summary>
    public string Path { get; } = path;

    /// <summary>The system's words, e.g. <c>No space left on device</c>.</summary>
    public string Reason { get; } = reason;

    /// <summary>The class of failure.</summary>
    public DiskFailure Kind { get; } = kind;
}

/// <summary>What the log tells apart among failures of the disk.</summary>
public enum DiskFailure
{
    /// <summary>Anything else: input/output error, read-only file system, no permission.</summary>
    Other,

    /// <summary>No space, no quota or no inode left.</summary>
    Full,

    /// <summary>The file does not exist.</summary>
    NotFound,

    /// <summary>The file exists already.</summary>
    Exists,
}
