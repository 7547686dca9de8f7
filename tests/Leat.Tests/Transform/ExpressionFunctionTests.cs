using Leat.Transform.Expressions;
using Xunit;

namespace Leat.Tests.Transform;

public sealed class ExpressionFunctionTests
{
    [Theory]
    [InlineData("lower(note)", "String grüße_50%")]
    [InlineData("upper(note)", "String GRÜßE_50%")]
    [InlineData("upper('abc')", "String ABC")]
    [InlineData("length(note)", "Int64 11")]
    [InlineData("char_length(note)", "Int64 9")]
    [InlineData("concat(id, '-', price, '-', status)", "String -7-12.50-paid")]
    [InlineData("concat('a', nothing)", "String NULL")]
    [InlineData("'a' || nothing", "String NULL")]
    [InlineData("concat_ws(',', 'a', nothing, NULL, id)", "String a,-7")]
    [InlineData("concat_ws(nothing, 'a')", "String NULL")]
    [InlineData("substring(note, 3)", "String üße_50%")]
    [InlineData("substring(note, 3, 2)", "String üß")]
    [InlineData("substring(note FROM 3 FOR 2)", "String üß")]
    [InlineData("substring(note, -3, 2)", "String 50")]
    [InlineData("substring(note, -30, 2)", "String ")]
    [InlineData("substring(note, 0)", "String ")]
    [InlineData("substring(note, 30)", "String ")]
    [InlineData("substring(note, 2, -1)", "String ")]
    [InlineData("left(note, 3)", "String Grü")]
    [InlineData("left(note, -1)", "String ")]
    [InlineData("right(note, 3)", "String 50%")]
    [InlineData("right(note, 300)", "String Grüße_50%")]
    [InlineData("trim('  x ')", "String x")]
    [InlineData("trim(BOTH '-' FROM '--x-')", "String x")]
    [InlineData("trim(LEADING 'ab' FROM 'ababx')", "String x")]
    [InlineData("trim(TRAILING FROM 'x  ')", "String x")]
    [InlineData("ltrim('  x ')", "String x ")]
    [InlineData("rtrim('  x ')", "String   x")]
    [InlineData("replace(note, 'ü', 'ue')", "String Grueße_50%")]
    [InlineData("replace(note, '', 'x')", "String Grüße_50%")]
    [InlineData("reverse(note)", "String %05_eßürG")]
    [InlineData("repeat('ab', 3)", "String ababab")]
    [InlineData("repeat('ab', 0)", "String ")]
    [InlineData("repeat('ab', 9000000)", "String NULL")]
    [InlineData("length(repeat('ab', 8388608))", "Int64 16777216")]
    [InlineData("lpad('7', 3, '0')", "String 007")]
    [InlineData("lpad('7', 4, 'ab')", "String aba7")]
    [InlineData("lpad('abc', 2)", "String ab")]
    [InlineData("rpad('ü', 3, 'ß')", "String üßß")]
    [InlineData("rpad('x', -1)", "String NULL")]
    [InlineData("rpad('x', 100000000)", "String NULL")]
    [InlineData("concat(repeat('x', 16000000), repeat('x', 1000000))", "String NULL")]
    [InlineData("position('ü' IN note)", "Int64 3")]
    [InlineData("locate('e', note, 6)", "Int64 0")]
    [InlineData("locate('_', note, 2)", "Int64 6")]
    [InlineData("instr(note, '50')", "Int64 7")]
    [InlineData("starts_with(note, 'Grü')", "Int8 1")]
    [InlineData("split_part('a,b,c', ',', 2)", "String b")]
    [InlineData("split_part('a,b,c', ',', -1)", "String c")]
    [InlineData("split_part('a,b,c', ',', 4)", "String ")]
    [InlineData("lower(NULL)", "String NULL")]
    public void Texts(string expression, string result) => Assert.Equal(result, ExpressionRows.Compute(expression));

    [Theory]
    [InlineData("abs(id)", "Int64 7")]
    [InlineData("abs(-9223372036854775808)", "Int64 NULL")]
    [InlineData("abs(-price)", "Decimal(11,2) 12.50")]
    [InlineData("ceil(price)", "Int64 13")]
    [InlineData("floor(-price)", "Int64 -13")]
    [InlineData("floor(wide)", "Decimal(36,0) -100000000000000000000000000000000000")]
    [InlineData("ceiling(ratio)", "Float64 1")]
    [InlineData("round(price)", "Decimal(9,0) 13")]
    [InlineData("round(-2.5)", "Decimal(2,0) -3")]
    [InlineData("round(price, 1)", "Decimal(10,1) 12.5")]
    [InlineData("round(12.345, 2)", "Decimal(5,2) 12.35")]
    [InlineData("round(2.675e0, 2)", "Float64 2.68")]
    [InlineData("round(1234, -2)", "Int64 1200")]
    [InlineData("round(1250, -2)", "Int64 1300")]
    [InlineData("truncate(12.399, 2)", "Decimal(5,2) 12.39")]
    [InlineData("truncate(-1999, -3)", "Int64 -1000")]
    [InlineData("mod(-7, 4)", "Int64 -3")]
    [InlineData("mod(7.5, 2)", "Decimal(2,1) 1.5")]
    [InlineData("sign(-price)", "Int64 -1")]
    [InlineData("power(2, 10)", "Float64 1024")]
    [InlineData("power(0, -1)", "Float64 NULL")]
    [InlineData("sqrt(16)", "Float64 4")]
    [InlineData("sqrt(-1)", "Float64 NULL")]
    public void Numbers(string expression, string result) => Assert.Equal(result, ExpressionRows.Compute(expression));

    [Theory]
    [InlineData("year(at)", "Int64 2024")]
    [InlineData("quarter(at)", "Int64 1")]
    [InlineData("month('2024-12-31')", "Int64 12")]
    [InlineData("day(seen)", "Int64 1")]
    [InlineData("hour(at) * 10000 + minute(at) * 100 + second(at)", "Int64 123456")]
    [InlineData("microsecond(at)", "Int64 789000")]
    [InlineData("minute(span)", "Int64 30")]
    [InlineData("year(zero)", "Int64 0")]
    [InlineData("extract(WEEK FROM day)", "Int64 9")]
    [InlineData("extract(dow FROM day)", "Int64 4")]
    [InlineData("extract(DOY FROM day)", "Int64 60")]
    [InlineData("extract(dow FROM zero)", "Int64 NULL")]
    [InlineData("date(at)", "Date 2024-02-29")]
    [InlineData("date_trunc('month', at)", "DateTime 2024-02-01 00:00:00")]
    [InlineData("date_trunc('week', day)", "Date 2024-02-26")]
    [InlineData("date_trunc('hour', seen)", "Timestamp 2024-01-01 00:00:00")]
    [InlineData("date_trunc('quarter', at)", "DateTime 2024-01-01 00:00:00")]
    [InlineData("date_trunc('day', zero)", "Date NULL")]
    [InlineData("date_format(at, '%Y/%m/%d %H:%i:%s.%f %% %y %c %e %k %l %p %j %a %W %b %M %w %D %T %r')", "String 2024/02/29 12:34:56.789000 % 24 2 29 12 12 PM 060 Thu Thursday Feb February 4 29th 12:34:56 12:34:56 PM")]
    [InlineData("date_format(day, '%x-W%v')", "String 2024-W09")]
    [InlineData("date_format(zero, '%Y')", "String 0000")]
    [InlineData("date_format(zero, '%a')", "String NULL")]
    [InlineData("date_add(day, INTERVAL 1 YEAR)", "Date 2025-02-28")]
    [InlineData("day + INTERVAL 1 MONTH", "Date 2024-03-29")]
    [InlineData("'2024-01-31' + INTERVAL 1 MONTH", "Date 2024-02-29")]
    [InlineData("day - INTERVAL '1' DAY", "Date 2024-02-28")]
    [InlineData("day + INTERVAL -id HOUR", "DateTime 2024-02-29 07:00:00")]
    [InlineData("date_sub(at, INTERVAL 2 WEEK)", "DateTime(3) 2024-02-15 12:34:56.789")]
    [InlineData("at + INTERVAL 1 MICROSECOND", "DateTime(6) 2024-02-29 12:34:56.789001")]
    [InlineData("seen + INTERVAL 1 QUARTER", "Timestamp 2024-04-01 00:00:00")]
    [InlineData("seen - INTERVAL 1 SECOND", "Timestamp 2023-12-31 23:59:59")]
    [InlineData("span + INTERVAL 100 MINUTE", "Time 00:10:00")]
    [InlineData("span + INTERVAL 1000 HOUR", "Time NULL")]
    [InlineData("day + INTERVAL 9000 YEAR", "Date NULL")]
    [InlineData("day + INTERVAL 9223372036854775807 DAY", "Date NULL")]
    [InlineData("zero + INTERVAL 1 DAY", "Date NULL")]
    [InlineData("datediff(at, '2024-01-01')", "Int64 59")]
    [InlineData("unix_timestamp(seen)", "Int64 1704067200")]
    [InlineData("unix_timestamp(at)", "Decimal(15,3) 1709210096.789")]
    [InlineData("from_unixtime(1704067200)", "Timestamp 2024-01-01 00:00:00")]
    [InlineData("from_unixtime(0.5)", "Timestamp(1) 1970-01-01 00:00:00.5")]
    [InlineData("from_unixtime(1e300)", "Timestamp(6) NULL")]
    [InlineData("DATE '2024-01-31'", "Date 2024-01-31")]
    [InlineData("TIMESTAMP '2024-01-31'", "DateTime 2024-01-31 00:00:00")]
    [InlineData("TIME '10:00'", "Time 10:00:00")]
    public void Dates(string expression, string result) => Assert.Equal(result, ExpressionRows.Compute(expression));

    [Theory]
    [InlineData("doc -> '$.list'", "Json [1, [2, 3], {\"x\": null}]")]
    [InlineData("doc -> '$.list[1][0]'", "Json 2")]
    [InlineData("doc -> '$.list[last]'", "Json {\"x\": null}")]
    [InlineData("doc -> '$.list[last-1]'", "Json [2, 3]")]
    [InlineData("doc -> '$.list[9]'", "Json NULL")]
    [InlineData("doc -> '$.name'", "Json \"Ada \\\"L\\\"\"")]
    [InlineData("doc ->> '$.name'", "String Ada \"L\"")]
    [InlineData("doc ->> '$.\"odd name\"'", "String ü")]
    [InlineData("doc ->> '$.n2'", "String 2")]
    [InlineData("doc ->> '$.list[2].x'", "String NULL")]
    [InlineData("doc -> '$.list[2].x'", "Json null")]
    [InlineData("doc ->> '$.list[2]'", "String {\"x\": null}")]
    [InlineData("doc ->> '$.missing.deep'", "String NULL")]
    [InlineData("doc -> '$.list' ->> '$[0]'", "String 1")]
    [InlineData("json_extract(doc, '$.t')", "Json true")]
    [InlineData("json_value(doc, '$.n')", "String 12.5")]
    [InlineData("json_value(doc, '$.list')", "String NULL")]
    [InlineData("json_length(doc)", "Int64 7")]
    [InlineData("json_length(doc, '$.list')", "Int64 3")]
    [InlineData("json_length('3')", "Int64 1")]
    [InlineData("json_length('[')", "Int64 NULL")]
    [InlineData("json_type(doc)", "String OBJECT")]
    [InlineData("json_type(doc, '$.n')", "String DOUBLE")]
    [InlineData("json_type(doc, '$.t')", "String BOOLEAN")]
    [InlineData("json_valid('{}')", "Int8 1")]
    [InlineData("json_valid('{} x')", "Int8 0")]
    [InlineData("json_valid(nothing)", "Int8 NULL")]
    [InlineData("json_object('id', id, 'price', price, 'day', day, 'at', at, 'seen', seen, 'ok', id < 0, 'none', empty, 'doc', doc -> '$.list', 'note', 'a\"b\\', 'r', ratio)",
        """Json {"id":-7,"price":"12.50","day":"2024-02-29","at":"2024-02-29T12:34:56.789","seen":"2024-01-01T00:00:00Z","ok":true,"none":null,"doc":[1, [2, 3], {"x": null}],"note":"a\"b\\","r":0.1}""")]
    [InlineData("json_object()", "Json {}")]
    [InlineData("json_object(nothing, 1)", "Json NULL")]
    [InlineData("json_array(1, 'x', NULL, blob, span, zero)", """Json [1,"x",null,"3q2+7w==","-01:30:00","0000-00-00"]""")]
    [InlineData("json_array()", "Json []")]
    [InlineData("json_quote('a\"')", "Json \"a\\\"\"")]
    [InlineData("CAST('[1,\n2]' AS json)", "Json [1, 2]")]
    [InlineData("json_array('a\nb\u0001')", "Json [\"a\\u000ab\\u0001\"]")]
    public void Json(string expression, string result) => Assert.Equal(result, ExpressionRows.Compute(expression));

    [Theory]
    [InlineData("md5('abc')", "String 900150983cd24fb0d6963f7d28e17f72")]
    [InlineData("sha1('abc')", "String a9993e364706816aba3e25717850c26c9cd0d89d")]
    [InlineData("sha256('abc')", "String ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    [InlineData("sha2('abc', 256) = sha256('abc')", "Int8 1")]
    [InlineData("left(sha2('abc', 512), 16)", "String ddaf35a193617aba")]
    [InlineData("crc32('123456789')", "Int64 3421780262")]
    [InlineData("hmac_sha256('what do ya want for nothing?', 'Jefe')", "String 5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")]
    [InlineData("hash64('')", "Int64 -1205034819632174695")]
    [InlineData("hash64('abc')", "Int64 4952883123889572249")]
    [InlineData("mask('4111111111111111', 0, 4)", "String ************1111")]
    [InlineData("mask(note, 2, 1)", "String Gr******%")]
    [InlineData("mask(note)", "String *********")]
    [InlineData("mask('abc', 2, 2)", "String ***")]
    [InlineData("mask(id, 1, 0)", "String -*")]
    [InlineData("mask_email(mail)", "String j***@example.com")]
    [InlineData("mask_email('nobody')", "String ***")]
    [InlineData("mask_email('@x')", "String ***@x")]
    [InlineData("md5(nothing)", "String NULL")]
    public void Hashes_and_masks(string expression, string result) => Assert.Equal(result, ExpressionRows.Compute(expression));

    [Theory]
    [InlineData("now()", "Expression, line 1, column 1: now gives another value each time it is computed, so that a change that is read again would become another document. Use a column that the source fills, such as a TIMESTAMP with DEFAULT CURRENT_TIMESTAMP. [LEAT-1213]")]
    [InlineData("unix_timestamp()", "Expression, line 1, column 1: unix_timestamp gives another value each time it is computed, so that a change that is read again would become another document. Use a column that the source fills, such as a TIMESTAMP with DEFAULT CURRENT_TIMESTAMP. [LEAT-1213]")]
    [InlineData("max(id)", "Expression, line 1, column 1: an aggregate has no rows to look at here. Use it in `set` or `where` of a document, over a collection or a group. [LEAT-1214]")]
    [InlineData("sum(1 + count(id))", "Expression, line 1, column 9: an aggregate stands inside another. Compute the inner one in a nested collection. [LEAT-1230]")]
    [InlineData("sum(items.qty * price)", "Expression, line 1, column 1: an aggregate looks at several tables: items, the document's own. Let it look at one collection, and give each of its columns that name: `sum(items.qty * items.price)`. [LEAT-1231]")]
    [InlineData("CAST(id AS date)", "Expression, line 1, column 1: column id (a number) cannot become date. Cast it to char first if its digits are meant, or take another function, such as unix_timestamp. [LEAT-1215]")]
    [InlineData("CAST(id AS integr)", "Expression, line 1, column 12: there is no type 'integr' to cast to. Known: char, signed, unsigned, bigint, int, decimal(p, s), double, date, datetime, timestamp, time, json, boolean, binary. [LEAT-1232]")]
    [InlineData("CAST(id AS decimal(66))", "Expression, line 1, column 12: expected decimal(p, s) with p from 1 to 65 and s from 0 to 30 and no more than p. Correct the numbers behind the type. [LEAT-1233]")]
    [InlineData("CAST(at AS datetime(7))", "Expression, line 1, column 12: expected a fraction of 0 to 6 digits. Correct the numbers behind the type. [LEAT-1233]")]
    [InlineData("coalesce(empty, id, note)", "Expression, line 1, column 1: coalesce may give column empty (a number) or column note (a text), which have no type in common. Cast them to one type: `CAST(x AS char)`. [LEAT-1216]")]
    [InlineData("coalesce(doc, 'x')", "Expression, line 1, column 1: coalesce may give column doc (JSON) or a text, which have no type in common. Cast them to one type: `CAST(x AS char)`. [LEAT-1216]")]
    [InlineData("CASE WHEN TRUE THEN 1 ELSE 'x' END", "Expression, line 1, column 1: CASE may give a number or a text, which have no type in common. Cast them to one type: `CAST(x AS char)`. [LEAT-1216]")]
    [InlineData("doc -> 'name'", "Expression, line 1, column 8: 'name' is not a path into JSON. Write it as '$.member', '$.list[0]' or '$.list[last]', odd names between double quotes; wildcards are not known. [LEAT-1218]")]
    [InlineData("doc -> '$.name.'", "Expression, line 1, column 8: '$.name.' is not a path into JSON. Write it as '$.member', '$.list[0]' or '$.list[last]', odd names between double quotes; wildcards are not known. [LEAT-1218]")]
    [InlineData("doc -> '$.[0]'", "Expression, line 1, column 8: '$.[0]' is not a path into JSON. Write it as '$.member', '$.list[0]' or '$.list[last]', odd names between double quotes; wildcards are not known. [LEAT-1218]")]
    [InlineData("doc -> '$[*]'", "Expression, line 1, column 8: '$[*]' is not a path into JSON. Write it as '$.member', '$.list[0]' or '$.list[last]', odd names between double quotes; wildcards are not known. [LEAT-1218]")]
    [InlineData("id -> '$.a'", "Expression, line 1, column 1: -> looks into JSON, not into column id (a number). Use it on a JSON column, or on a text that holds JSON. [LEAT-1219]")]
    [InlineData("doc -> note", "Expression, line 1, column 8: -> needs its path written out, not computed. Write it there as a value: a text between single quotes, or a number. [LEAT-1237]")]
    [InlineData("note REGEXP '(?=x)'", "Expression, line 1, column 13: the regular expression cannot be used: RegexOptions.NonBacktracking is not supported in conjunction with expressions containing: 'positive lookahead (?= pattern) or positive lookbehind (?<= pattern)'. Write it without look-around and back-references, which Leat does not have: its time would not be bounded. [LEAT-1234]")]
    [InlineData("day + INTERVAL 3 DAI", "Expression, line 1, column 18: there is no unit 'DAI'. Did you mean 'day'? [LEAT-1235]")]
    [InlineData("date_trunc('decade', day)", "Expression, line 1, column 12: there is no unit 'decade'. Known: microsecond, second, minute, hour, day, week, month, quarter, year. [LEAT-1235]")]
    [InlineData("date_format(day, '%Q')", "Expression, line 1, column 18: the format has '%Q', which means nothing. Use the letters of MySQL's DATE_FORMAT that docs/expressions.md lists, and %% for a percent sign. [LEAT-1236]")]
    [InlineData("INTERVAL 3 DAY", "Expression, line 1, column 1: an interval is no value of its own. Add it to a date: `x + INTERVAL 3 DAY` or `date_add(x, INTERVAL 3 DAY)`. [LEAT-1238]")]
    [InlineData("note + INTERVAL 3 DAY", "Expression, line 1, column 1: an interval of days cannot be added to column note (a text). Add it to a date or a date and time; cast a text to datetime first. [LEAT-1239]")]
    [InlineData("span + INTERVAL 3 DAY", "Expression, line 1, column 1: an interval of days cannot be added to column span (a time). Add it to a date or a date and time; cast a text to datetime first. [LEAT-1239]")]
    [InlineData("lpad(note)", "Expression, line 1, column 1: lpad takes a text, a length, and perhaps a filling. Correct its arguments. [LEAT-1209]")]
    [InlineData("upper(note, 1)", "Expression, line 1, column 1: upper takes one text. Correct its arguments. [LEAT-1209]")]
    [InlineData("left(note, 'x')", "Expression, line 1, column 1: left takes a text and a length. Correct its arguments. [LEAT-1209]")]
    [InlineData("substr(id, 1)", "Expression, line 1, column 1: substr takes a text, a place, and perhaps a length. Correct its arguments. [LEAT-1209]")]
    [InlineData("sha2(note, 224)", "Expression, line 1, column 1: sha2 takes a value and 256, 384 or 512. Correct its arguments. [LEAT-1209]")]
    [InlineData("date_add(day, 3)", "Expression, line 1, column 1: date_add takes a date and an interval: date_add(x, INTERVAL 3 DAY). Correct its arguments. [LEAT-1209]")]
    [InlineData("json_object('a')", "Expression, line 1, column 1: json_object takes names and values by turns. Correct its arguments. [LEAT-1209]")]
    [InlineData("coalesc(id, 1)", "Expression, line 1, column 1: there is no function 'coalesc'. Did you mean 'coalesce'? [LEAT-1208]")]
    [InlineData("CASE id END", "Expression, line 1, column 9: expected WHEN, found 'END'. Correct the expression. [LEAT-1201]")]
    [InlineData("CASE WHEN id = 1 THEN 2", "Expression, line 1, column 24: expected END, found the end. Correct the expression. [LEAT-1201]")]
    [InlineData("id IS 3", "Expression, line 1, column 7: expected NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM, found the number 3. Correct the expression. [LEAT-1201]")]
    [InlineData("1e999", "Expression, line 1, column 1: a number of more than 65 digits. No column holds such a number; shorten it. [LEAT-1204]")]
    public void What_is_wrong_is_refused_with_place_and_remedy(string expression, string message) =>
        Assert.Equal(message, Assert.Throws<ExpressionException>(() => ExpressionRows.Compute(expression)).Message);

    [Fact]
    public void Names_that_differ_in_letter_case_alone_have_to_be_exact()
    {
        var schema = new Leat.Changes.TableSchema(
            new("shop", "odd"), [new() { Name = "Id", Kind = Leat.Changes.ColumnKind.Int32 }, new() { Name = "ID", Kind = Leat.Changes.ColumnKind.Int32 }, new() { Name = "customers.name", Kind = Leat.Changes.ColumnKind.String }], [0]);

        Assert.Equal([1], Expression.Parse("ID").Compile(schema).Columns);
        Assert.Equal("Expression, line 1, column 1: 'id' may be any of Id, ID. Write the column in the letter case that it has. [LEAT-1240]",
            Assert.Throws<ExpressionException>(() => Expression.Parse("id").Compile(schema)).Message);
        Assert.Equal("Expression, line 1, column 1: table shop.odd has no column 'name'. Did you mean 'customers.name'? [LEAT-1205]",
            Assert.Throws<ExpressionException>(() => Expression.Parse("name").Compile(schema)).Message);
    }

    [Fact]
    public void A_text_that_is_too_long_is_refused() =>
        Assert.Equal("Expression, line 1, column 1: the expression has 65537 characters, more than 65536. Split it into several columns. [LEAT-1217]",
            Assert.Throws<ExpressionException>(() => Expression.Parse(new string('1', 65_537))).Message);

    [Fact]
    public void Json_deeper_than_the_limit_is_as_good_as_none()
    {
        Assert.Equal("Int8 1", ExpressionRows.Compute($"json_valid('{new string('[', 64)}{new string(']', 64)}')"));
        Assert.Equal("Int8 0", ExpressionRows.Compute($"json_valid('{new string('[', 65)}{new string(']', 65)}')"));
    }

    [Theory]
    [InlineData("id + 1 > 0 AND price * 3 - 1 < 100 AND ratio / 2 < 1 OR qty % 3 = 1")]
    [InlineData("CASE status WHEN 'paid' THEN upper('abc') ELSE lower(tags) END")]
    [InlineData("price * 100 / 7")]
    [InlineData("round(price / 7, 2) + truncate(price, 1) + floor(price) + price % 3")]
    [InlineData("CAST(price AS decimal(12,4)) + CAST('12.75' AS decimal(10,2))")]
    [InlineData("CAST(ratio AS char) || CAST(id AS char) || at || price")]
    [InlineData("substring(mail, 1, 4) || lpad('7', 5, '0') || replace(mail, 'doe', 'x') || reverse('abc') || mask_email(mail) || split_part(mail, '@', 2)")]
    [InlineData("date_trunc('month', at) + INTERVAL 3 DAY > day AND datediff(at, day) = 0 AND year(seen) = 2024")]
    [InlineData("date_format(at, '%Y-%m-%d %H:%i')")]
    [InlineData("doc ->> '$.name' = 'x' OR json_length(doc) = 3 OR CAST(doc -> '$.n' AS double) > 3")]
    [InlineData("coalesce(empty, id) IN (1, 2, 3, 4, 5) OR nullif(note, '') LIKE 'a%' OR greatest(id, 3) = 7")]
    [InlineData("sha256(mail) || md5(mail) || hash64(mail)")]
    [InlineData("upper(note) || lower(note)")]
    public void Nothing_is_allocated_for_a_row(string expression)
    {
        var compiled = Expression.Parse(expression).Compile(ExpressionRows.Schema);
        var builder = new Leat.Changes.RowBuilder();
        for (var i = 0; i < 3; i++)
            Append();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
            Append();

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Append()
        {
            builder.Begin(1);
            compiled.Append(ExpressionRows.Row, builder);
        }
    }
}
