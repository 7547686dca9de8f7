using System.Runtime.InteropServices;

namespace Leat;

/// <summary>Turns the first interrupt or request to terminate into a token, and the second into the end of the process.</summary>
internal sealed class Signals : IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly PosixSignalRegistration _interrupt;
    private readonly PosixSignalRegistration _terminate;
    private int _count;

    public Signals()
    {
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

    private void Received(PosixSignalContext context, int exitCode)
    {
        context.Cancel = true; // the process ends when its work does
        if (Interlocked.Increment(ref _count) > 1)
            Environment.Exit(exitCode);
        ExitCode = exitCode;
        _stopping.Cancel();
    }
}
