using System.Security.Cryptography;
using System.Text;

namespace Leat.Connectors.MySql.Wire;

/// <summary>Names of sign-in plugins as the protocol spells them.</summary>
internal static class PluginNames
{
    public const string ClearPassword = "mysql_clear_password";
    public const string Dialog = "dialog";
    public const string OldPassword = "mysql_old_password";
    public const string Ed25519 = "client_ed25519";
    public const string Parsec = "parsec";
}

/// <summary>The sign-in plugin <c>mysql_native_password</c>: the password itself never crosses the wire.</summary>
public static class NativePassword
{
    /// <summary>The plugin's name.</summary>
    public const string Plugin = "mysql_native_password";

    /// <summary>SHA1(password) xor SHA1(scramble + SHA1(SHA1(password))); empty for an empty password.</summary>
    /// <remarks>SHA-1 is the protocol's choice. Source: MariaDB knowledge base, "Authentication Plugin - mysql_native_password".</remarks>
    public static byte[] Answer(string password, ReadOnlySpan<byte> scramble)
    {
        if (password.Length == 0)
            return [];
#pragma warning disable CA5350 // the protocol's hash, not ours to choose
        var once = SHA1.HashData(Encoding.UTF8.GetBytes(password));
        var answer = SHA1.HashData([.. scramble[..ServerHandshake.ScrambleBytes], .. SHA1.HashData(once)]);
#pragma warning restore CA5350
        for (var i = 0; i < answer.Length; i++)
            answer[i] ^= once[i];
        return answer;
    }
}

/// <summary>The sign-in plugin <c>caching_sha2_password</c>: by a hash when the server remembers the account, else by the password itself, protected.</summary>
/// <remarks>Source: MySQL Server Doxygen documentation, "Caching_sha2_password information".</remarks>
public static class CachingSha2Password
{
    /// <summary>The plugin's name.</summary>
    public const string Plugin = "caching_sha2_password";

    /// <summary>The server knows the hash: an OK packet follows.</summary>
    public const byte FastIsEnough = 3;

    /// <summary>The server does not know the hash and wants the password.</summary>
    public const byte FullIsNeeded = 4;

    /// <summary>Our request for the server's RSA key.</summary>
    public const byte KeyRequest = 2;

    /// <summary>SHA256(password) xor SHA256(SHA256(SHA256(password)) + scramble); empty for an empty password.</summary>
    public static byte[] Answer(string password, ReadOnlySpan<byte> scramble)
    {
        if (password.Length == 0)
            return [];
        var once = SHA256.HashData(Encoding.UTF8.GetBytes(password));
        var answer = SHA256.HashData([.. SHA256.HashData(once), .. scramble[..ServerHandshake.ScrambleBytes]]);
        for (var i = 0; i < answer.Length; i++)
            answer[i] ^= once[i];
        return answer;
    }
}

/// <summary>The sign-in plugin <c>sha256_password</c>: the password itself, always; under TLS as it is, otherwise under the server's RSA key.</summary>
/// <remarks>Source: MySQL Server Doxygen documentation, "SHA256 authentication".</remarks>
public static class Sha256Password
{
    /// <summary>The plugin's name.</summary>
    public const string Plugin = "sha256_password";

    /// <summary>Our request for the server's RSA key.</summary>
    public const byte KeyRequest = 1;
}

/// <summary>Passwords that cross the wire.</summary>
public static class PasswordBytes
{
    /// <summary>As it is, with the zero byte that ends it.</summary>
    public static byte[] Clear(string password) => [.. Encoding.UTF8.GetBytes(password), 0];

    /// <summary>Hidden by the scramble and encrypted with the server's RSA key.</summary>
    /// <param name="password">At most as long as the key less 43 bytes.</param>
    /// <param name="scramble">20 bytes, repeated over the password: the same password never looks the same.</param>
    /// <param name="pem">The server's public key.</param>
    /// <exception cref="MySqlConnectionException"><see cref="ConnectionFault.ServerKey"/>: not a key, or too short for the password.</exception>
    public static byte[] Encrypted(string password, ReadOnlySpan<byte> scramble, string pem)
    {
        var hidden = Clear(password);
        for (var i = 0; i < hidden.Length; i++)
            hidden[i] ^= scramble[i % ServerHandshake.ScrambleBytes];
        using var key = RSA.Create();
        try
        {
            key.ImportFromPem(pem);
            return key.Encrypt(hidden, RSAEncryptionPadding.OaepSHA1);
        }
        catch (Exception problem) when (problem is ArgumentException or CryptographicException)
        {
            throw new MySqlConnectionException(ConnectionFault.ServerKey, $"the server's public key cannot be used: {problem.Message}", problem);
        }
    }
}
