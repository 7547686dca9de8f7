namespace Leat.Connectors.MySql.Offline;

/// <summary>Why a file cannot be read as a binlog.</summary>
public enum BinlogFileFault
{
    /// <summary>It does not begin as a binlog does.</summary>
    NotBinlog = 1,

    /// <summary>Its events are encrypted, and only the server has the key.</summary>
    Encrypted = 2,

    /// <summary>It holds bytes that no server writes there.</summary>
    Damaged = 3,

    /// <summary>It ends inside an event although the server closed it.</summary>
    CutOff = 4,
}

/// <summary>A binlog file that cannot be read on.</summary>
/// <param name="fault">Why.</param>
/// <param name="file">Its name as it was given.</param>
/// <param name="offset">Where the event begins that cannot be read, in bytes from the file's start.</param>
/// <param name="message">What was found there.</param>
/// <param name="cause">What the decoder said; <see langword="null"/> when the file itself was looked at.</param>
public sealed class BinlogFileException(BinlogFileFault fault, string file, long offset, string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>Why it cannot be read on.</summary>
    public BinlogFileFault Fault { get; } = fault;

    /// <summary>The file's name as it was given.</summary>
    public string File { get; } = file;

    /// <summary>Where the event begins that cannot be read, in bytes from the file's start.</summary>
    public long Offset { get; } = offset;
}
