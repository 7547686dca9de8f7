using Leat.Transform.Expressions;
using Xunit;

namespace Leat.Tests.Transform;

public sealed class ExpressionTests
{
    [Theory]
    [InlineData("id", "Int32 -7")]
    [InlineData("status", "Enum paid")]
    [InlineData("tags", "Set a,c")]
    [InlineData("price", "Decimal(10,2) 12.50")]
    [InlineData("blob", "Binary 3q2+7w==")]
    [InlineData("at", "DateTime(3) 2024-02-29 12:34:56.789")]
    [InlineData("`items.qty` + 1", "Int64 6")]
    [InlineData("items.qty + 1", "Int64 6")]
    [InlineData("NULL", "String NULL")]
    [InlineData("id = -7", "Int8 1")]
    [InlineData("empty = 1", "Int8 NULL")]
    public void A_column_alone_is_copied_and_a_truth_value_is_1_or_0(string expression, string result) => Assert.Equal(result, ExpressionRows.Compute(expression));

    [Theory]
    [InlineData("id + 8", "Int64 1")]
    [InlineData("big + 1", "Int64 NULL")]
    [InlineData("big * 2", "Int64 NULL")]
    [InlineData("-big - 2", "Int64 NULL")]
    [InlineData("-9223372036854775808", "Int64 -9223372036854775808")]
    [InlineData("-9223372036854775808 DIV -1", "Int64 NULL")]
    [InlineData("-9223372036854775808 % -1", "Int64 0")]
    [InlineData("qty % 16", "Int64 15")]
    [InlineData("qty + 1", "Int64 NULL")]
    [InlineData("qty - 18446744073709551610", "Int64 5")]
    [InlineData("id / 2", "Decimal(14,4) -3.5000")]
    [InlineData("id DIV 2", "Int64 -3")]
    [InlineData("id % 4", "Int64 -3")]
    [InlineData("id / 0", "Decimal(14,4) NULL")]
    [InlineData("id % 0", "Int64 NULL")]
    [InlineData("price * 3", "Decimal(11,2) 37.50")]
    [InlineData("price * price", "Decimal(20,4) 156.2500")]
    [InlineData("price / 3", "Decimal(14,6) 4.166667")]
    [InlineData("price + 0.125", "Decimal(12,3) 12.625")]
    [InlineData("-price", "Decimal(11,2) -12.50")]
    [InlineData("price + ratio", "Float64 12.6")]
    [InlineData("1.5e3 * 2", "Float64 3000")]
    [InlineData("1e308 * 10", "Float64 NULL")]
    [InlineData("wide * 10", "Decimal(65,30) NULL")]
    [InlineData("TRUE + 1", "Int64 2")]
    [InlineData("id + NULL", "Int64 NULL")]
    public void Calculations_give_the_types_of_mysql_and_null_where_there_is_no_room(string expression, string result) => Assert.Equal(result, ExpressionRows.Compute(expression));

    [Theory]
    [InlineData("1 + 2 * 3", "Int64 7")]
    [InlineData("(1 + 2) * 3", "Int64 9")]
    [InlineData("- 2 - -3", "Int64 1")]
    [InlineData("'a' || 1 + 2", "String a3")]
    [InlineData("1 + 2 = 3 AND NOT 1 = 2", "Int8 1")]
    [InlineData("TRUE OR FALSE AND FALSE", "Int8 1")]
    [InlineData("NOT TRUE OR TRUE", "Int8 1")]
    [InlineData("'x' || 'y' = 'xy'", "Int8 1")]
    [InlineData("1 BETWEEN 0 AND 2 AND TRUE", "Int8 1")]
    [InlineData("2 = 2 IN (1)", "Int8 0")]
    [InlineData("0 = 2 NOT BETWEEN 1 AND 3 = TRUE", "Int8 1")]
    [InlineData("1 = 2 IS NULL", "Int8 0")]
    [InlineData("doc ->> '$.n2' || '!'", "String 2!")]
    public void Operators_bind_as_in_sql(string expression, string result) => Assert.Equal(result, ExpressionRows.Compute(expression));

    [Theory]
    [InlineData("CASE WHEN id > 0 THEN 'plus' WHEN id < 0 THEN 'minus' ELSE 'zero' END", "String minus")]
    [InlineData("CASE id WHEN 1 THEN 10 WHEN -7 THEN 20 END", "Int64 20")]
    [InlineData("CASE id WHEN 1 THEN 10 END", "Int64 NULL")]
    [InlineData("CASE empty WHEN NULL THEN 1 ELSE 2 END", "Int64 2")]
    [InlineData("CASE WHEN TRUE THEN 1 ELSE price END", "Decimal(10,2) 1.00")]
    [InlineData("CASE WHEN FALSE THEN 1 ELSE ratio END", "Float64 0.1")]
    [InlineData("CASE WHEN TRUE THEN day ELSE at END", "DateTime(3) 2024-02-29 00:00:00.000")]
    [InlineData("CASE status WHEN 'paid' THEN 1 ELSE 0 END", "Int64 1")]
    [InlineData("coalesce(empty, id, 3)", "Int64 -7")]
    [InlineData("coalesce(nothing, '')", "String ")]
    [InlineData("coalesce(qty, 0)", "UInt64 18446744073709551615")]
    [InlineData("coalesce(qty, -1)", "Decimal(20,0) 18446744073709551615")]
    [InlineData("coalesce(empty, price)", "Decimal(12,2) 12.50")]
    [InlineData("coalesce(zero, '2024-01-31')", "Date 0000-00-00")]
    [InlineData("coalesce(zero, '2024-01-31 10:00:00.5')", "DateTime(1) 0000-00-00 00:00:00.0")]
    [InlineData("coalesce(doc -> '$.nothing', '[1]')", "Json [1]")]
    [InlineData("ifnull(empty, 5)", "Int64 5")]
    [InlineData("CAST(char_length(repeat('x', 5000)) AS char) || CAST(id AS char)", "String 5000-7")]
    [InlineData("nullif(id, -7)", "Int64 NULL")]
    [InlineData("nullif(id, 0)", "Int64 -7")]
    [InlineData("nullif(note, '')", "String Grüße_50%")]
    [InlineData("if(id < 0, 'neg', 'pos')", "String neg")]
    [InlineData("greatest(1, 2.5, id)", "Decimal(11,1) 2.5")]
    [InlineData("least('b', 'a')", "String a")]
    [InlineData("greatest(id, empty)", "Int64 NULL")]
    [InlineData("greatest(day, '2025-01-01')", "Date 2025-01-01")]
    public void Choices_give_the_type_that_their_values_have_in_common(string expression, string result) => Assert.Equal(result, ExpressionRows.Compute(expression));

    [Theory]
    [InlineData("id IS DISTINCT FROM -7", "Int8 0")]
    [InlineData("empty IS DISTINCT FROM 1", "Int8 1")]
    [InlineData("empty IS NOT DISTINCT FROM NULL", "Int8 1")]
    [InlineData("empty <=> NULL", "Int8 1")]
    [InlineData("(empty = 1) IS TRUE", "Int8 0")]
    [InlineData("(empty = 1) IS NOT TRUE", "Int8 1")]
    [InlineData("(empty = 1) IS UNKNOWN", "Int8 1")]
    [InlineData("id IS FALSE", "Int8 0")]
    [InlineData("note ILIKE 'GRÜSSE%'", "Int8 0")]
    [InlineData("note ILIKE 'GRÜßE%'", "Int8 1")]
    [InlineData("note LIKE 'Gr%50!%' ESCAPE '!'", "Int8 1")]
    [InlineData("note LIKE 'Gr%51!%' ESCAPE '!'", "Int8 0")]
    [InlineData("note LIKE lower('GR%')", "Int8 0")]
    [InlineData("note NOT LIKE 'x%'", "Int8 1")]
    [InlineData("note REGEXP '^Gr.+_[0-9]+%$'", "Int8 1")]
    [InlineData("regexp_like(note, 'grü', 'i')", "Int8 1")]
    [InlineData("id IN (1, 2, 3, 4, 5, -7)", "Int8 1")]
    [InlineData("id IN (1, 2, 3, 4, 5)", "Int8 0")]
    [InlineData("id IN (1, 2, 3, 4, NULL)", "Int8 NULL")]
    [InlineData("id NOT IN (1, 2, NULL)", "Int8 NULL")]
    [InlineData("note IN ('a', 'b', 'c', 'd', 'Grüße_50%')", "Int8 1")]
    [InlineData("status IN ('new', 'a', 'b', 'd')", "Int8 0")]
    [InlineData("id IN (1, -7.0)", "Int8 1")]
    [InlineData("qty IN (1, 2, 3, 18446744073709551615)", "Int8 1")]
    [InlineData("day IN ('2024-02-28', '2024-02-29', '2024-03-01', '2024-03-02')", "Int8 1")]
    [InlineData("id BETWEEN empty AND 0", "Int8 NULL")]
    [InlineData("id BETWEEN 1 AND empty", "Int8 0")]
    [InlineData("id NOT BETWEEN 1 AND empty", "Int8 1")]
    [InlineData("at BETWEEN day AND '2024-03-01'", "Int8 1")]
    public void Tests_have_three_truth_values(string expression, string result) => Assert.Equal(result, ExpressionRows.Compute(expression));

    [Theory]
    [InlineData("CAST(id AS char)", "String -7")]
    [InlineData("CAST(price AS char)", "String 12.50")]
    [InlineData("CAST(ratio AS char)", "String 0.1")]
    [InlineData("CAST(single AS char)", "String 0.1")]
    [InlineData("CAST(at AS char)", "String 2024-02-29 12:34:56.789")]
    [InlineData("CAST(seen AS char)", "String 2024-01-01 00:00:00")]
    [InlineData("CAST(span AS char)", "String -01:30:00")]
    [InlineData("CAST(status AS char)", "String paid")]
    [InlineData("CAST(note AS char(3))", "String Grü")]
    [InlineData("CAST(blob AS char)", "String NULL")]
    [InlineData("CAST(year AS char)", "String 2024")]
    [InlineData("CAST(' 12 ' AS signed)", "Int64 12")]
    [InlineData("CAST('12.5' AS bigint)", "Int64 13")]
    [InlineData("CAST('x' AS int)", "Int64 NULL")]
    [InlineData("CAST('' AS int)", "Int64 NULL")]
    [InlineData("CAST('1e3' AS signed integer)", "Int64 1000")]
    [InlineData("CAST('9223372036854775808' AS signed)", "Int64 NULL")]
    [InlineData("CAST('9223372036854775808' AS unsigned)", "UInt64 9223372036854775808")]
    [InlineData("CAST(-1 AS unsigned)", "UInt64 NULL")]
    [InlineData("CAST(price AS signed)", "Int64 13")]
    [InlineData("CAST(-2.5e0 AS signed)", "Int64 -3")]
    [InlineData("CAST(1e30 AS signed)", "Int64 NULL")]
    [InlineData("CAST('-1.005' AS decimal(5,2))", "Decimal(5,2) -1.01")]
    [InlineData("CAST(12345 AS decimal(4,0))", "Decimal(4,0) NULL")]
    [InlineData("CAST(id AS decimal(10,2))", "Decimal(10,2) -7.00")]
    [InlineData("CAST(price AS decimal)", "Decimal(10,0) 13")]
    [InlineData("CAST(0.005e0 AS decimal(5,2))", "Decimal(5,2) 0.01")]
    [InlineData("CAST('1.5' AS double precision)", "Float64 1.5")]
    [InlineData("CAST('Infinity' AS double)", "Float64 NULL")]
    [InlineData("CAST(price AS double)", "Float64 12.5")]
    [InlineData("CAST('2024-02-30' AS date)", "Date NULL")]
    [InlineData("CAST('2024-02-29 10:00:00' AS date)", "Date 2024-02-29")]
    [InlineData("CAST(at AS date)", "Date 2024-02-29")]
    [InlineData("CAST(at AS datetime)", "DateTime 2024-02-29 12:34:56")]
    [InlineData("CAST('2024-02-29T10:00:00.123456Z' AS datetime(3))", "DateTime(3) 2024-02-29 10:00:00.123")]
    [InlineData("CAST(day AS datetime)", "DateTime 2024-02-29 00:00:00")]
    [InlineData("CAST(seen AS datetime)", "DateTime 2024-01-01 00:00:00")]
    [InlineData("CAST(at AS timestamp(3))", "Timestamp(3) 2024-02-29 12:34:56.789")]
    [InlineData("CAST(at AS time)", "Time 12:34:56")]
    [InlineData("CAST('-10:00' AS time)", "Time -10:00:00")]
    [InlineData("CAST(doc ->> '$.n' AS decimal(4,1))", "Decimal(4,1) 12.5")]
    [InlineData("CAST(doc -> '$.n' AS double)", "Float64 12.5")]
    [InlineData("CAST('{\"a\": 1}' AS json)", "Json {\"a\": 1}")]
    [InlineData("CAST('{a}' AS json)", "Json NULL")]
    [InlineData("CAST(id AS json)", "Json -7")]
    [InlineData("CAST('yes' AS boolean)", "Int8 1")]
    [InlineData("CAST('maybe' AS boolean)", "Int8 NULL")]
    [InlineData("CAST(note AS binary)", "Binary R3LDvMOfZV81MCU=")]
    [InlineData("CAST(NULL AS date)", "Date NULL")]
    public void Casts_read_and_write_values_and_are_null_where_that_fails(string expression, string result) => Assert.Equal(result, ExpressionRows.Compute(expression));

    [Fact]
    public void References_are_told_in_the_order_of_the_text_with_their_places()
    {
        var expression = Expression.Parse("a.b + coalesce(c, CASE WHEN d THEN 1 END)\n + sum(items.qty) + `e f`");

        Assert.Equal(
            [new("a", "b", 1, 1), new(null, "c", 1, 16), new(null, "d", 1, 29), new(null, "e f", 2, 21)],
            expression.References.ToArray());
        Assert.Equal([new ColumnReference("items", "qty", 2, 8)], (expression.Aggregates[0].Argument?.References ?? []).ToArray());
    }

    [Fact]
    public void Aggregates_are_told_and_bound_to_columns()
    {
        var expression = Expression.Parse("count(*) + count(items) + count(DISTINCT items.sku) + sum(items.qty * items.price) + avg(x) + min(x) + max(x) = 0 OR string_agg(items.sku, ', ' ORDER BY items.pos DESC) = ''");

        Assert.Equal(
            ["Count  ", "Count items bare", "CountDistinct items ", "Sum items ", "Average  ", "Min  ", "Max  ", "StringAggregate items falling , "],
            expression.Aggregates.Select(call => $"{call.Kind} {call.Over} {(call.IsBareName ? "bare" : "")}{(call.IsFalling ? $"falling {call.Separator}" : "")}"));
        Assert.Null(expression.Aggregates[0].Argument);
        Assert.Equal("items", expression.Aggregates[7].Order?.References.Single().Qualifier);
        Assert.Equal([ExpressionRows.Schema.Find("items.qty")], Expression.Parse("count(*) * 2").WithAggregates(_ => "items.qty").Compile(ExpressionRows.Schema).Columns);
        Assert.Equal("Expression, line 1, column 1: an aggregate has no rows to look at here. Use it in `set` or `where` of a document, over a collection or a group. [LEAT-1214]",
            Assert.Throws<ExpressionException>(() => Expression.Parse("count(*) > 1").CompileFilter(ExpressionRows.Schema)).Message);
    }

    [Fact]
    public void Own_names_mean_the_row_itself()
    {
        Assert.Equal("Int64 -6", ExpressionRows.Compute("orders.id + 1", ["orders"]));
        Assert.Equal("Int64 -6", ExpressionRows.Compute("Orders.id + 1", ["orders"]));
        Assert.Equal("Expression, line 1, column 1: table shop.orders has no column 'orders.id'. Did you mean 'id'? [LEAT-1205]",
            Assert.Throws<ExpressionException>(() => ExpressionRows.Compute("orders.id + 1")).Message);
    }

    [Fact]
    public void Chains_whose_left_side_counts_twice_stay_fast()
    {
        // Computed twice at every level, a hundred levels would never end.
        var chain = "id" + string.Concat(Enumerable.Repeat(" BETWEEN 0 AND 1", 100));
        Assert.Equal("Int8 1", ExpressionRows.Compute(chain));
        Assert.Equal("Int8 1", ExpressionRows.Compute("id" + string.Concat(Enumerable.Repeat(" IN (0, 1 + 0)", 99))));
        Assert.Equal("Int64 5", ExpressionRows.Compute(string.Concat(Enumerable.Repeat("greatest(", 90)) + "id" + string.Concat(Enumerable.Repeat(", 5)", 90))));
        Assert.Equal("Int64 -7", ExpressionRows.Compute(string.Concat(Enumerable.Repeat("nullif(", 90)) + "id" + string.Concat(Enumerable.Repeat(", 5)", 90))));
    }
}
