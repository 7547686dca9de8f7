using System.Text;

namespace Leat.Connectors.MySql.Wire;

/// <summary>The talk between the handshake and the server's OK: packets in, our answers out. No socket.</summary>
/// <remarks>
/// The server may ask for another plugin at any point. Whatever it asks, a password leaves in the clear only where nobody else can read it.
/// Source: MySQL Server Doxygen documentation, "Connection Phase"; MariaDB knowledge base, "Connection".
/// </remarks>
public sealed class SignInExchange
{
    // More than any plugin needs; a server that goes on is not one.
    private const int MostPackets = 16;

    // First byte of a plugin's own data.
    private const byte PluginData = 1;

    private readonly MySqlEndpoint _endpoint;
    private readonly string? _publicKey;
    private byte[] _scramble;
    private bool _awaitsKey;
    private bool _saidPassword;
    private int _packets;

    /// <summary>A talk with the server that greeted us.</summary>
    /// <param name="endpoint">Account, password, and what is allowed.</param>
    /// <param name="server">Its greeting.</param>
    /// <param name="publicKey">The server's RSA key in PEM when it is known beforehand.</param>
    public SignInExchange(MySqlEndpoint endpoint, ServerHandshake server, string? publicKey)
    {
        _endpoint = endpoint;
        _publicKey = publicKey;
        _scramble = server.Scramble;
        // The two that only send hashes; for any other the server asks once it knows the account.
        Plugin = server.Plugin == CachingSha2Password.Plugin ? CachingSha2Password.Plugin : NativePassword.Plugin;
    }

    /// <summary>The plugin in use, at first the one to begin with.</summary>
    public string Plugin { get; private set; }

    /// <summary>What stands in our first packet.</summary>
    public byte[] Begin() => Plugin == CachingSha2Password.Plugin
        ? CachingSha2Password.Answer(_endpoint.Password, _scramble)
        : NativePassword.Answer(_endpoint.Password, _scramble);

    /// <summary>Takes a packet of the server: true with what to send, if anything is to be sent; false once signed in.</summary>
    /// <param name="packet">What came.</param>
    /// <param name="answer">What to send, which may be an empty packet; <see langword="null"/> when the server goes on by itself.</param>
    /// <exception cref="MySqlServerException">The server refuses.</exception>
    /// <exception cref="MySqlConnectionException">The account's plugin is not ours, or would give the password away.</exception>
    /// <exception cref="MySqlFormatException">Not the protocol.</exception>
    public bool GoesOn(ReadOnlySpan<byte> packet, out byte[]? answer)
    {
        answer = null;
        ServerAnswer.ThrowIfError(packet);
        if (packet.IsEmpty || ++_packets > MostPackets)
            throw MySqlFormatException.Unexpected("answer to the sign-in", "an OK packet", packet.IsEmpty ? -1 : packet[0]);
        if (packet[0] == ServerAnswer.Ok)
            return false;

        answer = packet[0] switch
        {
            ServerAnswer.Eof => Switch(packet),
            PluginData => TakeData(packet[1..]),
            // MariaDB sends what a plugin says without a byte before it where the first byte is no packet's.
            _ when Plugin == PluginNames.Dialog => TakeQuestion(packet),
            _ => throw MySqlFormatException.Unexpected("answer to the sign-in", "an OK packet", packet[0]),
        };
        return true;
    }

    private byte[] Switch(ReadOnlySpan<byte> request)
    {
        // The byte alone asks for the method from before 4.1. Source: MySQL protocol, "Old Authentication Method Switch Request".
        if (request.Length == 1)
            throw new MySqlConnectionException(ConnectionFault.SignInPlugin, PluginNames.OldPassword);
        var fields = new WireReader(request);
        fields.ReadByte();
        Plugin = Encoding.UTF8.GetString(fields.ReadUntilZero());
        _awaitsKey = false;
        switch (Plugin)
        {
            case NativePassword.Plugin:
                _scramble = fields.ReadBytes(ServerHandshake.ScrambleBytes).ToArray();
                return NativePassword.Answer(_endpoint.Password, _scramble);
            case CachingSha2Password.Plugin:
                _scramble = fields.ReadBytes(ServerHandshake.ScrambleBytes).ToArray();
                return CachingSha2Password.Answer(_endpoint.Password, _scramble);
            case Sha256Password.Plugin:
                _scramble = fields.ReadBytes(ServerHandshake.ScrambleBytes).ToArray();
                return _endpoint.Password.Length == 0 ? [0] : WholePassword(Sha256Password.KeyRequest);
            case PluginNames.ClearPassword:
                return ClearPassword();
            case PluginNames.Dialog:
                return TakeQuestion(fields.Rest);
            default:
                throw new MySqlConnectionException(ConnectionFault.SignInPlugin, Plugin);
        }
    }

    private byte[]? TakeData(ReadOnlySpan<byte> data)
    {
        if (_awaitsKey)
        {
            _awaitsKey = false;
            return PasswordBytes.Encrypted(_endpoint.Password, _scramble, Encoding.UTF8.GetString(data));
        }

        if (Plugin == PluginNames.Dialog)
            return TakeQuestion(data);
        if (Plugin != CachingSha2Password.Plugin || data.Length != 1)
            throw MySqlFormatException.Unexpected($"data of {Plugin}", "none", data.Length);
        return data[0] switch
        {
            CachingSha2Password.FastIsEnough => null,
            CachingSha2Password.FullIsNeeded => WholePassword(CachingSha2Password.KeyRequest),
            _ => throw MySqlFormatException.Unexpected($"data of {Plugin}", "3 or 4", data[0]),
        };
    }

    // The password itself: as it is in private, else under the server's key, which may have to be asked for first.
    private byte[] WholePassword(byte keyRequest)
    {
        if (_endpoint.IsPrivate)
            return PasswordBytes.Clear(_endpoint.Password);
        if (_publicKey is not null)
            return PasswordBytes.Encrypted(_endpoint.Password, _scramble, _publicKey);
        if (!_endpoint.AllowPublicKeyRetrieval)
            throw new MySqlConnectionException(ConnectionFault.Unprotected, Plugin);
        _awaitsKey = true;
        return [keyRequest];
    }

    private byte[] ClearPassword() =>
        _endpoint.IsPrivate ? PasswordBytes.Clear(_endpoint.Password) : throw new MySqlConnectionException(ConnectionFault.Unprotected, Plugin);

    // A question of PAM: its first byte tells the kind (2: the answer may be seen, 4: a password; 1 more: the last), its text follows. We know
    // one answer, the password, and one question that it belongs to: the first. Source: MariaDB, plugin/auth_dialog.
    private byte[] TakeQuestion(ReadOnlySpan<byte> question)
    {
        const int Password = 4;
        const int Last = 1;
        if (_saidPassword || (!question.IsEmpty && (question[0] & ~Last) != Password))
            throw new MySqlConnectionException(ConnectionFault.Question, question.IsEmpty ? "" : Encoding.UTF8.GetString(question[1..]).Trim());
        _saidPassword = true;
        return ClearPassword();
    }
}
