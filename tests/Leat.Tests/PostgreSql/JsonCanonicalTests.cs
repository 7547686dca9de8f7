using Leat.Connectors.PostgreSql.Reading;
using Xunit;

namespace Leat.Tests.PostgreSql;

public sealed class JsonCanonicalTests
{
    [Theory]
    [InlineData("{\"b\": 1, \"a\": [true, null, \"ü\"]}", "{\"a\":[true,null,\"ü\"],\"b\":1}")]
    [InlineData("{\"a\": 1, \"a\": 2}", "{\"a\":2}")]
    [InlineData("\"\\u0041\\/\"", "\"A/\"")]
    [InlineData("no json", "no json")]
    [InlineData("\"\\ud800\"", "\"\\ud800\"")]
    public void Texts_of_one_value_become_one(string text, string expected) => Assert.Equal(expected, JsonCanonical.Of(text));

    [Theory]
    [InlineData("0", "0")]
    [InlineData("-0.0", "0")]
    [InlineData("1.50e2", "150")]
    [InlineData("150.00", "150")]
    [InlineData("-0.0050", "-0.005")]
    [InlineData("5E-3", "0.005")]
    [InlineData("12345678901234567890.5", "12345678901234567890.5")]
    [InlineData("1e100", "1e100")]
    [InlineData("10e-101", "1e-100")]
    public void Numbers_are_told_by_their_fewest_digits(string text, string expected) => Assert.Equal(expected, JsonCanonical.Number(text));
}
