using System.Net.Sockets;
using System.Text;
using Xunit;

namespace Leat.Tests.Commands;

public sealed class ServiceManagerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_service_manager_that_asks_is_told(bool isAbstract)
    {
        var name = isAbstract ? $"@leat-test-{Guid.NewGuid():N}" : Path.Combine(_folder.Path, "notify");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(isAbstract ? $"\0{name[1..]}" : name));
        using var error = new StringWriter();

        ServiceManager.Tell(Cli.Terminal(TextWriter.Null, error, isTerminal: false, new() { ["NOTIFY_SOCKET"] = name }), ServiceManager.Ready);

        var told = new byte[64];
        Assert.Equal("READY=1", Encoding.ASCII.GetString(told, 0, listener.Receive(told)));
        Assert.Equal("", error.ToString());
    }

    [Fact]
    public void Nobody_is_told_when_nobody_asks()
    {
        using var error = new StringWriter();

        ServiceManager.Tell(Cli.Terminal(TextWriter.Null, error, isTerminal: false), ServiceManager.Ready);

        Assert.Equal("", error.ToString());
    }

    [Fact]
    public void A_socket_that_is_gone_is_told_and_stops_nothing()
    {
        var path = Path.Combine(_folder.Path, "gone");
        using var error = new StringWriter();

        ServiceManager.Tell(Cli.Terminal(TextWriter.Null, error, isTerminal: false, new() { ["NOTIFY_SOCKET"] = path }), ServiceManager.Stopping);

        Assert.StartsWith($"The service manager at NOTIFY_SOCKET ({path}) was not told STOPPING=1: ", error.ToString(), StringComparison.Ordinal);
    }
}
