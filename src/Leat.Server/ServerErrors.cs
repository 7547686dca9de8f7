using Leat.Changes;

namespace Leat.Server;

/// <summary>What can keep the status server from starting. Codes 5010 to 5019.</summary>
public static class ServerErrors
{
    /// <summary>Another process listens on the port.</summary>
    /// <param name="port">The port that was asked for.</param>
    /// <param name="nextFree">The next higher port that is free; <see langword="null"/> when none was found near.</param>
    /// <param name="cause">What the socket said.</param>
    public static LeatException PortInUse(int port, int? nextFree, Exception cause) => new(
        new(5010), $"Port {port} of 127.0.0.1, where Leat serves its status, is in use by another process.",
        nextFree is null ? "Choose another with --port, or let Leat choose with --port 0." : $"Start with --port {nextFree}, which is free, or let Leat choose with --port 0.",
        cause);

    /// <summary>The port cannot be had for another reason.</summary>
    public static LeatException CannotListen(int port, string why, Exception cause) => new(
        new(5011), $"Leat cannot listen on port {port} of 127.0.0.1: {why}.",
        "Ports below 1024 need a privileged user. Choose another with --port.", cause);
}
