using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>The program as its users run it: a process of its own, with arguments, environment, signals and an exit code.</summary>
internal sealed partial class LeatProcess : IAsyncDisposable
{
    private const int SignalInterrupt = 2;
    private const int SignalKill = 9;
    private const int SignalTerminate = 15;
    private const int SignalStop = 19;

    private static readonly HttpClient Http = new();

    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly Task<string> _error;

    private LeatProcess(Process process, Uri? status)
    {
        _process = process;
        _output = process.StandardOutput.ReadToEndAsync();
        _error = process.StandardError.ReadToEndAsync();
        Status = status;
    }

    /// <summary>The process id.</summary>
    public int Id => _process.Id;

    /// <summary>Whether it has ended.</summary>
    public bool HasExited => _process.HasExited;

    private Uri? Status { get; }

    /// <summary>Starts any command.</summary>
    public static LeatProcess Start(IReadOnlyDictionary<string, string> environment, params string[] arguments) => Start(null, environment, arguments);

    /// <summary>Starts <c>leat run</c> with its status on a port of its own.</summary>
    public static LeatProcess Run(string file, int port, IReadOnlyDictionary<string, string> environment)
    {
        var text = port.ToString(System.Globalization.CultureInfo.InvariantCulture);
        return Start(new Uri($"http://127.0.0.1:{text}/"), environment, "run", file, "--port", text);
    }

    /// <summary>Starts <c>leat demo</c> with its status on a port of its own.</summary>
    public static LeatProcess Demo(int port, IReadOnlyDictionary<string, string> environment)
    {
        var text = port.ToString(System.Globalization.CultureInfo.InvariantCulture);
        return Start(new Uri($"http://127.0.0.1:{text}/"), environment, "demo", "--port", text);
    }

    /// <summary>Runs a command to its end.</summary>
    public static async Task<(int ExitCode, string Output, string Error)> RunToEndAsync(
        IReadOnlyDictionary<string, string> environment, CancellationToken cancellationToken, params string[] arguments)
    {
        await using var leat = Start(environment, arguments);
        return await leat.EndAsync(cancellationToken);
    }

    /// <summary>Waits for the end by itself.</summary>
    public async Task<(int ExitCode, string Output, string Error)> EndAsync(CancellationToken cancellationToken)
    {
        await _process.WaitForExitAsync(cancellationToken);
        return (_process.ExitCode, await _output, await _error);
    }

    /// <summary>Stops every thread where it stands; for looking at it from outside before the kill.</summary>
    public void Freeze() => Send(SignalStop);

    /// <summary>Asks to stop in order (SIGTERM) and waits.</summary>
    public Task<(int ExitCode, string Output, string Error)> StopAsync(CancellationToken cancellationToken)
    {
        Send(SignalTerminate);
        return EndAsync(cancellationToken);
    }

    /// <summary>As Ctrl-C does, and waits.</summary>
    public Task<(int ExitCode, string Output, string Error)> InterruptAsync(CancellationToken cancellationToken)
    {
        Send(SignalInterrupt);
        return EndAsync(cancellationToken);
    }

    /// <summary>kill -9, and waits until it is gone.</summary>
    public Task<(int ExitCode, string Output, string Error)> KillAsync(CancellationToken cancellationToken)
    {
        Send(SignalKill);
        return EndAsync(cancellationToken);
    }

    /// <summary>The answer of <c>/api/v1/status</c>, or <see langword="null"/> while nobody answers.</summary>
    public async Task<JsonElement?> StatusAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var document = JsonDocument.Parse(await Http.GetStringAsync(new Uri(Status!, "api/v1/status"), cancellationToken)); // only asked of `run`
            return document.RootElement.Clone();
        }
        catch (HttpRequestException)
        {
            return null; // not listening yet
        }
    }

    /// <summary>Asks for the status until it is as wanted.</summary>
    /// <exception cref="InvalidOperationException">The process ended, or the time is over; the message has what it wrote and the last status.</exception>
    public async Task<JsonElement> WaitForStatusAsync(Func<JsonElement, bool> wanted, TimeSpan limit, CancellationToken cancellationToken)
    {
        var started = TimeProvider.System.GetTimestamp();
        JsonElement? last = null;
        while (TimeProvider.System.GetElapsedTime(started) < limit && !HasExited)
        {
            last = await StatusAsync(cancellationToken);
            if (last is { } status && wanted(status))
                return status;
            await Task.Delay(TimeSpan.FromMilliseconds(25), TimeProvider.System, cancellationToken);
        }

        var ended = HasExited;
        var (code, output, error) = await KillAsync(cancellationToken);
        throw new InvalidOperationException(
            $"{(ended ? $"leat ended with {code}" : $"not as wanted within {limit}")}. Last status: {last?.GetRawText() ?? "none"}\n{output}\n{error}");
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync(CancellationToken.None);
        _process.Dispose();
    }

    private static LeatProcess Start(Uri? status, IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
            ArgumentList = { Path.Combine(AppContext.BaseDirectory, "leat.dll") },
        };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        var process = Process.Start(start) ?? throw new InvalidOperationException("no process was started");
        process.StandardInput.Close();
        return new(process, status);
    }

    private void Send(int signal)
    {
        if (!_process.HasExited)
            _ = Kill(_process.Id, signal); // fails only when it ended meanwhile
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int processId, int signal);
}
