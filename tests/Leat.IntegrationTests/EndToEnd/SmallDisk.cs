using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>A small file system in memory, mounted on a folder. Takes root.</summary>
internal sealed class SmallDisk(string folder) : IAsyncDisposable
{
    private const int BlockBytes = 1024 * 1024;

    public static async Task<SmallDisk> MountAsync(string folder, int mebibytes, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(folder);
        await RunAsync("mount", ["-t", "tmpfs", "-o", string.Create(CultureInfo.InvariantCulture, $"size={mebibytes}m"), "tmpfs", folder], cancellationToken);
        return new(folder);
    }

    public Task GrowAsync(int mebibytes) =>
        RunAsync("mount", ["-o", string.Create(CultureInfo.InvariantCulture, $"remount,size={mebibytes}m"), folder], CancellationToken.None);

    /// <summary>Fills it from outside until no more than so much is free; returns the file that does it.</summary>
    public string Fill(long leaveBytes)
    {
        var path = Path.Combine(folder, "filler");
        using var file = File.Create(path);
        var block = new byte[BlockBytes];
        for (var free = Free(); free > leaveBytes; free = Free())
        {
            file.Write(block, 0, (int)Math.Min(BlockBytes, free - leaveBytes));
            file.Flush();
        }

        return path;
    }

    public async ValueTask DisposeAsync() => await RunAsync("umount", ["--lazy", folder], CancellationToken.None);

    private long Free() => new DriveInfo(folder).AvailableFreeSpace;

    private static async Task RunAsync(string program, string[] arguments, CancellationToken cancellationToken)
    {
        using var process = Process.Start(program, arguments);
        await process.WaitForExitAsync(cancellationToken);
        Assert.Equal(0, process.ExitCode);
    }
}
