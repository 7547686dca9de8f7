using System.Diagnostics;

namespace Leat.Demo;

/// <summary>The demo's temporary folder: gone when the demo ends, in whatever way it ends.</summary>
internal sealed class DemoFolder : IAsyncDisposable
{
    // The pipe closes when we are done with the folder, or dead. Servers may still be dying: hence more than one attempt.
    private const string Guard = """
        read -r _
        for attempt in 1 2 3 4 5 6 7 8 9 10; do
          rm -rf -- "$1" 2>/dev/null && exit 0
          sleep 0.3
        done
        """;

    private readonly Process? _guard;

    private DemoFolder(string path, Process? guard)
    {
        Path = path;
        _guard = guard;
    }

    /// <summary>The folder's whole path; short enough for sockets.</summary>
    public string Path { get; }

    /// <summary>Makes the folder, below <c>TMPDIR</c> or <c>/tmp</c>, readable by its owner only.</summary>
    public static DemoFolder Create()
    {
        var path = Directory.CreateTempSubdirectory("leat-demo-").FullName;
        if (ProgramRun.Find("setsid") is not { } setsid)
            return new(path, guard: null);

        var start = new ProcessStartInfo(setsid)
        {
            RedirectStandardInput = true, UseShellExecute = false, WorkingDirectory = "/", ArgumentList = { "sh", "-c", Guard, "sh", path },
        };
        return new(path, Process.Start(start));
    }

    /// <summary>Removes the folder with everything in it.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_guard is not null)
        {
            _guard.StandardInput.Close();
            await _guard.WaitForExitAsync(CancellationToken.None);
            _guard.Dispose();
        }

        if (Directory.Exists(Path))
            Directory.Delete(Path, recursive: true); // there was no guard; or it could not, and this tells why
    }
}
