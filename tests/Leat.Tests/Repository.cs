namespace Leat.Tests;

/// <summary>The folder that this program was built from. Looked up, not compiled in: a reproducible build hides its own paths.</summary>
internal static class Repository
{
    /// <summary>The nearest folder above the program that holds the solution.</summary>
    public static string Root { get; } = Find(new DirectoryInfo(AppContext.BaseDirectory));

    /// <summary>The full path of a file or folder of the repository.</summary>
    public static string Path(string relative) => System.IO.Path.GetFullPath(System.IO.Path.Combine(Root, relative));

    private static string Find(DirectoryInfo? folder)
    {
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "Leat.slnx")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("This program runs outside the repository that it was built from.");
    }
}
