using System.Buffers;
using Leat.Changes;
using Microsoft.Win32.SafeHandles;

namespace Leat.Connectors.JsonLines;

/// <summary>One open file of lines: a buffer for the batch being written, and the length that is known to be on the disk.</summary>
internal sealed class JsonLinesFile : IDisposable
{
    private readonly SafeFileHandle _file;
    private readonly string _path;
    private long _syncedBytes;

    private JsonLinesFile(SafeFileHandle file, string path, long syncedBytes)
    {
        _file = file;
        _path = path;
        _syncedBytes = syncedBytes;
    }

    /// <summary>The lines of the current batch.</summary>
    public ArrayBufferWriter<byte> Lines { get; } = new(64 * 1024);

    /// <summary>Opens or creates a file and cuts it back to what lies before the checkpoint; the cut is on the disk when this returns.</summary>
    /// <param name="path">The file.</param>
    /// <param name="checkpoint">No line at or above this offset may remain.</param>
    /// <param name="lengthBytes">Length before the cut.</param>
    /// <param name="keptBytes">Length after it.</param>
    /// <exception cref="PauseException">Not writable, or not ours.</exception>
    public static JsonLinesFile Open(string path, long checkpoint, out long lengthBytes, out long keptBytes)
    {
        SafeFileHandle? file = null;
        try
        {
            file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite);
            lengthBytes = RandomAccess.GetLength(file);
            var found = JsonLinesTail.Find(file, checkpoint);
            if (found.IsForeign)
                throw JsonLinesErrors.NotOurs(path);

            keptBytes = found.KeepBytes;
            if (keptBytes < lengthBytes)
                RandomAccess.SetLength(file, keptBytes);
            FileSync.File(file);
            var opened = new JsonLinesFile(file, path, keptBytes);
            file = null;
            return opened;
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw JsonLinesErrors.CannotWrite(path, cause.Message, cause);
        }
        finally
        {
            file?.Dispose();
        }
    }

    /// <summary>Drops the current batch, and whatever of it a failed write left in the file.</summary>
    /// <exception cref="PauseException">The file cannot be cut.</exception>
    public void DropBatch()
    {
        Lines.ResetWrittenCount();
        try
        {
            RandomAccess.SetLength(_file, _syncedBytes);
        }
        catch (IOException cause)
        {
            throw JsonLinesErrors.CannotWrite(_path, cause.Message, cause);
        }
    }

    /// <summary>Appends the batch's lines. Not safe before <see cref="Sync"/>.</summary>
    /// <exception cref="PauseException">The system refused.</exception>
    public void Append()
    {
        try
        {
            RandomAccess.Write(_file, Lines.WrittenSpan, _syncedBytes);
        }
        catch (IOException cause)
        {
            throw JsonLinesErrors.CannotWrite(_path, cause.Message, cause);
        }
    }

    /// <summary>Brings the appended lines to the disk; only then the batch is over.</summary>
    /// <exception cref="PauseException">The system refused; the lines count as not written.</exception>
    public void Sync()
    {
        try
        {
            FileSync.File(_file);
        }
        catch (IOException cause)
        {
            throw JsonLinesErrors.CannotWrite(_path, cause.Message, cause);
        }
    }

    /// <summary>Says that all files of the batch were synced.</summary>
    public void Keep()
    {
        _syncedBytes += Lines.WrittenCount;
        Lines.ResetWrittenCount();
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
