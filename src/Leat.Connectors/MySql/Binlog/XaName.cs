using System.Globalization;
using System.Text;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>The name of an XA transaction: two parts of bytes and a number. Printed as the servers write it in their statements: <c>X'6162',X'',1</c>.</summary>
/// <remarks>Sources: X/Open CAE "Distributed TP: The XA Specification" (XID); MariaDB knowledge base, "XA Transactions".</remarks>
internal readonly record struct XaName(string Text)
{
    /// <inheritdoc/>
    public override string ToString() => Text;

    /// <summary>Reads the body of an XA_PREPARE event: one phase, number, two lengths, both parts.</summary>
    /// <exception cref="MySqlFormatException">A part is longer than the 64 bytes that the standard allows, or missing.</exception>
    public static XaName Read(ReadOnlySpan<byte> body, out bool onePhase)
    {
        const int MostBytes = 64;
        var fields = new WireReader(body);
        onePhase = fields.ReadByte() != 0;
        var number = (int)fields.ReadUInt32();
        var (globalBytes, branchBytes) = (fields.ReadUInt32(), fields.ReadUInt32());
        if (globalBytes > MostBytes || branchBytes > MostBytes)
            throw MySqlFormatException.Unexpected("length of an XA name", $"at most {MostBytes}", Math.Max(globalBytes, branchBytes));
        var global = fields.ReadBytes((int)globalBytes);
        return Make(Convert.ToHexString(global), Convert.ToHexString(fields.ReadBytes((int)branchBytes)), number.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Reads it behind the words of a statement that the server wrote, e.g. <c>XA COMMIT X'6162',X'',1</c>; what is written otherwise stays as it is.</summary>
    public static XaName OfStatement(ReadOnlySpan<byte> sql)
    {
        var text = Encoding.UTF8.GetString(sql);
        var parts = text.Split('\'');
        if (parts.Length == 5 && parts[4].StartsWith(',') && int.TryParse(parts[4].AsSpan(1).Trim(), NumberStyles.Integer, CultureInfo.InvariantCulture, out var number))
            return Make(parts[1].ToUpperInvariant(), parts[3].ToUpperInvariant(), number.ToString(CultureInfo.InvariantCulture));
        return new(string.Join(' ', text.Split(' ').Skip(2)));
    }

    private static XaName Make(string global, string branch, string number) => new($"X'{global}',X'{branch}',{number}");
}
