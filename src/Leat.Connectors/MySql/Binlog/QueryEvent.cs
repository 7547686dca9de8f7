using System.Buffers.Binary;
using System.Text;
using Leat.Connectors.MySql.Charsets;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>A statement in the binlog, with what says how it was read.</summary>
/// <remarks>
/// <code>
/// thread u32 | seconds u32 | database length u8 | error u16 | status length u16 | [load data: 13 bytes] | status | database | 0 | text
/// </code>
/// The status is a row of codes, each with a value of its own form. Source: MySQL internals, "Query_event"; MariaDB knowledge base, "QUERY_EVENT".
/// </remarks>
internal readonly ref struct QueryEvent
{
    private const byte SqlModeCode = 1;
    private const byte CharsetCode = 4;

    /// <summary>The default database.</summary>
    public ReadOnlySpan<byte> Database { get; private init; }

    /// <summary>The statement as it was sent.</summary>
    public ReadOnlySpan<byte> Text { get; init; }

    /// <summary>sql_mode of the session; 0 when not told.</summary>
    public ulong SqlMode { get; private init; }

    /// <summary>Collation number of the client's character set, in which the text is; 0 when not told.</summary>
    public ushort Collation { get; private init; }

    /// <summary>Reads a body.</summary>
    /// <param name="body">Without header and checksum.</param>
    /// <param name="moreBytes">Bytes between the fixed part and the status that are not ours.</param>
    /// <exception cref="MySqlFormatException">Malformed.</exception>
    public static QueryEvent Read(ReadOnlySpan<byte> body, int moreBytes)
    {
        var fields = new WireReader(body);
        fields.ReadBytes(8); // thread, seconds it took
        int databaseBytes = fields.ReadByte();
        fields.ReadUInt16(); // error code
        int statusBytes = fields.ReadUInt16();
        fields.ReadBytes(moreBytes);
        ReadStatus(fields.ReadBytes(statusBytes), out var sqlMode, out var collation);
        var database = fields.ReadBytes(databaseBytes);
        fields.ReadByte();
        return new() { Database = database, Text = fields.Rest, SqlMode = sqlMode, Collation = collation };
    }

    /// <summary>The text in the client's character set.</summary>
    /// <param name="charsetOf">Gives the character set of a collation number.</param>
    public string Statement(Func<uint, string?> charsetOf) =>
        Collation != 0 && Charset.Find(charsetOf(Collation)) is { } charset ? charset.ToText(Text) : Encoding.UTF8.GetString(Text);

    // The codes that we want come before any whose length we do not know.
    private static void ReadStatus(ReadOnlySpan<byte> status, out ulong sqlMode, out ushort collation)
    {
        sqlMode = 0;
        collation = 0;
        while (!status.IsEmpty)
        {
            var code = status[0];
            status = status[1..];
            var bytes = code switch
            {
                0 or 3 or 10 => 4,
                SqlModeCode or 9 or 17 => 8,
                2 => status.IsEmpty ? 0 : status[0] + 2,
                CharsetCode => 6,
                5 or 6 => status.IsEmpty ? 0 : status[0] + 1,
                7 or 8 => 2,
                13 => 3,
                16 or 19 or 20 => 1,
                _ => int.MaxValue,
            };
            if (bytes > status.Length)
                return;
            if (code == SqlModeCode)
                sqlMode = BinaryPrimitives.ReadUInt64LittleEndian(status);
            else if (code == CharsetCode)
                collation = BinaryPrimitives.ReadUInt16LittleEndian(status);
            status = status[bytes..];
        }
    }
}
