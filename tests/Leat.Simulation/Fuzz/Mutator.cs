using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Leat.Simulation.Fuzz;

/// <summary>Makes new inputs out of old ones.</summary>
internal sealed class Mutator(SimRandom random, IReadOnlyList<byte[]> dictionary, int maxBytes)
{
    private static readonly long[] Interesting =
    [
        0, 1, -1, 2, 3, 7, 8, 15, 16, 31, 32, 63, 64, 100, 127, 128, -128, -129, 255, 256, 1000, 1024, 4096, 32767, 32768, -32768, 65535, 65536,
        0x00FFFFFF, int.MaxValue, int.MaxValue - 11L, 0x80000000L, int.MinValue, uint.MaxValue, 0x100000000L, long.MaxValue, long.MaxValue - 1, long.MinValue,
    ];

    private readonly List<byte> _bytes = [];

    /// <summary>A mutation of one input, now and then with parts of another.</summary>
    public byte[] Mutate(byte[] input, byte[] other)
    {
        _bytes.Clear();
        _bytes.AddRange(input);
        for (var steps = 1 << random.Below(5); steps > 0; steps--)
            Step(other);
        if (_bytes.Count > maxBytes)
            _bytes.RemoveRange(maxBytes, _bytes.Count - maxBytes);
        return [.. _bytes];
    }

    private void Step(byte[] other)
    {
        if (_bytes.Count == 0)
        {
            Insert(0, other.Length > 0 ? other : [0]);
            return;
        }

        var at = random.Below(_bytes.Count);
        switch (random.Below(16))
        {
            case 0: _bytes[at] ^= (byte)(1 << random.Below(8)); break;
            case 1: _bytes[at] = (byte)random.Next(); break;
            case 2: _bytes[at] = (byte)(_bytes[at] + random.Below(71) - 35); break;
            case 3: case 4: Number(at, Interesting[random.Below(Interesting.Length)]); break;
            case 5: case 6: Length(at); break;
            case 7: Varint(at); break;
            case 8: _bytes.RemoveRange(at, 1 + random.Below(Math.Min(_bytes.Count - at, 1 << random.Below(8)))); break;
            case 9: Insert(at, Cut([.. _bytes])); break;
            case 10: Overwrite(at, Cut([.. _bytes])); break;
            case 11: Insert(at, Cut(other)); break;
            case 12: Splice(at, other); break;
            case 13: Insert(at, Word()); break;
            case 14: Overwrite(at, Word()); break;
            default: Decimal(at); break;
        }
    }

    // A number of 1, 2, 4 or 8 bytes, in either order.
    private void Number(int at, long value)
    {
        Span<byte> number = stackalloc byte[8];
        var width = 1 << random.Below(4);
        if (random.Chance(50))
        {
            BinaryPrimitives.WriteInt64BigEndian(number, value);
            Overwrite(at, number[(8 - width)..].ToArray());
        }
        else
        {
            BinaryPrimitives.WriteInt64LittleEndian(number, value);
            Overwrite(at, number[..width].ToArray());
        }
    }

    // What a length field could say here: what is left of the input, nearly that, or more than there is.
    private void Length(int at) => Number(at, _bytes.Count - at + random.Below(40) - 20 + (random.Chance(20) ? 1 << random.Below(31) : 0));

    private void Varint(int at)
    {
        var value = random.Chance(50) ? Interesting[random.Below(Interesting.Length)] : _bytes.Count - at - random.Below(8);
        var rest = random.Chance(50) ? (ulong)((value << 1) ^ (value >> 63)) : (ulong)value;
        var encoded = new List<byte>();
        for (; rest >= 0x80; rest >>= 7)
            encoded.Add((byte)(rest | 0x80));
        encoded.Add((byte)rest);
        _bytes.RemoveAt(at);
        Insert(at, [.. encoded]);
    }

    // A number in digits: replaced by another.
    private void Decimal(int at)
    {
        var end = at;
        while (end < _bytes.Count && _bytes[end] is >= (byte)'0' and <= (byte)'9')
            end++;
        if (end == at)
        {
            _bytes[at] ^= (byte)(1 << random.Below(8));
            return;
        }

        _bytes.RemoveRange(at, end - at);
        Insert(at, Encoding.ASCII.GetBytes(Interesting[random.Below(Interesting.Length)].ToString(CultureInfo.InvariantCulture)));
    }

    private byte[] Word() => dictionary.Count == 0 ? [(byte)random.Next()] : dictionary[random.Below(dictionary.Count)];

    private byte[] Cut(byte[] from)
    {
        if (from.Length == 0)
            return [];
        var start = random.Below(from.Length);
        return from[start..(start + 1 + random.Below(Math.Min(from.Length - start, 1 << random.Below(10))))];
    }

    private void Splice(int at, byte[] other)
    {
        if (other.Length == 0)
            return;
        _bytes.RemoveRange(at, _bytes.Count - at);
        _bytes.AddRange(other[random.Below(other.Length)..]);
    }

    private void Insert(int at, byte[] bytes)
    {
        if (_bytes.Count + bytes.Length <= maxBytes)
            _bytes.InsertRange(Math.Min(at, _bytes.Count), bytes);
    }

    private void Overwrite(int at, byte[] bytes)
    {
        for (var i = 0; i < bytes.Length && at + i < _bytes.Count; i++)
            _bytes[at + i] = bytes[i];
    }
}
