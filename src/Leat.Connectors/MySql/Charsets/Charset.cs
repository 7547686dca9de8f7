using System.Collections.Frozen;
using System.Text;

namespace Leat.Connectors.MySql.Charsets;

/// <summary>A character set of the server, and how its bytes become UTF-8: to the same text that the server itself makes of them.</summary>
/// <remarks>
/// Character sets that are not Unicode's are tables that were asked from the servers character by character (<see cref="CharsetTables"/>), because those
/// of other libraries differ from them in a few places each. Bytes without a character become <c>?</c>, one for each character, as the server does.
/// </remarks>
internal sealed class Charset
{
    /// <summary>Most bytes of UTF-8 that one byte of any character set becomes: a byte for a character beyond U+0800.</summary>
    public const int MostExpansion = 3;

    private const int Unknown = '?';
    private const int Cut = -1;

    private static readonly Charset[] All = MakeAll();
    private static readonly FrozenDictionary<string, Charset> ByName = All.ToFrozenDictionary(one => one.Name, StringComparer.Ordinal);

    private readonly CharsetForm _form;
    private CharsetTable? _table;

    private Charset(ushort number, string name, CharsetForm form, int mostBytes)
    {
        Number = number;
        Name = name;
        _form = form;
        MostBytes = mostBytes;
    }

    /// <summary>The names of all that are known.</summary>
    public static IEnumerable<string> Names => All.Select(one => one.Name);

    /// <summary>Its place among all, for <see cref="Of(int)"/>; holds for this process only.</summary>
    public ushort Number { get; }

    /// <summary>The server's name, e.g. <c>cp1251</c>.</summary>
    public string Name { get; }

    /// <summary>Most bytes of one character, 1 to 4.</summary>
    public int MostBytes { get; }

    /// <summary>Whether the bytes are UTF-8 already.</summary>
    public bool IsUtf8 => _form == CharsetForm.Utf8;

    /// <summary>The character set of a number.</summary>
    public static Charset Of(int number) => All[number];

    /// <summary>Finds one by the server's name; <see langword="null"/> when it is not known, or is <c>binary</c>.</summary>
    public static Charset? Find(string? name) => name is not null && ByName.TryGetValue(name, out var found) ? found : null;

    /// <summary>Writes the UTF-8 form and returns its length.</summary>
    /// <param name="text">Bytes of this character set.</param>
    /// <param name="target">At least <see cref="MostExpansion"/> bytes for each of <paramref name="text"/>.</param>
    public int ToUtf8(ReadOnlySpan<byte> text, Span<byte> target)
    {
        switch (_form)
        {
            case CharsetForm.Utf8:
                text.CopyTo(target);
                return text.Length;
            case CharsetForm.Table:
                return (_table ??= CharsetTables.Load(Name)).ToUtf8(text, target);
            default:
                var put = 0;
                while (!text.IsEmpty)
                {
                    var point = NextUnicode(ref text);
                    put += Put(point < 0 ? Unknown : point, target[put..]);
                }

                return put;
        }
    }

    /// <summary>The text.</summary>
    public string ToText(ReadOnlySpan<byte> text)
    {
        var utf8 = new byte[text.Length * MostExpansion];
        return Encoding.UTF8.GetString(utf8, 0, ToUtf8(text, utf8));
    }

    /// <summary>Writes a code point, half of a surrogate pair as if it were a character, because servers let it pass.</summary>
    internal static int Put(int point, Span<byte> target)
    {
        switch (point)
        {
            case < 0x80:
                target[0] = (byte)point;
                return 1;
            case < 0x800:
                target[0] = (byte)(0xC0 | point >> 6);
                target[1] = (byte)(0x80 | point & 0x3F);
                return 2;
            case < 0x1_0000:
                target[0] = (byte)(0xE0 | point >> 12);
                target[1] = (byte)(0x80 | point >> 6 & 0x3F);
                target[2] = (byte)(0x80 | point & 0x3F);
                return 3;
            default:
                target[0] = (byte)(0xF0 | point >> 18);
                target[1] = (byte)(0x80 | point >> 12 & 0x3F);
                target[2] = (byte)(0x80 | point >> 6 & 0x3F);
                target[3] = (byte)(0x80 | point & 0x3F);
                return 4;
        }
    }

    private int NextUnicode(ref ReadOnlySpan<byte> text)
    {
        const int MostPoint = 0x10_FFFF;
        if (_form == CharsetForm.Utf32)
        {
            var wide = text.Length < 4 ? Cut : text[0] << 24 | text[1] << 16 | text[2] << 8 | text[3];
            text = text[Math.Min(4, text.Length)..];
            return wide is < 0 or > MostPoint ? Unknown : wide;
        }

        var unit = Unit(text);
        text = text[Math.Min(2, text.Length)..];
        if (_form == CharsetForm.Ucs2 || (unit & 0xF800) != 0xD800)
            return unit;
        var low = Unit(text);
        if (unit >= 0xDC00 || low < 0 || (low & 0xFC00) != 0xDC00)
            return Unknown;
        text = text[2..];
        return 0x1_0000 + ((unit & 0x3FF) << 10 | low & 0x3FF);
    }

    private int Unit(ReadOnlySpan<byte> text) =>
        text.Length < 2 ? Cut : _form == CharsetForm.Utf16Little ? text[1] << 8 | text[0] : text[0] << 8 | text[1];

    private static Charset[] MakeAll()
    {
        var all = new List<Charset>();
        Add("utf8mb4", CharsetForm.Utf8, 4);
        Add("utf8mb3", CharsetForm.Utf8, 3);
        Add("utf8", CharsetForm.Utf8, 3);
        Add("ucs2", CharsetForm.Ucs2, 2);
        Add("utf16", CharsetForm.Utf16, 4);
        Add("utf16le", CharsetForm.Utf16Little, 4);
        Add("utf32", CharsetForm.Utf32, 4);
        foreach (var (name, bytes) in CharsetTables.Names())
            Add(name, CharsetForm.Table, bytes);
        return [.. all];

        void Add(string name, CharsetForm form, int mostBytes) => all.Add(new((ushort)all.Count, name, form, mostBytes));
    }

    private enum CharsetForm
    {
        Utf8,
        Ucs2,
        Utf16,
        Utf16Little,
        Utf32,
        Table,
    }
}
