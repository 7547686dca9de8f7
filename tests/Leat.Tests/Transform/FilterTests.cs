using Leat.Changes;
using Leat.Transform.Expressions;
using Xunit;

namespace Leat.Tests.Transform;

public sealed class FilterTests
{
    private static readonly TableSchema Schema = new(
        new("shop", "orders"),
        [
            Of("id", ColumnKind.Int32), Of("qty", ColumnKind.UInt64), Of("price", ColumnKind.Decimal), Of("ratio", ColumnKind.Float64),
            Of("note", ColumnKind.String), Of("status", ColumnKind.Enum, "new", "paid", "it's"), Of("tags", ColumnKind.Set, "a", "b", "c"),
            Of("day", ColumnKind.Date), Of("at", ColumnKind.DateTime), Of("seen", ColumnKind.Timestamp), Of("span", ColumnKind.Time),
            Of("doc", ColumnKind.Json), Of("odd name", ColumnKind.Int8), Of("single", ColumnKind.Float32), Of("empty", ColumnKind.Int32),
        ],
        [0]);

    // id -7, qty 18446744073709551615, price 12.50, ratio 0.1, note 'Grüße_50%', status paid, tags a,c, day 2024-02-29,
    // at 2024-02-29 12:34:56.5, seen 2024-01-01 00:00:00 UTC, span -01:30:00, doc {}, "odd name" 3, single 0.1, empty NULL
    private static readonly byte[] Row = MakeRow();

    [Theory]
    [InlineData("id = -7")]
    [InlineData("id < 0 AND id >= -7 and not id > 0")]
    [InlineData("id + 8 = 1 AND id * -1 = 7 AND id % 4 = -3 AND id / 2 = -3.5")]
    [InlineData("id IN (1, -7, 9) AND id NOT IN (1, 2)")]
    [InlineData("id BETWEEN -10 AND -5 AND id NOT BETWEEN 1 AND 5")]
    [InlineData("-id = 7 AND - -id = -7")]
    [InlineData("qty = 18446744073709551615 AND qty > 18446744073709551614")]
    [InlineData("price = 12.5 AND price = 12.500 AND price > 12.49999999999999999999999999999999999999999 AND price <> 12")]
    [InlineData("price * 3 = 37.5 AND price + 0.5 = 13 AND price - 13 < 0 AND price / 3 = 4.166667")]
    [InlineData("ratio = 0.1 AND ratio * 10 = 1 AND single = 0.1")]
    [InlineData("note = 'Grüße_50%' AND note <> 'grüße_50%' AND note < 'H'")]
    [InlineData("note LIKE 'Gr%' AND note LIKE 'Gr__e_50%' AND note LIKE '%50\\%' AND note NOT LIKE 'gr%' AND note LIKE '%'")]
    [InlineData("note LIKE 'Gr\u00fc\u00dfe\\_50\\%' AND note NOT LIKE '%51%'")]
    [InlineData("length(note) = 11 AND char_length(note) = 9 AND lower(note) = 'grüße_50%' AND UPPER(status) = 'PAID'")]
    [InlineData("status = 'paid' AND status IN ('new', 'paid') AND status <> 'it''s'")]
    [InlineData("tags = 'a,c' AND tags LIKE '%c'")]
    [InlineData("day = '2024-02-29' AND day >= DATE '2024-02-01' AND day < '2024-03-01' AND day = '2024-02-29 00:00:00'")]
    [InlineData("at = '2024-02-29 12:34:56.5' AND at > '2024-02-29' AND at > day AND at BETWEEN '2024-02-29T12:00' AND '2024-03-01'")]
    [InlineData("seen = '2024-01-01 00:00:00' AND seen < '2024-01-01T00:00:01Z' AND seen < day")]
    [InlineData("span = '-01:30:00' AND span < '00:00'")]
    [InlineData("empty IS NULL AND id IS NOT NULL AND doc IS NOT NULL")]
    [InlineData("NOT (id = 1 OR empty = 1) IS NULL OR TRUE")]
    [InlineData("coalesce(empty, id) = -7 AND coalesce(note, '') <> '' AND coalesce(empty, NULL) IS NULL")]
    [InlineData("`odd name` = 3 AND \"odd name\" = 3 AND ID = -7")]
    [InlineData("TRUE AND id AND (id = -7) = TRUE AND 1 = TRUE")]
    [InlineData("(empty = 1 AND FALSE) = FALSE AND (empty = 1 OR TRUE)")]
    [InlineData("(empty = 1) IS NULL AND (NOT empty = 1) IS NULL AND (empty IN (1, NULL)) IS NULL AND id / 0 IS NULL")]
    public void Is_true_for_the_row(string condition) => Assert.True(Filter.Parse(condition).Compile(Schema).Matches(Row));

    [Theory]
    [InlineData("id = 7")]
    [InlineData("empty = 1")]
    [InlineData("empty <> 1")]
    [InlineData("NOT empty = 1")]
    [InlineData("empty NOT IN (1, 2)")]
    [InlineData("id NOT IN (1, NULL)")]
    [InlineData("NULL")]
    [InlineData("0")]
    [InlineData("status = 'Paid'")]
    [InlineData("note LIKE 'Gr'")]
    [InlineData("note LIKE '_'")]
    [InlineData("id = 18446744073709551609")]
    public void Is_not_true_for_the_row(string condition) => Assert.False(Filter.Parse(condition).Compile(Schema).Matches(Row));

    [Theory]
    [InlineData("id = ", "Expression, line 1, column 6: expected a column, a value or '(', found the end. Correct the expression. [LEAT-1201]")]
    [InlineData("id = 1 2", "Expression, line 1, column 8: expected an operator or the end, found the number 2. Correct the expression. [LEAT-1201]")]
    [InlineData("id = 1\n  AND noet = 'x'", "Expression, line 2, column 7: table shop.orders has no column 'noet'. Did you mean 'note'? [LEAT-1205]")]
    [InlineData("id = 'x'", "Expression, line 1, column 4: column id (a number) cannot be compared with a text. Write numbers without quotes, and texts and dates between single quotes. [LEAT-1206]")]
    [InlineData("note = 1", "Expression, line 1, column 6: column note (a text) cannot be compared with a number. Write numbers without quotes, and texts and dates between single quotes. [LEAT-1206]")]
    [InlineData("doc = '{}'", "Expression, line 1, column 5: column doc (JSON) cannot be compared with a text. Write numbers without quotes, and texts and dates between single quotes. [LEAT-1206]")]
    [InlineData("day > '2024-13-01'", "Expression, line 1, column 7: '2024-13-01' is not a date, or a date and time. Write dates as '2024-01-31', times as '12:34:56' and both with a space between. [LEAT-1207]")]
    [InlineData("day > '2023-02-29'", "Expression, line 1, column 7: '2023-02-29' is not a date, or a date and time. Write dates as '2024-01-31', times as '12:34:56' and both with a space between. [LEAT-1207]")]
    [InlineData("note = 'abc", "Expression, line 1, column 8: the quote ' opened here is never closed. Close it; inside, write the quote twice (''). [LEAT-1202]")]
    [InlineData("note", "Expression, line 1, column 1: column note (a text) is neither true nor false. Compare it with something, for example `… = 'x'` or `… IS NOT NULL`. [LEAT-1210]")]
    [InlineData("note + 1 = 2", "Expression, line 1, column 1: + calculates with numbers, not with column note (a text). Use number columns and numbers without quotes. [LEAT-1211]")]
    [InlineData("lowr(note) = 'x'", "Expression, line 1, column 1: there is no function 'lowr'. Did you mean 'lower'? [LEAT-1208]")]
    [InlineData("lower(id) = 'x'", "Expression, line 1, column 1: lower takes one text. Correct its arguments. [LEAT-1209]")]
    [InlineData("id LIKE 'x'", "Expression, line 1, column 4: LIKE takes a text on its left and a text on its right. Write it as `column LIKE 'abc%'`. [LEAT-1212]")]
    [InlineData("id ? 1", "Expression, line 1, column 4: the character '?' means nothing here. Put text between single quotes and odd column names between backticks. [LEAT-1200]")]
    public void Is_refused_with_place_and_remedy(string condition, string message) =>
        Assert.Equal(message, Assert.Throws<ExpressionException>(() => Filter.Parse(condition).Compile(Schema)).Message);

    [Fact]
    public void Nesting_deeper_than_the_limit_is_refused_and_long_chains_are_not()
    {
        var deep = new string('(', 201) + "id = 1" + new string(')', 201);
        Assert.Equal(
            "Expression, line 1, column 201: more than 200 operators or parentheses stand inside each other. Use IN (…) for long lists, or split the expression. [LEAT-1203]",
            Assert.Throws<ExpressionException>(() => Filter.Parse(deep)).Message);
        Assert.Throws<ExpressionException>(() => Filter.Parse(string.Concat(Enumerable.Repeat("NOT ", 300)) + "id = 1"));
        Assert.Throws<ExpressionException>(() => Filter.Parse("id = " + string.Concat(Enumerable.Repeat("-", 30_000)) + "1"));
        Assert.Throws<ExpressionException>(() => Filter.Parse("id = 1" + string.Concat(Enumerable.Repeat(" + 1", 10_000))));

        Assert.True(Filter.Parse(string.Join(" OR ", Enumerable.Range(-2000, 4_000).Select(id => $"id = {id}"))).Compile(Schema).Matches(Row));
    }

    [Fact]
    public void Random_texts_are_refused_or_understood_and_never_break_the_parser()
    {
        var random = new Random(7);
        string[] words = ["id", "note", "(", ")", ",", "'", "'x'", "AND", "OR", "NOT", "IN", "BETWEEN", "IS", "NULL", "LIKE", "=", "<", "-", "+", "1", "2.5", "`", "\n", "é", "coalesce", "TRUE"];
        for (var i = 0; i < 20_000; i++)
        {
            var text = string.Join(' ', Enumerable.Range(0, random.Next(12)).Select(_ => words[random.Next(words.Length)]));
            try
            {
                Filter.Parse(text).Compile(Schema).Matches(Row);
            }
            catch (ExpressionException refused)
            {
                Assert.True(refused.Line >= 1 && refused.Column >= 1, text);
            }
        }
    }

    [Fact]
    public void Comparisons_do_not_allocate()
    {
        var filter = Filter.Parse("id = -7 AND price > 12.25 AND status = 'paid' AND note LIKE 'Gr%' AND at > '2024-01-01' AND qty IN (1, 2, 18446744073709551615)").Compile(Schema);
        Assert.True(filter.Matches(Row));
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
            filter.Matches(Row);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Exact_arithmetic_agrees_with_decimal()
    {
        var random = new Random(3);
        for (var i = 0; i < 20_000; i++)
        {
            var left = Random(random);
            var right = Random(random);
            var (a, b) = (Parse(left), Parse(right));
            Assert.Equal(left.CompareTo(right), ExactNumber.Compare(a, b));
            Assert.Equal(0, ExactNumber.Compare(Parse(left + right), ExactNumber.Add(a, b)));
            Assert.Equal(0, ExactNumber.Compare(Parse(left * right), ExactNumber.Multiply(a, b)));
            if (right != 0)
                Assert.Equal(0, ExactNumber.Compare(Parse(left % right), ExactNumber.Remainder(a, b)));
        }

        static decimal Random(Random random) => random.NextInt64(-1_000_000_000_000, 1_000_000_000_000) / (decimal)Math.Pow(10, random.Next(6));
        static ExactNumber Parse(decimal value) =>
            ExactNumber.Parse(System.Text.Encoding.ASCII.GetBytes(value.ToString(System.Globalization.CultureInfo.InvariantCulture)));
    }

    [Fact]
    public void Numbers_of_65_digits_are_exact()
    {
        var digits = "-" + new string('9', 35) + "." + new string('8', 30);
        var number = ExactNumber.Parse(System.Text.Encoding.ASCII.GetBytes(digits));

        Assert.Equal(digits, number.ToString());
        Assert.Equal("0." + new string('0', 29) + "1", ExactNumber.Add(number, ExactNumber.Parse(System.Text.Encoding.ASCII.GetBytes(new string('9', 35) + "." + new string('8', 29) + "9"))).ToString());
    }

    private static Column Of(string name, ColumnKind kind, params string[] labels) =>
        new() { Name = name, Kind = kind, Labels = [.. labels], Scale = kind == ColumnKind.Decimal ? 2 : 0, Precision = kind == ColumnKind.Decimal ? 10 : 0 };

    private static byte[] MakeRow()
    {
        var bytes = new byte[512];
        var row = new RowWriter(bytes, Schema.Columns.Length);
        row.WriteUInt32(unchecked((uint)-7));
        row.WriteUInt64(ulong.MaxValue);
        row.WriteString("12.50");
        row.WriteUInt64(BitConverter.DoubleToUInt64Bits(0.1));
        row.WriteString("Grüße_50%");
        row.WriteUInt16(2);
        row.WriteUInt64(0b101);
        row.WriteUInt32(Temporal.Date(2024, 2, 29));
        row.WriteUInt64(Temporal.DateTime(2024, 2, 29, 12, 34, 56, 500_000));
        row.WriteUInt64(1_704_067_200_000_000);
        row.WriteUInt64(unchecked((ulong)-5_400_000_000));
        row.WriteString("{}");
        row.WriteByte(3);
        row.WriteUInt32(BitConverter.SingleToUInt32Bits(0.1f));
        row.WriteNull();
        return bytes[..row.WrittenBytes];
    }
}
