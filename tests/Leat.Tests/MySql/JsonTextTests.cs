using System.Text;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Wire;
using Xunit;

namespace Leat.Tests.MySql;

/// <summary>Binary JSON of constructed bytes: what no real server writes, and diffs. What real ones write is compared with their own text in the integration tests.</summary>
public sealed class JsonTextTests
{
    // {"a": [1, "x"], "b": true}
    private const string Document = "00" + "0200" + "2600" + "12000100" + "13000100" + "021400" + "040100" + "61" + "62" + "0200" + "0C00" + "050100" + "0C0A00" + "0178" + "000000000000";

    [Theory]
    [InlineData("", "null")]
    [InlineData("0400", "null")]
    [InlineData("0401", "true")]
    [InlineData("0402", "false")]
    [InlineData("050080", "-32768")]
    [InlineData("06FFFF", "65535")]
    [InlineData("0700000080", "-2147483648")]
    [InlineData("08FFFFFFFF", "4294967295")]
    [InlineData("090000000000000080", "-9223372036854775808")]
    [InlineData("0AFFFFFFFFFFFFFFFF", "18446744073709551615")]
    [InlineData("0B000000000000F83F", "1.5")]
    [InlineData("0B0000000000000080", "-0.0")]
    [InlineData("0C00", "\"\"")]
    [InlineData("0C0461220A1F", "\"a\\\"\\n\\u001f\"")]
    [InlineData("0FFC00", "\"base64:type252:\"")]
    [InlineData("0FFC03010203", "\"base64:type252:AQID\"")]
    [InlineData("0FF60402018005", "0.5")]
    [InlineData("000000" + "0400", "{}")]
    [InlineData(Document, "{\"a\": [1, \"x\"], \"b\": true}")]
    public void Documents_become_text(string binary, string expected) => Assert.Equal(expected, Text(Convert.FromHexString(binary)));

    [Theory]
    [InlineData("0403", "The server's JSON literal is 3; expected 0 to 2.")]
    [InlineData("0D", "The server's JSON type is 13; expected 0 to 12 or 15.")]
    [InlineData("05", "The server's packet ends early: 2 more bytes were expected, 0 are left.")]
    [InlineData("0B000000000000F07F", "The server's JSON number is 9218868437227405312; expected finite.")]
    [InlineData("0C05", "The server's packet ends early: 5 more bytes were expected, 0 are left.")]
    [InlineData("0CFFFFFFFFFFFF", "The server's length of a JSON string is 6; expected at most 5 bytes long.")]
    [InlineData("02FFFF0400", "The server's number of JSON members is 65535; expected what 4 bytes can hold.")]
    [InlineData("020100FFFF", "The server's packet ends early: 65535 more bytes were expected, 4 are left.")]
    [InlineData("0201000700" + "0BFFFF", "The server's packet ends early: 1 more bytes were expected, 0 are left.")]
    [InlineData("0F0A0401020304", "The server's length of a JSON temporal is 4; expected 8.")]
    [InlineData("0F0AFFFFFF7F0102", "The server's packet ends early: 268435455 more bytes were expected, 2 are left.")]
    [InlineData("0FF60300001F", "The server's precision of a JSON decimal is 0; expected 1 to 65.")]
    public void Malformed_documents_are_refused(string binary, string expected) =>
        Assert.Equal(expected, Assert.Throws<MySqlFormatException>(() => Text(Convert.FromHexString(binary))).Message);

    [Fact]
    public void A_container_that_holds_itself_is_refused_before_the_stack_ends()
    {
        // An array whose only element stands where the array itself does.
        var error = Assert.Throws<MySqlFormatException>(() => Text(Convert.FromHexString("0201000700" + "020000")));

        Assert.Equal("The server's JSON document is 53; expected to become at most 52 bytes of text.", error.Message);
    }

    [Fact]
    public void Members_that_share_their_bytes_cannot_become_more_text_than_they_may()
    {
        // Arrays of two elements, both the next array, twenty deep: a million values in 200 bytes.
        var bytes = new List<byte> { 2 };
        for (var i = 0; i < 20; i++)
            bytes.AddRange((byte[])[2, 0, (byte)((20 - i) * 10 + 4), 0, 2, 10, 0, 2, 10, 0]);
        bytes.AddRange([0, 0, 4, 0]);

        var error = Assert.Throws<MySqlFormatException>(() => Text([.. bytes]));

        Assert.StartsWith("The server's JSON document is ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith($"; expected to become at most {JsonText.MaxBytes(bytes.Count)} bytes of text.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Cut_anywhere_a_document_is_refused()
    {
        var binary = Convert.FromHexString("02" + "0300" + "1800" + "0B0D00" + "0C1500" + "050700" + "000000000000F83F" + "0178" + "00");
        Assert.Equal("[1.5, \"x\", 7]", Text(binary));
        for (var length = 1; length < binary.Length; length++)
            Assert.Throws<MySqlFormatException>(() => Text(binary[..length]));
    }

    [Theory]
    [InlineData(0, "$.b", "0400", "{\"a\": [1, \"x\"], \"b\": null}")]
    [InlineData(0, "$.a[1]", "050700", "{\"a\": [1, 7], \"b\": true}")]
    [InlineData(0, "$.a[last-1]", "0400", "{\"a\": [null, \"x\"], \"b\": true}")]
    [InlineData(0, "$.\"a\"[0]", Document, "{\"a\": [{\"a\": [1, \"x\"], \"b\": true}, \"x\"], \"b\": true}")]
    [InlineData(1, "$.aa", "0400", "{\"a\": [1, \"x\"], \"b\": true, \"aa\": null}")]
    [InlineData(1, "$.A", "0400", "{\"A\": null, \"a\": [1, \"x\"], \"b\": true}")]
    [InlineData(1, "$.\"a\\\"\\u00e4\\ud834\\udd1e\\n\"", "0400", "{\"a\": [1, \"x\"], \"b\": true, \"a\\\"ä𝄞\\n\": null}")]
    [InlineData(1, "$.a[0]", "0400", "{\"a\": [null, 1, \"x\"], \"b\": true}")]
    [InlineData(1, "$.a[1]", "0400", "{\"a\": [1, null, \"x\"], \"b\": true}")]
    [InlineData(1, "$.a[99]", "0400", "{\"a\": [1, \"x\", null], \"b\": true}")]
    [InlineData(2, "$.a", null, "{\"b\": true}")]
    [InlineData(2, "$.b", null, "{\"a\": [1, \"x\"]}")]
    [InlineData(2, "$.a[0]", null, "{\"a\": [\"x\"], \"b\": true}")]
    [InlineData(2, "$.a[last]", null, "{\"a\": [1], \"b\": true}")]
    [InlineData(0, "$.c", "0400", null)] // nothing there
    [InlineData(0, "$", "0400", null)]
    [InlineData(0, "$[0]", "0400", null)]
    [InlineData(0, "$.a.b", "0400", null)]
    [InlineData(0, "$.a[2]", "0400", null)]
    [InlineData(1, "$.b", "0400", null)] // there already
    [InlineData(2, "$.a[2]", null, null)]
    [InlineData(2, "$.b.c", null, null)]
    public void A_diff_changes_its_place_only_or_is_refused(byte operation, string path, string? value, string? expected) =>
        Assert.Equal(expected, Edited(Diff(operation, path, value)));

    [Fact]
    public void Diffs_follow_each_other_also_into_what_they_brought()
    {
        var editor = new JsonEditor();
        for (var round = 0; round < 3; round++)
        {
            Assert.Equal(
                "{\"a\": [{\"b\": false, \"new\": [2]}, 1], \"d\": null}",
                Edited([.. Diff(1, "$.a[0]", Document), .. Diff(2, "$.a[last]", null), .. Diff(2, "$.b", null), .. Diff(1, "$.d", "0400"), .. Diff(0, "$.a[0].b", "0402"),
                    .. Diff(2, "$.a[0].a", null), .. Diff(1, "$.a[0].new", "02" + "0100" + "0700" + "050200")], editor));
        }
    }

    [Theory]
    [InlineData("0302242E", "The server's JSON diff operation is 3; expected 0 to 2.")]
    [InlineData("020161", "The server's JSON path is 1; expected $ and legs such as .name or [3].")]
    [InlineData("0203242E2A", "The server's JSON path is 2; expected $ and legs such as .name or [3].")]
    [InlineData("0203245B61", "The server's JSON path is 2; expected $ and legs such as .name or [3].")]
    [InlineData("0204245B2D5D", "The server's JSON path is 3; expected $ and legs such as .name or [3].")]
    [InlineData("0204242E2261", "The server's JSON path is 3; expected $ and legs such as .name or [3].")]
    [InlineData("0206242E225C7A22", "The server's JSON path is 5; expected $ and legs such as .name or [3].")]
    [InlineData("02FF", "The server's length byte is 255; expected 0 to 254.")]
    public void Malformed_diffs_are_refused(string diffs, string expected) =>
        Assert.Equal(expected, Assert.Throws<MySqlFormatException>(() => Edited(Convert.FromHexString(diffs))).Message);

    private static byte[] Diff(byte operation, string path, string? value)
    {
        var bytes = value is null ? [] : Convert.FromHexString(value);
        return [operation, (byte)Encoding.UTF8.GetByteCount(path), .. Encoding.UTF8.GetBytes(path), .. value is null ? [] : (byte[])[(byte)bytes.Length, .. bytes]];
    }

    private static string? Edited(byte[] diffs, JsonEditor? editor = null)
    {
        var document = Convert.FromHexString(Document);
        var target = new byte[JsonText.MaxBytes(document.Length + diffs.Length)];
        var written = (editor ?? new()).Apply(document, diffs, target);
        return written < 0 ? null : Encoding.UTF8.GetString(target, 0, written);
    }

    private static string Text(byte[] binary)
    {
        var target = new byte[JsonText.MaxBytes(binary.Length)];
        return Encoding.UTF8.GetString(target, 0, JsonText.Write(binary, target));
    }
}
