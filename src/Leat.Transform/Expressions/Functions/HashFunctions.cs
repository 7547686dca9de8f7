using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;
using Leat.Transform.Expressions.Evaluation;
using Leat.Transform.Expressions.Language;
using Leat.Transform.Expressions.Typing;
using static Leat.Transform.Expressions.Functions.Takes;

namespace Leat.Transform.Expressions.Functions;

/// <summary>Functions that hide personal data, or make a number of a text. A hash alone does not hide what can be guessed; <c>hmac_sha256</c> with a secret does.</summary>
internal static class HashFunctions
{
    private const int OrdinaryBits = 256;

    private static readonly uint[] Crc = MakeCrc();

    public static KeyValuePair<string, Function>[] All { get; } =
    [
        Hex("md5", MD5.HashSizeInBytes, MD5.TryHashData), Hex("sha1", SHA1.HashSizeInBytes, SHA1.TryHashData), Hex("sha", SHA1.HashSizeInBytes, SHA1.TryHashData),
        Hex("sha256", SHA256.HashSizeInBytes, SHA256.TryHashData),
        new("sha2", new("a value and 256, 384 or 512", [AnyText, Integer], 2, Sha2)),
        new("hmac_sha256", new("a value and a secret", [AnyText, Text], 2, (_, _, arguments) => new TextCall(StaticType.Text, arguments, Hmac))),
        new("crc32", new("one value", [AnyText], 1, (_, _, arguments) => new IntegerCall(StaticType.Integer, arguments, Crc32))),
        new("hash64", new("one value", [AnyText], 1, (_, _, arguments) => new IntegerCall(StaticType.Integer, arguments, Hash64))),
        new("mask", new("a value, and perhaps how many characters to keep at its beginning and at its end", [AnyText, Integer, Integer], 1, (_, _, arguments) => new TextCall(StaticType.Text, arguments, Mask))),
        new("mask_email", new("one text", [Text], 1, (_, _, arguments) => new TextCall(StaticType.Text, arguments, MaskEmail))),
    ];

    private delegate bool TryHash(ReadOnlySpan<byte> source, Span<byte> destination, out int written);

    private static KeyValuePair<string, Function> Hex(string name, int bytes, TryHash hash) =>
        new(name, new("one value", [AnyText], 1, (_, _, arguments) => HexOf(arguments, bytes, hash)));

    private static TextCall HexOf(Node[] arguments, int bytes, TryHash hash) => new(StaticType.Text, arguments, (Node[] values, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value) =>
    {
        if (!values[0].TryText(row, out value))
            return false;
        Span<byte> hashed = stackalloc byte[SHA512.HashSizeInBytes];
        hash(value, hashed, out _);
        value = Hexadecimal(hashed[..bytes], row.Scratch);
        return true;
    });

    private static TextCall Sha2(Compiler compiler, CallSyntax call, Node[] arguments)
    {
        if (arguments[1] is not IntegerConstant bits)
            throw ExpressionErrors.NotWrittenOut(call.At, "sha2", "its number of bits");
        return bits.Value switch
        {
            0 or OrdinaryBits => HexOf(arguments, SHA256.HashSizeInBytes, SHA256.TryHashData),
            384 => HexOf(arguments, SHA384.HashSizeInBytes, SHA384.TryHashData),
            512 => HexOf(arguments, SHA512.HashSizeInBytes, SHA512.TryHashData),
            _ => throw FunctionTable.Wrong(call),
        };
    }

    private static bool Hmac(Node[] arguments, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value)
    {
        if (!arguments[0].TryText(row, out value) || !arguments[1].TryText(row, out var secret))
            return false;
        Span<byte> hashed = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(secret, value, hashed);
        value = Hexadecimal(hashed, row.Scratch);
        return true;
    }

    private static ReadOnlySpan<byte> Hexadecimal(scoped ReadOnlySpan<byte> bytes, Scratch scratch)
    {
        var digits = scratch.Take(bytes.Length * 2);
        for (var i = 0; i < bytes.Length; i++)
        {
            digits[i * 2] = "0123456789abcdef"u8[bytes[i] >> 4];
            digits[i * 2 + 1] = "0123456789abcdef"u8[bytes[i] & 15];
        }

        return digits;
    }

    private static bool Crc32(Node[] arguments, scoped in EvaluatedRow row, out long value)
    {
        var there = arguments[0].TryText(row, out var text);
        var crc = uint.MaxValue;
        foreach (var unit in text)
            crc = Crc[(byte)(crc ^ unit)] ^ (crc >> 8);
        value = ~crc;
        return there;
    }

    // The polynomial of ISO-HDLC (zip, MySQL's CRC32), bits reversed.
    private static uint[] MakeCrc()
    {
        var table = new uint[256];
        for (uint i = 0; i < table.Length; i++)
        {
            var crc = i;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? 0xEDB88320 ^ (crc >> 1) : crc >> 1;
            table[i] = crc;
        }

        return table;
    }

    private static bool Hash64(Node[] arguments, scoped in EvaluatedRow row, out long value)
    {
        var there = arguments[0].TryText(row, out var text);
        value = there ? (long)XxHash(text) : 0;
        return there;
    }

    // XXH64 with seed 0; constants and steps: xxHash specification, "XXH64 algorithm description".
    private static ulong XxHash(ReadOnlySpan<byte> text)
    {
        const ulong P1 = 0x9E3779B185EBCA87, P2 = 0xC2B2AE3D27D4EB4F, P3 = 0x165667B19E3779F9, P4 = 0x85EBCA77C2B2AE63, P5 = 0x27D4EB2F165667C5;
        var rest = text;
        ulong hash;
        unchecked
        {
            if (text.Length >= 32)
            {
                ulong a = P1 + P2, b = P2, c = 0, d = 0 - P1;
                for (; rest.Length >= 32; rest = rest[32..])
                {
                    a = Round(a, BinaryPrimitives.ReadUInt64LittleEndian(rest));
                    b = Round(b, BinaryPrimitives.ReadUInt64LittleEndian(rest[8..]));
                    c = Round(c, BinaryPrimitives.ReadUInt64LittleEndian(rest[16..]));
                    d = Round(d, BinaryPrimitives.ReadUInt64LittleEndian(rest[24..]));
                }

                hash = BitOperations.RotateLeft(a, 1) + BitOperations.RotateLeft(b, 7) + BitOperations.RotateLeft(c, 12) + BitOperations.RotateLeft(d, 18);
                hash = (hash ^ Round(0, a)) * P1 + P4;
                hash = (hash ^ Round(0, b)) * P1 + P4;
                hash = (hash ^ Round(0, c)) * P1 + P4;
                hash = (hash ^ Round(0, d)) * P1 + P4;
            }
            else
            {
                hash = P5;
            }

            hash += (ulong)text.Length;
            for (; rest.Length >= 8; rest = rest[8..])
                hash = BitOperations.RotateLeft(hash ^ Round(0, BinaryPrimitives.ReadUInt64LittleEndian(rest)), 27) * P1 + P4;
            if (rest.Length >= 4)
            {
                hash = BitOperations.RotateLeft(hash ^ (BinaryPrimitives.ReadUInt32LittleEndian(rest) * P1), 23) * P2 + P3;
                rest = rest[4..];
            }

            foreach (var unit in rest)
                hash = BitOperations.RotateLeft(hash ^ (unit * P5), 11) * P1;
            hash = (hash ^ (hash >> 33)) * P2;
            hash = (hash ^ (hash >> 29)) * P3;
            return hash ^ (hash >> 32);

            static ulong Round(ulong state, ulong input) => BitOperations.RotateLeft(state + input * P2, 31) * P1;
        }
    }

    // Every character between is a star. A text that is no longer than what would be kept becomes stars as a whole: it would otherwise be told.
    private static bool Mask(Node[] arguments, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value)
    {
        long first = 0, last = 0;
        if (!arguments[0].TryText(row, out value) || (arguments.Length > 1 && !arguments[1].TryInteger(row, out first)) || (arguments.Length > 2 && !arguments[2].TryInteger(row, out last)))
            return false;
        var length = Characters.Count(value);
        (first, last) = (Math.Clamp(first, 0, length), Math.Clamp(last, 0, length));
        if (first + last >= length)
            (first, last) = (0, 0);
        var head = Characters.BytesOf(value, first);
        var tail = Characters.BytesOf(value, length - last);
        var target = row.Scratch.Take(head + (int)(length - first - last) + value.Length - tail);
        target.Fill((byte)'*');
        value[..head].CopyTo(target);
        value[tail..].CopyTo(target[^(value.Length - tail)..]);
        value = target;
        return true;
    }

    // The first character and the domain; three stars whatever the length.
    private static bool MaskEmail(Node[] arguments, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value)
    {
        if (!arguments[0].TryText(row, out value))
            return false;
        var at = value.LastIndexOf((byte)'@');
        var writer = new ScratchWriter(row.Scratch);
        if (at > 0)
            writer.Write(value[..Characters.BytesOf(value[..at], 1)]);
        writer.Write("***"u8);
        if (at >= 0)
            writer.Write(value[at..]);
        return writer.TryEnd(out value);
    }
}
