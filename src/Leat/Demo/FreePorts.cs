using System.Net;
using System.Net.Sockets;

namespace Leat.Demo;

/// <summary>Finds loopback TCP ports that nobody listens on.</summary>
/// <remarks>
/// A port can be taken between the look and the use: whoever starts a server tries again with another one.
/// Ports are chosen below 32768, where Linux does not pick the local ports of outgoing connections.
/// </remarks>
public static class FreePorts
{
    private const int Lowest = 20_000;
    private const int BeyondHighest = 32_000;

    private static readonly HashSet<int> Given = [];

    /// <summary>A free port of 127.0.0.1, never the same twice in one process.</summary>
    public static int Next()
    {
        while (true)
        {
            var port = Random.Shared.Next(Lowest, BeyondHighest);
            lock (Given)
            {
                if (!Given.Add(port))
                    continue;
            }

            if (IsFree(port))
                return port;
        }
    }

    private static bool IsFree(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false; // taken: the answer, not a failure
        }
    }
}
