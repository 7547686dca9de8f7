using System.Globalization;
using System.Text;

namespace Leat.Log;

/// <summary>Small text files of the log: a line with name and version, lines of words, and a last line with the CRC-32C of all before it.</summary>
internal static class CheckedText
{
    private const string LastLine = "crc ";

    public static byte[] Close(StringBuilder text)
    {
        var crc = BatchFormat.Crc(Encoding.ASCII.GetBytes(text.ToString()));
        text.Append(CultureInfo.InvariantCulture, $"{LastLine}{crc:x8}\n");
        return Encoding.ASCII.GetBytes(text.ToString());
    }

    /// <summary>The lines without the last, and the version that the first one names, when all is well.</summary>
    /// <param name="file">For messages.</param>
    /// <param name="bytes">The file's content.</param>
    /// <param name="firstLine">What the first line begins with, the version follows.</param>
    /// <param name="newest">The newest version that this program knows, from 1.</param>
    public static (string[] Lines, int Version) Open(string file, ReadOnlySpan<byte> bytes, string firstLine, int newest)
    {
        var text = Encoding.Latin1.GetString(bytes);
        var lastAt = text.LastIndexOf(LastLine, StringComparison.Ordinal);
        if (lastAt <= 0 || text[lastAt - 1] != '\n')
            throw LogErrors.DamagedFile(file, "its last line is not a checksum");
        var expected = string.Create(CultureInfo.InvariantCulture, $"{LastLine}{BatchFormat.Crc(bytes[..lastAt]):x8}\n");
        if (text[lastAt..] != expected)
            throw LogErrors.DamagedFile(file, "its checksum does not agree with its lines");

        var lines = text[..(lastAt - 1)].Split('\n');
        if (!lines[0].StartsWith(firstLine, StringComparison.Ordinal))
            throw LogErrors.DamagedFile(file, $"it does not begin with '{firstLine.Trim()}'");
        var found = lines[0][firstLine.Length..];
        var isKnown = int.TryParse(found, NumberStyles.None, CultureInfo.InvariantCulture, out var version) && version >= 1 && version <= newest;
        return isKnown ? (lines, version) : throw LogErrors.NewerFormat(file, found, newest);
    }

    /// <summary>Puts a file in place so that after a crash either the old or the new content is there, whole.</summary>
    public static void Replace(IDisk disk, string folder, string name, byte[] content)
    {
        var target = Path.Combine(folder, name);
        var fresh = target + ".new";
        using (var file = disk.Open(fresh, DiskOpen.Replace))
        {
            file.Write(0, content);
            file.SyncData();
        }

        disk.Rename(fresh, target);
        disk.SyncDirectory(folder);
    }

    public static byte[] ReadAll(IDisk disk, string path)
    {
        using var file = disk.Open(path, DiskOpen.Read);
        var bytes = new byte[file.Length];
        var got = file.Read(0, bytes);
        return bytes[..got];
    }
}
