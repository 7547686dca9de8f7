using System.Runtime.InteropServices;

namespace Leat;

/// <summary>Turns the first interrupt or request to terminate into a token, and the second into the end of the process.</summary>
/// <remarks>
/// The same signal once more within half a second is no second one: <c>timeout</c> and other programs send theirs to the process and then to its whole group, which
/// the process is in. A person who presses Ctrl-C twice in earnest needs longer, or presses a third time.
/// </remarks>
internal sealed class Signals : IDisposable
{
    private static readonly TimeSpan SameRequest = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stopping = new();
    private readonly PosixSignalRegistration _interrupt;
    private readonly PosixSignalRegistration _terminate;
    private long _firstAt;

    public Signals(TimeProvider time)
    {
        _time = time;
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Received(context, ExitCodes.Interrupted));
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Received(context, ExitCodes.Terminated));
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Stopping => _stopping.Token;

    /// <summary>Exit code of a command that was cut short by the first signal; <see langword="null"/> while there was none.</summary>
    public int? ExitCode { get; private set; }

    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
        _stopping.Dispose();
    }

    /// <summary>Takes a signal in.</summary>
    /// <returns>Whether it is a second one, which ends the process at once.</returns>
    public bool IsSecond(int exitCode)
    {
        lock (_gate)
        {
            if (ExitCode is { } first)
                return exitCode != first || _time.GetElapsedTime(_firstAt) >= SameRequest;
            (ExitCode, _firstAt) = (exitCode, _time.GetTimestamp());
        }

        _stopping.Cancel();
        return false;
    }

    private void Received(PosixSignalContext context, int exitCode)
    {
        context.Cancel = true; // the process ends when its work does
        if (IsSecond(exitCode))
            Environment.Exit(exitCode);
    }
}
