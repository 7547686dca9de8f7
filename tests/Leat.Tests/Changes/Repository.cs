using System.Runtime.CompilerServices;

namespace Leat.Tests.Changes;

/// <summary>Finds files of the repository from the place of this source file.</summary>
internal static class Repository
{
    public static string Path(string relative, [CallerFilePath] string here = "") =>
        System.IO.Path.Combine(System.IO.Path.GetDirectoryName(here)!, "..", "..", "..", relative);
}
