using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Binlog;
using Xunit;

namespace Leat.Tests.MySql;

public sealed class StatementTextTests
{
    [Theory]
    [InlineData("BEGIN", 1)]
    [InlineData("COMMIT", 2)]
    [InlineData("/* app */ rollback", 3)]
    [InlineData("ROLLBACK TO `s`", 4)]
    [InlineData("XA COMMIT X'61',X'',1", 0)]
    [InlineData("XA ROLLBACK X'61',X'',1", 0)]
    [InlineData("insert into t values (1)", 5)]
    [InlineData("-- note\nUPDATE t SET x = 1", 5)]
    [InlineData("LOAD DATA INFILE 'x' INTO TABLE t", 5)]
    [InlineData("ALTER TABLE t ADD x INT", 6)]
    [InlineData("CREATE TABLE t (i INT)", 6)]
    [InlineData("TRUNCATE t", 6)]
    [InlineData("DROP TABLE t", 6)]
    [InlineData("DROP /*!40005 TEMPORARY */ TABLE IF EXISTS `t`", 6)]
    [InlineData("DROP INDEX i ON t", 6)]
    [InlineData("SET STATEMENT max_statement_time=1 FOR ALTER TABLE t ADD x INT", 6)]
    [InlineData("SET @x = 1", 0)]
    [InlineData("GRANT SELECT ON d.t TO u", 0)]
    [InlineData("", 0)]
    public void The_first_words_tell_the_kind(string sql, int kind) => Assert.Equal((StatementKind)kind, StatementText.KindOf(sql));

    [Theory]
    [InlineData("TRUNCATE orders", true)]
    [InlineData("TRUNCATE ORDERS", true)]
    [InlineData("TRUNCATE `orders`", true)]
    [InlineData("TRUNCATE shop.orders", true)]
    [InlineData("TRUNCATE `shop` . `orders`", true)]
    [InlineData("TRUNCATE other.orders", false)]
    [InlineData("INSERT INTO notes VALUES ('orders')", false)]
    [InlineData("INSERT INTO notes VALUES ('it''s \\' orders')", false)]
    [InlineData("INSERT INTO notes /* orders */ VALUES (1)", false)]
    [InlineData("INSERT INTO order_items VALUES (1)", false)]
    [InlineData("RENAME TABLE a TO b, orders TO c", true)]
    public void A_table_is_mentioned_by_name_only(string sql, bool isMentioned) =>
        Assert.Equal(isMentioned, StatementText.Mentions(sql, "shop", new TableName("shop", "orders")));

    [Fact]
    public void Without_its_database_a_name_means_the_default_one() =>
        Assert.False(StatementText.Mentions("TRUNCATE orders", "other", new TableName("shop", "orders")));

    [Fact]
    public void Random_text_never_fails()
    {
        const string Letters = "`'\"\\/*!-#. \nDROPtable0";
        var random = new Random(9);
        for (var round = 0; round < 50_000; round++)
        {
            var sql = string.Create(random.Next(12), random, static (text, random) =>
            {
                for (var i = 0; i < text.Length; i++)
                    text[i] = Letters[random.Next(Letters.Length)];
            });
            StatementText.KindOf(sql);
            StatementText.Mentions(sql, "d", new TableName("d", "t"));
        }
    }

    [Theory]
    [InlineData("shop.*", "shop.orders", true)]
    [InlineData("shop.order*", "shop.order_items", true)]
    [InlineData("shop.*_items", "shop.order_items", true)]
    [InlineData("shop.*_items", "shop.orders", false)]
    [InlineData("*.orders", "a.orders", true)]
    [InlineData("shop.orders", "shop.Orders", false)]
    [InlineData("shop.orders", "shop.orders2", false)]
    public void Patterns_fit_whole_names(string pattern, string table, bool fits)
    {
        Assert.True(TablePattern.TryParse(pattern, out var read));
        Assert.True(TableName.TryParse(table, out var name));
        Assert.Equal(fits, read.Matches(name));
    }

    [Fact]
    public void Labels_are_read_with_their_quotes() =>
        Assert.Equal(["a", "it's", "c,d", "\\"], Sql.Labels("enum('a','it''s','c,d','\\\\')"));
}
