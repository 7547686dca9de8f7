using System.Buffers;
using System.Collections.Immutable;
using Leat.Changes;
using Leat.Tests.Changes;
using Leat.Transform.State;
using Xunit;

namespace Leat.Tests.Transform.State;

public sealed class JoinKeyTests
{
    private static readonly ImmutableArray<string> Labels = ["new", "paid"];

    [Theory]
    [InlineData(ColumnKind.Int8, -5, ColumnKind.Int64, -5L, true)]
    [InlineData(ColumnKind.Int32, 5, ColumnKind.UInt64, 5UL, true)]
    [InlineData(ColumnKind.Int64, -1L, ColumnKind.UInt64, ulong.MaxValue, false)]
    [InlineData(ColumnKind.UInt64, ulong.MaxValue, ColumnKind.Decimal, "18446744073709551615", true)]
    [InlineData(ColumnKind.UInt64, ulong.MaxValue, ColumnKind.Decimal, "18446744073709551616", false)]
    [InlineData(ColumnKind.Int64, long.MinValue, ColumnKind.Decimal, "-9223372036854775808.000", true)]
    [InlineData(ColumnKind.Decimal, "-9223372036854775809", ColumnKind.Decimal, "-9223372036854775809.0", true)]
    [InlineData(ColumnKind.Decimal, "1.50", ColumnKind.Decimal, "1.5", true)]
    [InlineData(ColumnKind.Decimal, "0.50", ColumnKind.Decimal, "00.5", true)]
    [InlineData(ColumnKind.Decimal, "1.5", ColumnKind.Decimal, "-1.5", false)]
    [InlineData(ColumnKind.Decimal, "-0.00", ColumnKind.Int32, 0, true)]
    [InlineData(ColumnKind.Decimal, "100", ColumnKind.Int32, 100, true)]
    [InlineData(ColumnKind.Decimal, "99999999999999999999999999999999999999", ColumnKind.Decimal, "99999999999999999999999999999999999999.00", true)]
    [InlineData(ColumnKind.Year, 2024, ColumnKind.Int16, 2024, true)]
    [InlineData(ColumnKind.Float32, 0.1f, ColumnKind.Float64, 0.1, true)]
    [InlineData(ColumnKind.Float64, -0.0, ColumnKind.Float64, 0.0, true)]
    [InlineData(ColumnKind.String, "paid", ColumnKind.Enum, 2, true)]
    [InlineData(ColumnKind.String, "", ColumnKind.Enum, 0, true)]
    [InlineData(ColumnKind.String, "new,paid", ColumnKind.Set, 3, true)]
    [InlineData(ColumnKind.String, "a", ColumnKind.String, "A", false)]
    [InlineData(ColumnKind.Time, 5, ColumnKind.Time, 6, false)]
    public void Values_are_equal_across_kinds(ColumnKind leftKind, object left, ColumnKind rightKind, object right, bool expected)
    {
        Assert.True(JoinKey.CanJoin(Of(leftKind), Of(rightKind)));
        Assert.Equal(expected, Write([leftKind], [left]).Bytes.AsSpan().SequenceEqual(Write([rightKind], [right]).Bytes));
    }

    [Theory]
    [InlineData(ColumnKind.Int32, ColumnKind.String)]
    [InlineData(ColumnKind.Int32, ColumnKind.Float64)]
    [InlineData(ColumnKind.Timestamp, ColumnKind.DateTime)]
    [InlineData(ColumnKind.Json, ColumnKind.Json)]
    public void Families_do_not_join(ColumnKind left, ColumnKind right) => Assert.False(JoinKey.CanJoin(Of(left), Of(right)));

    [Fact]
    public void A_date_joins_the_midnight_of_a_date_and_time() => Assert.Equal(
        Write([ColumnKind.Date], [Temporal.Date(2024, 2, 29)]).Bytes,
        Write([ColumnKind.DateTime], [Temporal.DateTime(2024, 2, 29, 0, 0, 0, 0)]).Bytes);

    [Fact]
    public void Null_is_told_and_still_tells_rows_apart()
    {
        var (isWhole, bytes) = Write([ColumnKind.String, ColumnKind.String], [null, ""]);

        Assert.False(isWhole);
        Assert.NotEqual(bytes, Write([ColumnKind.String, ColumnKind.String], ["", null]).Bytes);
    }

    [Fact]
    public void Texts_of_several_columns_do_not_run_together() => Assert.NotEqual(
        Write([ColumnKind.String, ColumnKind.String], ["ab", "c"]).Bytes, Write([ColumnKind.String, ColumnKind.String], ["a", "bc"]).Bytes);

    private static (bool IsWhole, byte[] Bytes) Write(ColumnKind[] kinds, object?[] values)
    {
        var schema = new TableSchema(new("shop", "t"), [.. kinds.Select(Of)], [0]);
        var target = new ArrayBufferWriter<byte>();
        var isWhole = JoinKey.Write(schema, [.. Enumerable.Range(0, kinds.Length)], Rows.Encode(schema, values), target);
        return (isWhole, target.WrittenSpan.ToArray());
    }

    private static Column Of(ColumnKind kind) =>
        new() { Name = "c", Kind = kind, Nullable = true, Labels = kind is ColumnKind.Enum or ColumnKind.Set ? Labels : [] };
}
