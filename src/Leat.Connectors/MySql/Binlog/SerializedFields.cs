using System.Numerics;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>Numbers in the form of MySQL's own serialisation library, which newer events are written with.</summary>
/// <remarks>
/// The ones at the low end of the first byte tell how many bytes follow it, up to eight; the other bits, little-endian, are the number. Signed ones have
/// their sign in the lowest bit. Source: MySQL server, libs/mysql/serialization, variable_length_integers.h.
/// </remarks>
internal static class SerializedFields
{
    /// <summary>An unsigned number.</summary>
    /// <exception cref="MySqlFormatException">Fewer bytes are there than it says.</exception>
    public static ulong ReadUnsigned(ref WireReader fields)
    {
        var first = fields.ReadByte();
        var more = BitOperations.TrailingZeroCount(~(uint)first); // 0 to 8
        var rest = fields.ReadBytes(more);
        ulong value = 0;
        for (var i = more - 1; i >= 0; i--)
            value = value << 8 | rest[i];
        if (more >= 7)
            return value; // nothing of the first byte is left: one bit that ends the ones, or none
        var own = 7 - more;
        return value << own | (uint)first >> (more + 1);
    }

    /// <summary>A signed number.</summary>
    public static long ReadSigned(ref WireReader fields)
    {
        var coded = ReadUnsigned(ref fields);
        return (coded & 1) == 0 ? (long)(coded >> 1) : ~(long)(coded >> 1);
    }
}
