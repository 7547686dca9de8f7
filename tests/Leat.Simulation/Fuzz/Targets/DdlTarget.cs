using System.Text;
using Leat.Connectors.MySql.Ddl;

namespace Leat.Simulation.Fuzz.Targets;

/// <summary>Statements that define tables, as any session may have written them.</summary>
internal sealed class DdlTarget : FuzzTarget
{
    public override string Name => "mysql-ddl";

    public override long BytesEach => 1024;

    public override IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. new[]
        {
            "CREATE TABLE ", "ALTER TABLE ", "RENAME TABLE ", "DROP TABLE ", "ADD COLUMN ", "MODIFY ", "CHANGE ", "PRIMARY KEY (", "CHARACTER SET ", "latin1", "ENUM('a')", "/*!50100 ", "/*M! ", "*/", "-- ",
            " AFTER ", " FIRST", "`t`", " VARCHAR(9)", " INT UNSIGNED", " DEFAULT ", "GENERATED ALWAYS AS (", "CONVERT TO ", "FOREIGN KEY (a) REFERENCES p (b) ON DELETE CASCADE", "PARTITION BY ",
        }.Select(Encoding.ASCII.GetBytes),
    ];

    public override IEnumerable<byte[]> Seeds() =>
    [
        [.. "CREATE TABLE `d`.`t` (id INT UNSIGNED NOT NULL AUTO_INCREMENT, v VARCHAR(20) COLLATE latin1_bin DEFAULT 'x', e ENUM('a','b'), PRIMARY KEY (id), KEY k (v(3))) ENGINE=InnoDB CHARSET=utf8mb4"u8],
        [.. "ALTER TABLE t ADD c INT FIRST, DROP d, CHANGE a b TEXT AFTER c, CONVERT TO CHARACTER SET latin1, ALGORITHM=INPLACE"u8],
        [.. "/*!50100 ALTER TABLE t ADD (x DECIMAL(10,2), y DATE) */ -- end"u8], [.. "RENAME TABLE t TO _t_del, _t_gho TO t"u8], [.. "CREATE TABLE t LIKE u"u8],
    ];

    public override void Run(byte[] input)
    {
        var text = Encoding.UTF8.GetString(input);
        var dialect = new SqlDialect { IsMariaDb = input.Length % 2 == 0, Version = 101_100, AnsiQuotes = input.Length % 3 == 0 };
        try
        {
            var statement = DdlParser.Parse(text, dialect, "d", static _ => true);
            if (statement is CreateTable create)
                Promise(TableEditor.Create(create, "utf8mb4", dialect).ToTable().Columns.Length == create.Columns.Length, "a column of a table that is created is lost");
        }
        catch (DdlUnclearException)
        {
            return; // declared: what is not understood leaves its table unverified
        }
    }
}
