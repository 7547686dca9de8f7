namespace Leat.Changes.Configuration;

/// <summary>Finds out whether a folder can be written to, or created where it is not there yet.</summary>
public static class WritableFolder
{
    /// <summary>Why it cannot, in the system's words; <see langword="null"/> when it can. Tried with a file that is gone at once; nothing else tells of read-only disks and rights alike.</summary>
    public static string? Problem(string folder)
    {
        var place = Path.GetFullPath(folder);
        while (!Directory.Exists(place))
        {
            if (File.Exists(place))
                return $"{place} is a file, not a folder";
            if (Path.GetDirectoryName(place) is not { } parent)
                break;
            place = parent;
        }

        try
        {
            using var probe = new FileStream(
                Path.Combine(place, $".leat-check-{Environment.ProcessId}"), FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 1,
                FileOptions.DeleteOnClose);
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return $"no file can be created in {place}: {error.Message.TrimEnd('.')}";
        }
    }
}
