using System.Text;
using Leat.Connectors.MySql.Charsets;
using Xunit;

namespace Leat.Tests.MySql;

public sealed class CharsetTests
{
    [Fact]
    public void Latin1_is_Windows_1252_in_all_256_characters()
    {
        // Python: bytes(range(128, 160)).decode('cp1252'), with the five unassigned ones as themselves.
        var all = Enumerable.Range(0, 256).Select(value => (byte)value).ToArray();

        var text = Find("latin1").ToText(all);

        Assert.Equal("€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008DŽ\u008F\u0090‘’“”•–—˜™š›œ\u009DžŸ", text[128..160]);
        Assert.Equal(Encoding.Latin1.GetString(all[..128]), text[..128]);
        Assert.Equal(Encoding.Latin1.GetString(all[160..]), text[160..]);
    }

    [Theory]
    [InlineData("cp1251", "CFF0E8E2E5F2", "Привет")]
    [InlineData("koi8r", "F0D2C9D7C5D4", "Привет")]
    [InlineData("greek", "C3E5E9E1", "Γεια")]
    [InlineData("gbk", "C4E3BAC341", "你好A")]
    [InlineData("gb18030", "C4E39439FC36", "你😀")]
    [InlineData("gb18030", "8130813081308130", "\u0080\u0080")]
    [InlineData("big5", "A741A66E", "你好")]
    [InlineData("sjis", "83898389B14122", "ララｱA\"")]
    [InlineData("cp932", "8740", "①")]
    [InlineData("ujis", "A4A28FB0A18EB1", "あ丂ｱ")]
    [InlineData("eucjpms", "ADA1", "①")]
    [InlineData("euckr", "BEC8B3E7", "안녕")]
    [InlineData("ucs2", "00410120FFFF", "AĠ\uFFFF")]
    [InlineData("utf16", "0041D83DDE00", "A😀")]
    [InlineData("utf16le", "41003DD800DE", "A😀")]
    [InlineData("utf32", "000000410001F600", "A😀")]
    [InlineData("swe7", "415B5C5D", "AÄÖÅ")]
    [InlineData("ascii", "4180", "A?")]
    [InlineData("utf8mb3", "41C3A4", "Aä")]
    [InlineData("hebrew", "F9ECE5ED", "שלום")]
    [InlineData("tis620", "CAC7D1CA", "สวัส")]
    public void Bytes_become_the_servers_text(string charset, string bytes, string expected) =>
        Assert.Equal(expected, Find(charset).ToText(Convert.FromHexString(bytes)));

    [Theory]
    [InlineData("gbk", "41C4", "A?")]
    [InlineData("gbk", "FFFF41", "?A")]
    [InlineData("ujis", "8F", "?")]
    [InlineData("ujis", "8FB0", "?")]
    [InlineData("ujis", "8F41B0", "??")]
    [InlineData("ujis", "8EA041", "??A")]
    [InlineData("gb18030", "8130", "?")]
    [InlineData("gb18030", "813081", "?")]
    [InlineData("gb18030", "FE39FE39", "?")]
    [InlineData("gb18030", "80308130", "?")]
    [InlineData("ucs2", "004100", "A?")]
    [InlineData("utf16", "D83D", "?")]
    [InlineData("utf16", "D83D0041", "?A")]
    [InlineData("utf16", "DE000041", "?A")]
    [InlineData("utf32", "00110000", "?")]
    [InlineData("utf32", "7FFFFFFF000041", "??")]
    public void Bytes_without_a_character_are_question_marks_and_nothing_is_read_beyond_the_end(string charset, string bytes, string expected) =>
        Assert.Equal(expected, Find(charset).ToText(Convert.FromHexString(bytes)));

    [Fact]
    public void No_text_becomes_longer_than_three_times_its_bytes()
    {
        var random = new Random(1);
        var bytes = new byte[4_096];
        foreach (var name in Charset.Names)
        {
            random.NextBytes(bytes);
            var target = new byte[bytes.Length * Charset.MostExpansion];

            Assert.InRange(Find(name).ToUtf8(bytes, target), 1, target.Length);
        }
    }

    private static Charset Find(string name) => Charset.Find(name) ?? throw new ArgumentException("no such character set", nameof(name));
}
