namespace Leat.Transform.Expressions.Evaluation;

/// <summary>Where a value stands in an encoded row.</summary>
/// <param name="Start">Its first byte; negative: it is NULL, or absent.</param>
/// <param name="Length">Its bytes.</param>
internal readonly record struct ValuePlace(int Start, int Length);

/// <summary>Memory of one thread for texts and the like while one expression is computed for one row: handed out front to back, and all taken back before the next.</summary>
internal sealed class Scratch
{
    /// <summary>Longest text that is made: 16 MiB. What would be longer is NULL.</summary>
    public const int MaxTextBytes = 16 * 1024 * 1024;

    private const int FirstBytes = 4096;

    // A single huge row shall not keep its memory for ever.
    private const int KeptBytes = 1024 * 1024;

    [ThreadStatic]
    private static Scratch? _ofThread;

    private byte[] _bytes = new byte[FirstBytes];
    private char[] _chars = new char[FirstBytes];
    private ValuePlace[] _places = new ValuePlace[32];
    private int _used;

    /// <summary>The calling thread's own, empty.</summary>
    public static Scratch Begin()
    {
        var scratch = _ofThread ??= new();
        scratch._used = 0;
        if (scratch._bytes.Length > KeptBytes)
            scratch._bytes = new byte[FirstBytes];
        if (scratch._chars.Length > KeptBytes)
            scratch._chars = new char[FirstBytes];
        return scratch;
    }

    /// <summary>Bytes that stay until the row is done; not cleared.</summary>
    public Span<byte> Take(int bytes)
    {
        if (_bytes.Length - _used < bytes)
        {
            // What was handed out before lives on in the array that is left behind.
            _bytes = new byte[Math.Max(bytes, _bytes.Length * 2)];
            _used = 0;
        }

        var taken = _bytes.AsSpan(_used, bytes);
        _used += bytes;
        return taken;
    }

    /// <summary>Characters for one calculation: the next one overwrites them.</summary>
    public Span<char> Chars(int count)
    {
        if (_chars.Length < count)
            _chars = new char[Math.Max(count, _chars.Length * 2)];
        return _chars.AsSpan(0, count);
    }

    /// <summary>Room for the places of a row's values.</summary>
    public Span<ValuePlace> Places(int count)
    {
        if (_places.Length < count)
            _places = new ValuePlace[count];
        return _places.AsSpan(0, count);
    }
}
