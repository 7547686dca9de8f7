using Leat.Changes.Formats;
using Xunit;

namespace Leat.Tests.Changes;

public sealed class DecimalScaleTests
{
    [Theory]
    [InlineData("1.5000", 2, "1.50")]
    [InlineData("1.5", 2, "1.50")]
    [InlineData("-7", 2, "-7.00")]
    [InlineData("1.5001", 2, "1.5001")]
    [InlineData("1.5010", 2, "1.501")]
    [InlineData("5.00", 0, "5")]
    [InlineData("-0.10", 0, "-0.1")]
    [InlineData("100", 0, "100")]
    [InlineData("NaN", 2, "NaN")]
    [InlineData("", 2, "")]
    public void Zeros_at_the_end_come_and_go_and_nothing_else(string digits, int scale, string expected) => Assert.Equal(expected, DecimalScale.Of(digits, scale));
}
