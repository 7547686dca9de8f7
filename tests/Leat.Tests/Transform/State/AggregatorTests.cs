using System.Globalization;
using System.Numerics;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Tests.Changes;
using Leat.Transform.Expressions;
using Leat.Transform.State;
using Xunit;

namespace Leat.Tests.Transform.State;

public sealed class AggregatorTests
{
    private static readonly Column Number = new() { Name = "n", Kind = ColumnKind.Int32 };
    private static readonly Column Money = new() { Name = "m", Kind = ColumnKind.Decimal, Precision = 12, Scale = 2 };
    private static readonly Column Real = new() { Name = "r", Kind = ColumnKind.Float64 };
    private static readonly Column Text = new() { Name = "t", Kind = ColumnKind.String };

    [Theory]
    [InlineData(AggregateKind.Count)]
    [InlineData(AggregateKind.CountDistinct)]
    [InlineData(AggregateKind.Sum)]
    [InlineData(AggregateKind.Average)]
    [InlineData(AggregateKind.Min)]
    [InlineData(AggregateKind.Max)]
    [InlineData(AggregateKind.StringAggregate)]
    public void Values_that_come_and_go_give_what_those_that_are_there_give(AggregateKind kind)
    {
        foreach (var column in new[] { Number, Money, Real, Text, Number with { Kind = ColumnKind.UInt64 } })
        {
            var spec = new AggregateSpec(kind, column, ", ");
            if (!spec.IsPossible)
                continue;
            var random = new Random(11);
            var memory = new StateMemory(1 << 20);
            var live = Aggregator.Create(spec, takesBack: true, memory);
            var held = new List<object?>();
            for (var round = 0; round < 400; round++)
            {
                if (held.Count > 0 && random.Next(100) < (round < 200 ? 30 : 60))
                {
                    var at = random.Next(held.Count);
                    Assert.True(Feed(live, held[at], isAway: true));
                    held.RemoveAt(at);
                }
                else
                {
                    held.Add(RandomValue(random, column));
                    Feed(live, held[^1], isAway: false);
                }

                var fresh = Aggregator.Create(spec, takesBack: false);
                foreach (var value in held.OrderBy(_ => random.Next()))
                    Feed(fresh, value, isAway: false);
                Assert.Equal(Result(fresh), Result(live));
            }

            live.Release();
            Assert.Equal(0, memory.UsedBytes);
        }
    }

    [Theory]
    [InlineData(AggregateKind.Count, "0", "0", "2")]
    [InlineData(AggregateKind.CountDistinct, "0", "0", "1")]
    [InlineData(AggregateKind.Sum, null, null, "14")]
    [InlineData(AggregateKind.Average, null, null, "7.0000")]
    [InlineData(AggregateKind.Min, null, null, "7")]
    [InlineData(AggregateKind.Max, null, null, "7")]
    [InlineData(AggregateKind.StringAggregate, null, null, "7,7")]
    public void Null_is_no_value(AggregateKind kind, string? withoutValues, string? withNull, string withSevens)
    {
        var aggregate = Aggregator.Create(new(kind, Number, ","));
        Assert.Equal(withoutValues, Result(aggregate));

        Feed(aggregate, null, isAway: false);
        Assert.Equal(withNull, Result(aggregate));
        Feed(aggregate, 7, isAway: false);
        Feed(aggregate, 7, isAway: false);
        Assert.Equal(withSevens, Result(aggregate));
        Feed(aggregate, 7, isAway: true);
        Feed(aggregate, 7, isAway: true);
        Assert.Equal(withNull, Result(aggregate));
        Assert.False(Feed(aggregate, 7, isAway: true));
    }

    [Fact]
    public void A_count_of_all_counts_what_is_null()
    {
        var count = Aggregator.Create(new(AggregateKind.Count, null));
        count.Add([], isNull: false);
        count.Add([], isNull: false);

        Assert.Equal("2", Result(count));
        Assert.True(count.Remove([], isNull: false));
        Assert.Equal("1", Result(count));
    }

    [Theory]
    [InlineData(AggregateKind.Min)]
    [InlineData(AggregateKind.CountDistinct)]
    [InlineData(AggregateKind.StringAggregate)]
    public void A_value_that_is_not_there_is_told(AggregateKind kind)
    {
        var aggregate = Aggregator.Create(new(kind, Text, ","));
        Feed(aggregate, "a", isAway: false);

        Assert.False(Feed(aggregate, "b", isAway: true));
        Assert.Equal(1, aggregate.Values);
    }

    [Fact]
    public void Sums_of_65_digits_are_exact()
    {
        var column = new Column { Name = "d", Kind = ColumnKind.Decimal, Precision = 65, Scale = 30 };
        var sum = Aggregator.Create(new(AggregateKind.Sum, column));
        var average = Aggregator.Create(new(AggregateKind.Average, column));
        string[] values =
        [
            "99999999999999999999999999999999999.999999999999999999999999999999", "0.000000000000000000000000000001",
            "-12345678901234567890123456789012345.123456789012345678901234567890", "7.000000000000000000000000000000",
        ];
        foreach (var value in values)
        {
            Feed(sum, value, isAway: false);
            Feed(average, value, isAway: false);
        }

        Assert.Equal("87654321098765432109876543210987661.876543210987654321098765432110", Result(sum));
        Assert.Equal("21913580274691358027469135802746915.4691358027469135802746913580275000", Result(average));
        Feed(sum, values[0], isAway: true);
        Feed(sum, values[2], isAway: true);
        Assert.Equal("7.000000000000000000000000000001", Result(sum));
    }

    [Fact]
    public void Exact_sums_agree_with_wide_arithmetic()
    {
        var random = new Random(3);
        foreach (var (precision, scale) in new[] { (5, 0), (18, 2), (38, 10), (39, 39 - 1), (65, 30) })
        {
            var column = new Column { Name = "d", Kind = ColumnKind.Decimal, Precision = precision, Scale = scale };
            var sum = Aggregator.Create(new(AggregateKind.Sum, column));
            BigInteger expected = 0;
            for (var i = 0; i < 200; i++)
            {
                var digits = string.Concat(Enumerable.Range(0, random.Next(scale + 1, precision + 1)).Select(_ => (char)('0' + random.Next(10))));
                var value = BigInteger.Parse(digits, CultureInfo.InvariantCulture) * (random.Next(2) == 0 ? 1 : -1);
                expected += value;
                Feed(sum, Shown(value, scale), isAway: false);
                Assert.Equal(Shown(expected, scale), Result(sum));
            }
        }
    }

    [Theory]
    [InlineData("2", "3", "2.5000")]
    [InlineData("-2", "-3", "-2.5000")]
    [InlineData("1", "0", "0.5000")]
    [InlineData("0.00005", "0.00006", "0.0001")]
    [InlineData("1.10", "2.25", "1.6750")]
    public void An_average_of_numbers_without_a_known_scale_has_four_digits(string first, string second, string expected)
    {
        // Computed numbers have as many digits as they have; what is shown depends on the values alone.
        var column = new Column { Name = "d", Kind = ColumnKind.Decimal };
        var average = Aggregator.Create(new(AggregateKind.Average, column));
        Feed(average, "0.123456789", isAway: false);
        Feed(average, first, isAway: false);
        Feed(average, second, isAway: false);
        Feed(average, "0.123456789", isAway: true);

        Assert.Equal(expected, Result(average));
    }

    [Fact]
    public void Averages_round_half_away_from_zero()
    {
        foreach (var (value, expected) in new[] { (1, "0.3333"), (2, "0.6667"), (-2, "-0.6667") })
        {
            var average = Aggregator.Create(new(AggregateKind.Average, Number));
            Feed(average, value, isAway: false);
            Feed(average, 0, isAway: false);
            Feed(average, 0, isAway: false);
            Assert.Equal(expected, Result(average));
        }

        var half = Aggregator.Create(new(AggregateKind.Average, Money));
        for (var i = 0; i < 8; i++)
            Feed(half, i == 0 ? "0.01" : "0.00", isAway: false);
        Assert.Equal("0.001250", Result(half));
        for (var i = 8; i < 20_000; i++)
            Feed(half, "0.00", isAway: false);
        Assert.Equal("0.000001", Result(half));
    }

    [Fact]
    public void Sums_of_doubles_do_not_depend_on_order_and_do_not_drift()
    {
        var random = new Random(9);
        var values = Enumerable.Range(0, 200).Select(_ => Math.ScaleB(random.NextDouble() - 0.5, random.Next(-1070, 1020))).ToArray();
        string? first = null;
        for (var round = 0; round < 20; round++)
        {
            random.Shuffle(values);
            var sum = Aggregator.Create(new(AggregateKind.Sum, Real));
            foreach (var value in values)
                Feed(sum, value, isAway: false);
            first ??= Result(sum);
            Assert.Equal(first, Result(sum));
            foreach (var value in values)
                Feed(sum, value, isAway: true);
            Feed(sum, 0.1, isAway: false);
            Assert.Equal("0.1", Result(sum));
        }
    }

    [Theory]
    [InlineData("1", 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1)]
    [InlineData("1", 1e100, 1.0, -1e100)]
    [InlineData("1E+308", 1e308, 1e308, -1e308)]
    [InlineData(null, 1e308, 1e308)]
    [InlineData("5E-324", 5e-324)]
    [InlineData("1E-323", 5e-324, 5e-324)]
    [InlineData("0", 2.5, -2.5)]
    [InlineData("9007199254740992", 9007199254740992.0, 1.0)]
    [InlineData("9007199254740996", 9007199254740992.0, 3.0)]
    [InlineData("9007199254740994", 9007199254740992.0, 1.0, 5e-324)]
    [InlineData(null, double.NaN)]
    public void Sums_of_doubles_are_rounded_once(string? expected, params double[] values)
    {
        var sum = Aggregator.Create(new(AggregateKind.Sum, Real));
        foreach (var value in values)
            Feed(sum, value, isAway: false);

        Assert.Equal(expected, Result(sum));
    }

    [Fact]
    public void Singles_are_the_numbers_that_people_see()
    {
        var sum = Aggregator.Create(new(AggregateKind.Sum, Real with { Kind = ColumnKind.Float32 }));
        Feed(sum, 0.1f, isAway: false);
        Feed(sum, 0.2f, isAway: false);

        // The nearest double to the sum of the doubles 0.1 and 0.2.
        Assert.Equal("0.30000000000000004", Result(sum));
    }

    [Fact]
    public void The_least_and_greatest_of_every_kind()
    {
        AssertExtremes(ColumnKind.Int8, [-5, 3, 0], "-5", "3");
        AssertExtremes(ColumnKind.UInt64, [ulong.MaxValue, 3UL], "3", "18446744073709551615");
        AssertExtremes(ColumnKind.Float32, [-1.5f, -0.0f, 2f], "-1.5", "2");
        AssertExtremes(ColumnKind.Float64, [1e300, -1e300], "-1E+300", "1E+300");
        AssertExtremes(ColumnKind.Decimal, ["-10.50", "-9.00", "100.00", "99.99", "0.00", "-0.01"], "-10.50", "100.00");
        AssertExtremes(ColumnKind.Decimal, ["0.05", "0.10", "0.00"], "0.00", "0.10");
        AssertExtremes(ColumnKind.Decimal, ["-0.05", "-0.10", "-1000.00", "-2000.00"], "-2000.00", "-0.05");
        AssertExtremes(ColumnKind.String, ["b", "", "a", "ab"], "", "b");
        AssertExtremes(ColumnKind.Binary, [new byte[] { 0, 1 }, new byte[] { 0 }, new byte[] { 0xFF }], "AA==", "/w==");
        AssertExtremes(ColumnKind.Enum, [1, 2, 3], "new", "sent", "sent", "new", "paid");
        AssertExtremes(ColumnKind.Set, [1, 3, 6], "a", "b,c", "a", "b", "c");
        AssertExtremes(ColumnKind.Date, [Temporal.Date(2024, 1, 2), Temporal.Date(2023, 12, 31)], "2023-12-31", "2024-01-02");
        AssertExtremes(ColumnKind.Time, [-1_000_000L, 0L], "-00:00:01.00", "00:00:00.00");
        AssertExtremes(ColumnKind.Timestamp, [0L, -1_000_000L], "1969-12-31 23:59:59.00", "1970-01-01 00:00:00.00");
    }

    [Fact]
    public void Texts_stand_in_their_order()
    {
        Assert.Equal("a-a-b", Joined(null, isFalling: false, ("b", null), ("a", null), ("a", null)));
        Assert.Equal("n-b-a", Joined(Number, isFalling: false, ("b", 1), ("a", 2), ("n", null)));
        Assert.Equal("a-b-c-n", Joined(Number, isFalling: true, ("b", -1), ("c", -1), ("a", 2), ("n", null)));
        Assert.Equal("1-2-3-4-5-6", Joined(Money, isFalling: false, ("6", "10.01"), ("5", "10.00"), ("4", "0.10"), ("3", "0.00"), ("2", "-0.05"), ("1", "-7.00")));
        Assert.Equal("6-5-4-3-2-1", Joined(Money, isFalling: true, ("6", "10.01"), ("5", "10.00"), ("4", "0.10"), ("3", "0.00"), ("2", "-0.05"), ("1", "-7.00")));
        Assert.Equal("1-2-3-4-5", Joined(Text, isFalling: false, ("5", "b"), ("4", "a\u0001"), ("3", "a\0b"), ("2", "a\0"), ("1", "")));
        Assert.Equal("5-4-3-2-1", Joined(Text, isFalling: true, ("5", "b"), ("4", "a\u0001"), ("3", "a\0b"), ("2", "a\0"), ("1", "")));
    }

    [Theory]
    [InlineData(AggregateKind.Sum, ColumnKind.String, false)]
    [InlineData(AggregateKind.Average, ColumnKind.Date, false)]
    [InlineData(AggregateKind.Min, ColumnKind.Json, false)]
    [InlineData(AggregateKind.CountDistinct, ColumnKind.Json, false)]
    [InlineData(AggregateKind.StringAggregate, ColumnKind.Binary, false)]
    [InlineData(AggregateKind.Count, ColumnKind.Json, true)]
    [InlineData(AggregateKind.Sum, ColumnKind.Year, true)]
    public void What_cannot_be_computed_is_known_before(AggregateKind kind, ColumnKind argument, bool expected) =>
        Assert.Equal(expected, new AggregateSpec(kind, Number with { Kind = argument }).IsPossible);

    [Fact]
    public void Results_are_wide_enough()
    {
        Assert.Equal(ColumnKind.Int64, new AggregateSpec(AggregateKind.Sum, Number).Result.Kind);
        Assert.Equal(
            new Column { Name = "", Kind = ColumnKind.Decimal, Precision = 41 }, new AggregateSpec(AggregateKind.Sum, Number with { Kind = ColumnKind.Int64 }).Result);
        Assert.Equal(new Column { Name = "", Kind = ColumnKind.Decimal, Precision = 34, Scale = 2 }, new AggregateSpec(AggregateKind.Sum, Money).Result);
        Assert.Equal(new Column { Name = "", Kind = ColumnKind.Decimal, Precision = 16, Scale = 6 }, new AggregateSpec(AggregateKind.Average, Money).Result);
        Assert.False(new AggregateSpec(AggregateKind.Count, null).Result.Nullable);
    }

    [Fact]
    public void Adding_and_removing_do_not_allocate()
    {
        foreach (var kind in Enum.GetValues<AggregateKind>())
        {
            var aggregate = Aggregator.Create(new(kind, kind == AggregateKind.StringAggregate ? Text : Money, ","));
            var row = Rows.Encode(SchemaOf(aggregate.Spec.Argument!), "12.50");
            var target = new RowBuilder();
            Pass();
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 100; i++)
                Pass();
            Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

            void Pass()
            {
                aggregate.Add(row.AsSpan(2), isNull: false);
                aggregate.Add(row.AsSpan(2), isNull: false);
                target.Begin(1);
                aggregate.Append(target);
                aggregate.Remove(row.AsSpan(2), isNull: false);
                aggregate.Remove(row.AsSpan(2), isNull: false);
            }
        }
    }

    private static void AssertExtremes(ColumnKind kind, object[] values, string least, string greatest, params string[] labels)
    {
        var column = new Column { Name = "c", Kind = kind, Scale = kind is ColumnKind.Date ? 0 : 2, Precision = 20, Labels = [.. labels] };
        foreach (var takesBack in new[] { true, false })
        {
            var min = Aggregator.Create(new(AggregateKind.Min, column), takesBack);
            var max = Aggregator.Create(new(AggregateKind.Max, column), takesBack);
            foreach (var value in values)
            {
                Feed(min, value, isAway: false);
                Feed(max, value, isAway: false);
            }

            Assert.Equal(least, Result(min));
            Assert.Equal(greatest, Result(max));
        }
    }

    private static string? Joined(Column? order, bool isFalling, params (string Text, object? Order)[] values)
    {
        var aggregate = Aggregator.Create(new(AggregateKind.StringAggregate, Text, "-", order, isFalling));
        foreach (var (text, by) in values)
            Feed(aggregate, text, isAway: false, order, by);
        Feed(aggregate, "gone", isAway: false, order, values[0].Order);
        Assert.True(Feed(aggregate, "gone", isAway: true, order, values[0].Order));
        return Result(aggregate);
    }

    private static bool Feed(Aggregator aggregate, object? value, bool isAway, Column? order = null, object? by = null)
    {
        var argument = Read(aggregate.Spec.Argument!, value);
        var orderValue = order is null ? default : Read(order, by);
        if (isAway)
            return aggregate.Remove(argument.Bytes, argument.IsNull, orderValue.Bytes, order is null || orderValue.IsNull);
        aggregate.Add(argument.Bytes, argument.IsNull, orderValue.Bytes, order is null || orderValue.IsNull);
        return true;
    }

    private static RowReader Read(Column column, object? value)
    {
        var schema = SchemaOf(column);
        var reader = new RowReader(schema, Rows.Encode(schema, [value]));
        reader.Read();
        return reader;
    }

    private static string? Result(Aggregator aggregate)
    {
        var target = new RowBuilder();
        target.Begin(1);
        aggregate.Append(target);
        var reader = new RowReader(SchemaOf(aggregate.Spec.Result), target.Row);
        reader.Read();
        return ValueText.Of(ref reader);
    }

    private static TableSchema SchemaOf(Column column) => new(new("shop", "t"), [column], [0]);

    private static object? RandomValue(Random random, Column column) => random.Next(8) == 0 ? null : column.Kind switch
    {
        ColumnKind.Int32 => random.Next(-20, 20),
        ColumnKind.UInt64 => (ulong)random.NextInt64(),
        ColumnKind.Decimal => Shown(random.Next(-5000, 5000), 2),
        ColumnKind.Float64 => Math.ScaleB(random.NextDouble() - 0.5, random.Next(-40, 40)),
        _ => "text " + random.Next(30),
    };

    private static string Shown(BigInteger value, int scale)
    {
        var digits = BigInteger.Abs(value).ToString(CultureInfo.InvariantCulture).PadLeft(scale + 1, '0');
        return (value.Sign < 0 ? "-" : "") + digits[..^scale] + (scale == 0 ? "" : "." + digits[^scale..]);
    }
}
