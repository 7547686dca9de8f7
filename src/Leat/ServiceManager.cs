using System.Net.Sockets;
using System.Text;

namespace Leat;

/// <summary>Tells a service manager that started this process how far it is: systemd with <c>Type=notify</c>.</summary>
/// <remarks>A datagram to the Unix socket that NOTIFY_SOCKET names; an <c>@</c> in front stands for the abstract namespace. Source: sd_notify(3).</remarks>
internal static class ServiceManager
{
    /// <summary>All that is needed to run was opened.</summary>
    public const string Ready = "READY=1";

    /// <summary>What is under way is being finished.</summary>
    public const string Stopping = "STOPPING=1";

    /// <summary>Tells it; does nothing when nobody asked to be told.</summary>
    public static void Tell(Terminal terminal, string state)
    {
        if (terminal.Variable("NOTIFY_SOCKET") is not { Length: > 1 } path)
            return;
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            socket.Connect(new UnixDomainSocketEndPoint(path[0] == '@' ? $"\0{path[1..]}" : path));
            socket.Send(Encoding.ASCII.GetBytes(state));
        }
        catch (Exception error) when (error is SocketException or ArgumentException)
        {
            // The work does not depend on it; who waits in vain is the service manager, and says so.
            terminal.Error.WriteLine($"The service manager at NOTIFY_SOCKET ({path}) was not told {state}: {error.Message}.");
        }
    }
}
