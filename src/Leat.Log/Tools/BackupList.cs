using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;

namespace Leat.Log.Tools;

/// <summary>A stream as a backup holds it.</summary>
public readonly record struct BackupStream(string Name, uint Epoch, long StartOffset, long EndOffset);

/// <summary>A file of a backup.</summary>
/// <param name="Name">Path from the backup's folder.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Crc">CRC-32C of all of it.</param>
internal readonly record struct BackupFile(string Name, long Bytes, uint Crc);

/// <summary>The file <c>backup</c>: what a backup holds. Described in docs/formats/backup.md.</summary>
internal sealed record BackupList(Guid LogId, DateTimeOffset MadeAt, IReadOnlyList<BackupStream> Streams, IReadOnlyList<BackupFile> Files)
{
    public const string FileName = "backup";

    private const string FirstLine = "leat-backup ";
    private const int Version = 1;

    public byte[] Write()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{FirstLine}{Version}\nlog {LogId}\nmade {MadeAt.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}\n");
        foreach (var stream in Streams)
            text.Append(CultureInfo.InvariantCulture, $"stream {stream.Name} {stream.Epoch} {stream.StartOffset} {stream.EndOffset}\n");
        foreach (var file in Files)
            text.Append(CultureInfo.InvariantCulture, $"file {file.Name} {file.Bytes} {file.Crc:x8}\n");
        return CheckedText.Close(text);
    }

    /// <exception cref="LogException">Damaged, or of a later version.</exception>
    public static BackupList Read(string file, ReadOnlySpan<byte> bytes)
    {
        var (lines, _) = CheckedText.Open(file, bytes, FirstLine, Version);
        try
        {
            var words = lines.Skip(1).Select(line => line.Split(' ')).ToArray();
            return new(
                Guid.Parse(words.Single(line => line[0] == "log")[1]),
                DateTimeOffset.Parse(words.Single(line => line[0] == "made")[1], CultureInfo.InvariantCulture),
                [.. words.Where(line => line[0] == "stream").Select(line => new BackupStream(line[1], (uint)Number(line[2]), Number(line[3]), Number(line[4])))],
                [.. words.Where(line => line[0] == "file").Select(line => new BackupFile(line[1], Number(line[2]), uint.Parse(line[3], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)))]);
        }
        catch (Exception error) when (error is FormatException or OverflowException or InvalidOperationException or IndexOutOfRangeException)
        {
            throw LogErrors.DamagedFile(file, "its checksum agrees but its lines do not make sense");
        }
    }

    private static long Number(string word) => long.Parse(word, NumberStyles.None, CultureInfo.InvariantCulture);
}

/// <summary>CRC-32C of bytes that come in pieces.</summary>
internal struct RunningCrc()
{
    private uint _crc = uint.MaxValue;

    public readonly uint Value => ~_crc;

    public void Add(ReadOnlySpan<byte> bytes)
    {
        foreach (var word in MemoryMarshal.Cast<byte, ulong>(bytes))
            _crc = BitOperations.Crc32C(_crc, BitConverter.IsLittleEndian ? word : System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(word));
        foreach (var rest in bytes[(bytes.Length & ~7)..])
            _crc = BitOperations.Crc32C(_crc, rest);
    }
}
