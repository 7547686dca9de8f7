namespace Leat.Connectors.Redis;

/// <summary>Which of a cluster's 16384 slots a key falls into.</summary>
/// <remarks>
/// CRC16 (polynomial 0x1021, XMODEM) of the key, or of what stands between its first <c>{</c> and the next <c>}</c> when that is not empty,
/// modulo 16384. Source: "Redis cluster specification", key distribution model.
/// </remarks>
public static class KeySlot
{
    /// <summary>How many slots there are.</summary>
    public const int Count = 16_384;

    private static readonly ushort[] Table = MakeTable();

    /// <summary>The slot of a key.</summary>
    public static int Of(ReadOnlySpan<byte> key)
    {
        var tag = TagOf(key);
        ushort crc = 0;
        foreach (var value in tag.IsEmpty ? key : tag)
            crc = (ushort)(crc << 8 ^ Table[(crc >> 8 ^ value) & 0xFF]);
        return crc & (Count - 1);
    }

    /// <summary>What stands in a key's first pair of braces; empty when that is nothing.</summary>
    public static ReadOnlySpan<byte> TagOf(ReadOnlySpan<byte> key)
    {
        var open = key.IndexOf((byte)'{');
        if (open < 0)
            return default;
        var close = key[(open + 1)..].IndexOf((byte)'}');
        return close <= 0 ? default : key.Slice(open + 1, close);
    }

    private static ushort[] MakeTable()
    {
        var table = new ushort[256];
        for (var i = 0; i < table.Length; i++)
        {
            var crc = (ushort)(i << 8);
            for (var bit = 0; bit < 8; bit++)
                crc = (ushort)((crc & 0x8000) != 0 ? crc << 1 ^ 0x1021 : crc << 1);
            table[i] = crc;
        }

        return table;
    }
}
