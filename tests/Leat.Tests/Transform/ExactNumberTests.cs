using System.Globalization;
using System.Numerics;
using System.Text;
using Leat.Transform.Expressions;
using Xunit;

namespace Leat.Tests.Transform;

public sealed class ExactNumberTests
{
    // Many more times than it takes until the runtime has optimised the code: the framework's own division failed only then.
    [Fact]
    public void Division_of_128_bits_agrees_with_big_integers()
    {
        var random = new Random(5);
        for (var i = 0; i < 300_000; i++)
        {
            var dividend = Of(random);
            var divisor = Of(random);
            if (divisor == 0)
                continue;
            var quotient = Division.DivRem(dividend, divisor, out var rest);
            var expected = BigInteger.DivRem(dividend, divisor, out var expectedRest);
            Assert.True(quotient == expected && rest == expectedRest, $"{dividend} / {divisor} = {quotient} rest {rest}");
        }

        static Int128 Of(Random random)
        {
            var value = new Int128((ulong)random.NextInt64(), (ulong)random.NextInt64() << 1) >> random.Next(127);
            return random.Next(2) == 0 ? value : -value;
        }
    }

    [Fact]
    public void Quotients_are_rounded_half_away_from_zero_at_their_scale()
    {
        var random = new Random(6);
        for (var i = 0; i < 100_000; i++)
        {
            var (a, b) = ((long)random.NextInt64(-1_000_000_000_000, 1_000_000_000_000) >> random.Next(40), random.NextInt64(-1_000_000, 1_000_000) >> random.Next(20));
            var (left, right, scale) = (random.Next(6), random.Next(6), random.Next(12));
            if (b == 0)
                continue;
            var quotient = ExactNumber.Divide(ExactNumber.Scaled(a, left), ExactNumber.Scaled(b, right), scale);

            var dividend = new BigInteger(a) * BigInteger.Pow(10, right + scale) * 2;
            var divisor = new BigInteger(b) * BigInteger.Pow(10, left);
            var doubled = BigInteger.Divide(dividend, divisor);
            var expected = (doubled + doubled.Sign) / 2;
            Assert.Equal(0, ExactNumber.Compare(quotient, Parse(expected.ToString(CultureInfo.InvariantCulture) + "e-" + scale)));
        }
    }

    [Theory]
    [InlineData("12.345", 2, "12.35")]
    [InlineData("-12.345", 2, "-12.35")]
    [InlineData("-0.004", 2, "0.00")]
    [InlineData("7", 3, "7.000")]
    [InlineData("1e40", 1, "10000000000000000000000000000000000000000.0")]
    [InlineData("123456789012345678901234567890123456789012345.55", 1, "123456789012345678901234567890123456789012345.6")]
    [InlineData("170141183460469231731687303715884105727", 0, "170141183460469231731687303715884105727")]
    [InlineData("-170141183460469231731687303715884105728.5", 0, "-170141183460469231731687303715884105729")]
    [InlineData(".5", 0, "1")]
    [InlineData("5e-1", 1, "0.5")]
    [InlineData("+1.50E+2", 0, "150")]
    public void Digits_are_read_cut_and_written(string text, int scale, string written)
    {
        var target = new byte[96];
        Assert.Equal(written, Encoding.ASCII.GetString(target, 0, Parse(text).WithScale(scale).Format(target)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData(".")]
    [InlineData("1.2.3")]
    [InlineData("1e")]
    [InlineData("1e5x")]
    [InlineData("e5")]
    [InlineData("1e501")]
    [InlineData("1,5")]
    [InlineData("--1")]
    [InlineData("NaN")]
    public void What_is_no_number_is_refused(string text) => Assert.False(ExactNumber.TryParse(Encoding.ASCII.GetBytes(text), out _));

    private static ExactNumber Parse(string text)
    {
        Assert.True(ExactNumber.TryParse(Encoding.ASCII.GetBytes(text), out var number), text);
        return number;
    }
}
