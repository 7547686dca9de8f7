using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Leat.Changes;

namespace Leat.Demo;

/// <summary>A private server as a child process that can outlive neither its owner's wish nor its owner.</summary>
/// <remarks>
/// Between this process and the server stands a small shell in a session of its own, so that Ctrl-C at the terminal reaches only us and the order
/// of stopping stays ours. The shell holds the end of a pipe: when this process dies in whatever way, the pipe closes and the shell kills the server.
/// (The kernel's parent-death signal would not do: it fires when the starting <em>thread</em> ends.)
/// </remarks>
internal sealed partial class ServerProcess : IAsyncDisposable
{
    private const int SignalKill = 9;
    private const int SignalTerminate = 15;
    private const int LogTailLines = 15;

    // $1 log file, $2 socket file or empty, then the server's command line. The server's pid is the only line of output.
    private const string Guard = """
        log=$1 socket=$2; shift 2
        exec 3<&0 </dev/null 2>>"$log"
        "$@" >>"$log" 2>&1 3<&- &
        server=$!
        echo $server
        ( exec >/dev/null 2>&1; read -r _ <&3; kill -KILL $server; [ -z "$socket" ] || rm -f "$socket" ) &
        guard=$!
        exec 3<&-
        wait $server; code=$?
        kill $guard 2>/dev/null
        exit $code
        """;

    /// <summary>How long a server may take to stop by itself.</summary>
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(10);

    private readonly Process _guard;
    private readonly string _name;
    private readonly string _logFile;

    private ServerProcess(Process guard, int processId, string name, string logFile)
    {
        _guard = guard;
        ProcessId = processId;
        _name = name;
        _logFile = logFile;
    }

    /// <summary>The server's process id.</summary>
    public int ProcessId { get; }

    /// <summary>Whether the server has ended.</summary>
    public bool HasExited => _guard.HasExited;

    /// <summary>The server's exit code, once it has ended.</summary>
    public int ExitCode => _guard.ExitCode;

    /// <summary>Starts a server whose output goes to a log file.</summary>
    /// <param name="name">The server's name in messages.</param>
    /// <param name="logFile">Takes what the server prints; created or appended to.</param>
    /// <param name="socket">A Unix socket file to remove should this process die; empty for none.</param>
    /// <param name="command">Program and arguments.</param>
    /// <param name="cancellationToken">Ends the waiting for the process id.</param>
    public static async Task<ServerProcess> StartAsync(
        string name, string logFile, string socket, IReadOnlyList<string> command, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo("setsid")
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false, WorkingDirectory = "/",
            ArgumentList = { "sh", "-c", Guard, "sh", logFile, socket },
        };
        foreach (var part in command)
            start.ArgumentList.Add(part);

        var guard = Process.Start(start) ?? throw DemoErrors.ServerDidNotStart(name, "its guard process did not start", "");
        try
        {
            var line = await guard.StandardOutput.ReadLineAsync(cancellationToken);
            return int.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out var processId)
                ? new(guard, processId, name, logFile)
                : throw DemoErrors.ServerDidNotStart(name, "its guard process told no process id", "");
        }
        catch
        {
            guard.StandardInput.Close(); // the guard ends, and with it the server
            guard.Dispose();
            throw;
        }
    }

    /// <summary>Asks again and again until the server answers.</summary>
    /// <param name="answers">One question; false or a socket error: not yet.</param>
    /// <param name="limit">How long to ask.</param>
    /// <param name="cancellationToken">Ends the asking.</param>
    /// <exception cref="LeatException">It ended, or did not answer in time; carries the end of its log.</exception>
    public async Task WaitUntilReadyAsync(Func<CancellationToken, Task<bool>> answers, TimeSpan limit, CancellationToken cancellationToken)
    {
        var time = TimeProvider.System;
        var started = time.GetTimestamp();
        while (true)
        {
            if (HasExited)
                throw DemoErrors.ServerDidNotStart(_name, FormattableString.Invariant($"it ended with exit code {ExitCode}"), LogTail());
            if (await answers(cancellationToken))
                return;
            if (time.GetElapsedTime(started) > limit)
                throw DemoErrors.ServerDidNotStart(_name, FormattableString.Invariant($"no answer within {limit.TotalSeconds:F0} s"), LogTail());
            await Task.Delay(TimeSpan.FromMilliseconds(20), time, cancellationToken);
        }
    }

    /// <summary>The last lines that the server printed.</summary>
    public string LogTail() => File.Exists(_logFile) ? string.Join('\n', File.ReadLines(_logFile).TakeLast(LogTailLines)) : "(no log)";

    /// <summary>Waits until the server has ended by itself, or by somebody's signal.</summary>
    public Task WaitForExitAsync() => _guard.WaitForExitAsync(CancellationToken.None);

    /// <summary>Ends the server at once, as a crash would: SIGKILL.</summary>
    public Task KillAsync() => EndAsync(SignalKill);

    /// <summary>Asks the server to stop and waits; after ten seconds it is killed.</summary>
    public async ValueTask DisposeAsync()
    {
        await EndAsync(SignalTerminate);
        _guard.Dispose();
    }

    private async Task EndAsync(int signal)
    {
        if (!_guard.HasExited)
        {
            _ = Kill(ProcessId, signal); // fails only when the server has just ended by itself, which is what was wanted
            using var limit = new CancellationTokenSource(StopLimit);
            try
            {
                await _guard.WaitForExitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                _ = Kill(ProcessId, SignalKill);
                await _guard.WaitForExitAsync(CancellationToken.None);
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int processId, int signal);
}
