using Leat.Connectors.MySql.Ddl;
using Xunit;

namespace Leat.Tests.MySql;

/// <summary>What statements make of tables, in the words of both servers.</summary>
public sealed class DdlTests
{
    private const string Made = "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(9), b INT UNSIGNED NOT NULL)";
    private const string Shape = "id int(11) not null, a varchar(9), b int(10) unsigned not null; key id";

    [Theory]
    [InlineData("CREATE TABLE `t` (\n  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,\n  `v` varchar(255) COLLATE latin1_swedish_ci DEFAULT 'a,b)\\'',\n  PRIMARY KEY (`id`),\n  KEY `v` (`v`(10))\n) ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT CHARSET=utf8 ROW_FORMAT=DYNAMIC COMMENT='it''s'",
        "id bigint(20) unsigned not null, v varchar(255) latin1; key id")]
    [InlineData("create table if not exists d.t(id int4 primary key, x dec(12,3) default -1.5, y real, z float(30), w double precision(10,2), n numeric)",
        "id int(11) not null, x decimal(12,3), y double, z double, w double(10,2), n decimal(10,0); key id")]
    [InlineData("CREATE TABLE t (c CHAR, n NCHAR(3), v NATIONAL CHARACTER VARYING(4), w CHARACTER VARYING(5) CHARACTER SET ascii, l LONG VARCHAR, b CHAR(3) BYTE)",
        "c char(1), n char(3) utf8mb3, v varchar(4) utf8mb3, w varchar(5) ascii, l mediumtext, b binary(3)")]
    [InlineData("CREATE TABLE t (a BOOL NOT NULL, b SERIAL, c BIT, d BIT(9), e YEAR, f TINYINT(1) UNSIGNED ZEROFILL, g MEDIUMINT, h INT8 UNSIGNED)",
        "a tinyint(1) not null, b bigint(20) unsigned not null, c bit(1), d bit(9), e year(4), f tinyint(1) unsigned zerofill, g mediumint(9), h bigint(20) unsigned")]
    [InlineData("CREATE TABLE t (a TIMESTAMP(3) DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), b DATETIME, c TIME(6), d DATE DEFAULT '2020-01-01' COMMENT 'x' 'y')",
        "a timestamp(3), b datetime, c time(6), d date")]
    [InlineData("CREATE TABLE t (e ENUM('a','b''c', 'd ') CHARACTER SET latin1, s SET(\"x\",\"y\"), t TEXT(10), u TEXT(300), v BLOB(70000), w TEXT CHARACTER SET binary)",
        "e enum('a','b''c','d') latin1, s set('x','y'), t tinytext, u text, v mediumblob, w blob")]
    [InlineData("CREATE TABLE t (id INT, k INT AS (id + 1) PERSISTENT, j JSON, g LONGTEXT CHECK (json_valid(`g`)), PRIMARY KEY USING BTREE (id ASC, k), CHECK (id > 0), CONSTRAINT u UNIQUE KEY (k))",
        "id int(11) not null, k int(11) not null, j longtext not null json, g longtext json; key id k", true)]
    [InlineData("CREATE TABLE t (id INT) DEFAULT CHARACTER SET = latin1 COLLATE = latin1_bin, COMMENT 'x' PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)", "id int(11)")]
    [InlineData("/* app */ CREATE /*!50100 OR REPLACE */ TABLE t (id INT /*!80016 NOT NULL */ /*M!100100 NULL */, `x``y` INT -- a note\n, z INT # another\n)", "id int(11), x`y int(11), z int(11)")]
    [InlineData("CREATE TABLE t (u UUID, i INET6, g GEOMETRY NOT NULL REF_SYSTEM_ID=0, c VARCHAR(100) COMPRESSED, p POINT)",
        "u uuid, i inet6, g geometry not null, c varchar(100) /*M!100301 COMPRESSED*/, p point")]
    [InlineData("SET STATEMENT max_statement_time=10, foreign_key_checks=0 FOR CREATE TABLE t (id INT)", "id int(11)")]
    public void Create_makes_columns(string sql, string shape, bool anyNulls = false)
    {
        var world = new ShapeWorld();

        Assert.Equal("", world.Apply(sql));

        Assert.Equal(anyNulls ? shape.Replace(" not null json", " json", StringComparison.Ordinal) : shape, world.Shape());
    }

    [Theory]
    [InlineData("ALTER TABLE t ADD c INT", "id int(11) not null, a varchar(9), b int(10) unsigned not null, c int(11); key id")]
    [InlineData("ALTER TABLE t ADD COLUMN c INT FIRST, ADD COLUMN e INT AFTER id", "c int(11), id int(11) not null, e int(11), a varchar(9), b int(10) unsigned not null; key id")]
    [InlineData("ALTER TABLE t ADD (c INT NOT NULL DEFAULT 0, e DATE), ALGORITHM=INPLACE, LOCK=NONE", "id int(11) not null, a varchar(9), b int(10) unsigned not null, c int(11) not null, e date; key id")]
    [InlineData("ALTER ONLINE TABLE t DROP COLUMN a, DROP b", "id int(11) not null; key id")]
    [InlineData("ALTER TABLE t DROP COLUMN IF EXISTS nothing, DROP a CASCADE", "id int(11) not null, b int(10) unsigned not null; key id")]
    [InlineData("ALTER TABLE t MODIFY b BIGINT", "id int(11) not null, a varchar(9), b bigint(20); key id")]
    [InlineData("ALTER TABLE t MODIFY b BIGINT FIRST", "b bigint(20), id int(11) not null, a varchar(9); key id")]
    [InlineData("ALTER TABLE t CHANGE a b2 TEXT CHARACTER SET latin1 AFTER a, CHANGE COLUMN b `a` INT", "id int(11) not null, a int(11), b2 text latin1; key id")]
    [InlineData("ALTER TABLE t RENAME COLUMN a TO b, RENAME COLUMN b TO a", "id int(11) not null, b varchar(9), a int(10) unsigned not null; key id")]
    [InlineData("ALTER TABLE t RENAME COLUMN id TO ident, DROP PRIMARY KEY, ADD PRIMARY KEY (b, ident)", "ident int(11) not null, a varchar(9), b int(10) unsigned not null; key b ident")]
    [InlineData("ALTER TABLE t CHANGE id `key` INT UNSIGNED", "key int(10) unsigned not null, a varchar(9), b int(10) unsigned not null; key key")]
    [InlineData("ALTER TABLE t CONVERT TO CHARACTER SET latin1, ADD c CHAR(3)", "id int(11) not null, a varchar(9) latin1, b int(10) unsigned not null, c char(3) latin1; key id")]
    [InlineData("ALTER TABLE t DEFAULT CHARSET latin1, ADD c CHAR(3)", "id int(11) not null, a varchar(9), b int(10) unsigned not null, c char(3) latin1; key id")]
    [InlineData("ALTER IGNORE TABLE `d`.`t` ADD UNIQUE INDEX u (a(3)), ADD KEY (b), ADD FULLTEXT (a), DROP INDEX i, DROP FOREIGN KEY f, DROP CONSTRAINT c", Shape)]
    [InlineData("ALTER TABLE t ALTER COLUMN b SET DEFAULT 5, ALTER a DROP DEFAULT, RENAME INDEX x TO y, ENGINE=InnoDB, FORCE, COMMENT='c'", Shape)]
    [InlineData("ALTER TABLE t ADD COLUMN IF NOT EXISTS a INT, ADD IF NOT EXISTS c INT", "id int(11) not null, a varchar(9), b int(10) unsigned not null, c int(11); key id")]
    [InlineData("ALTER TABLE t WAIT 5 DROP a, ADD a INT", "id int(11) not null, b int(10) unsigned not null, a int(11); key id")]
    [InlineData("ALTER TABLE t ADD PARTITION (PARTITION p2 VALUES LESS THAN (30))", Shape)]
    [InlineData("ALTER TABLE t REMOVE PARTITIONING", Shape)]
    [InlineData("ALTER TABLE t ADD c INT GENERATED ALWAYS AS (concat(a, ')')) VIRTUAL COMMENT 'after' AFTER id", "id int(11) not null, c int(11), a varchar(9), b int(10) unsigned not null; key id")]
    [InlineData("ALTER TABLE other.t ADD c INT", Shape)]
    [InlineData("CREATE INDEX i ON t (a)", Shape)]
    [InlineData("DROP INDEX i ON t", Shape)]
    [InlineData("CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW BEGIN ALTER garbage; END", Shape)]
    [InlineData("CREATE TEMPORARY TABLE t (x INT)", Shape)]
    [InlineData("DROP TEMPORARY TABLE IF EXISTS t", Shape)]
    [InlineData("ALTER VIEW t AS SELECT 1", Shape)]
    public void Alter_changes_columns(string sql, string shape)
    {
        var world = new ShapeWorld();
        world.Apply(Made);

        Assert.Equal("", world.Apply(sql));

        Assert.Equal(shape, world.Shape());
    }

    [Fact]
    public void Mysql_shows_integers_without_a_width_and_has_a_json_of_its_own()
    {
        var world = new ShapeWorld(isMariaDb: false);

        world.Apply("CREATE TABLE t (id INT UNSIGNED PRIMARY KEY, b BOOL, y YEAR, n VARCHAR(3) CHARACTER SET utf8) /*!50100 PARTITION BY HASH (id) */ /*M! garbage */");

        Assert.Equal("id int unsigned not null, b tinyint(1), y year, n varchar(3) utf8mb3; key id", world.Shape());
    }

    [Fact]
    public void With_ansi_quotes_a_name_stands_in_double_quotes()
    {
        const ulong AnsiQuotes = 4;
        var world = new ShapeWorld();

        world.Apply(AnsiQuotes, "CREATE TABLE \"t\" (\"id\" INT PRIMARY KEY, \"two words\" INT DEFAULT '\"')");

        Assert.Equal("id int(11) not null, two words int(11); key id", world.Shape());
    }

    [Fact]
    public void Without_backslash_escapes_a_backslash_ends_nothing()
    {
        const ulong NoBackslashEscapes = 1 << 20;
        var world = new ShapeWorld();

        world.Apply(NoBackslashEscapes, "CREATE TABLE t (a INT COMMENT '\\', b INT)");

        Assert.Equal("a int(11), b int(11)", world.Shape());
    }

    [Fact]
    public void A_database_gives_its_character_set_to_tables_made_later()
    {
        var world = new ShapeWorld();

        world.Apply("ALTER DATABASE d DEFAULT CHARACTER SET latin1", "CREATE TABLE t (a CHAR(2))");

        Assert.Equal("a char(2) latin1", world.Shape());
    }

    [Theory]
    [InlineData("ALTER TABLE t FROBNICATE", "'FROBNICATE' stands where an option is expected in ALTER TABLE t FROBNICATE")]
    [InlineData("ALTER TABLE t ADD x QUATERNION(4)", "'QUATERNION' stands where a type is expected in ALTER TABLE t ADD x QUATERNION(4)")]
    [InlineData("ALTER TABLE t ADD x INT SPARKLING", "'SPARKLING' stands where a column attribute is expected in ALTER TABLE t ADD x INT SPARKLING")]
    [InlineData("ALTER TABLE t DROP nothing", "column 'nothing' is dropped, which is not known in ALTER TABLE t DROP nothing")]
    [InlineData("ALTER TABLE t ADD a INT", "column 'a' is added, which is there already in ALTER TABLE t ADD a INT")]
    [InlineData("ALTER TABLE t ADD x INT COMMENT 'never closed", "a quote is not closed in ALTER TABLE t ADD x INT COMMENT 'never closed")]
    [InlineData("CREATE OR REPLACE TABLE t SELECT 1 AS x", "the columns come from a SELECT in CREATE OR REPLACE TABLE t SELECT 1 AS x")]
    public void What_is_not_understood_leaves_the_table_unverified(string sql, string reason)
    {
        var world = new ShapeWorld();
        world.Apply(Made);

        world.Apply(sql);

        Assert.Equal($"{Shape}; unverified: {reason}", world.Shape());
    }

    [Fact]
    public void Random_words_are_parsed_or_refused()
    {
        string[] words =
        [
            "CREATE", "TABLE", "t", "(", ")", ",", "ALTER", "ADD", "DROP", "id", "INT", "PRIMARY", "KEY", "`x`", "'s'", "5", "DEFAULT", "NOT", "NULL", "MODIFY", "CHANGE", "RENAME",
            "TO", "AFTER", "FIRST", "ENUM", "VARCHAR", "CHARACTER", "SET", "latin1", "/*!", "*/", "/*", "--", "PARTITION", "BY", "IF", "EXISTS", "=", ".", "GENERATED", "ALWAYS", "AS", "\"",
        ];
        var random = new Random(4);
        var understood = 0;
        for (var round = 0; round < 20_000; round++)
        {
            var sql = (round % 2 == 0 ? "ALTER TABLE t " : "CREATE TABLE t (") + string.Join(' ', Enumerable.Range(0, random.Next(14)).Select(_ => words[random.Next(words.Length)]));
            try
            {
                DdlParser.Parse(sql, new() { IsMariaDb = true, Version = 101_100 }, "d", static _ => true);
                understood++;
            }
            catch (DdlUnclearException)
            {
                continue; // what it promises
            }
        }

        Assert.InRange(understood, 1, 20_000);
    }
}
