using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Apply;

/// <summary>How the values of a row that meets one with its key are named in <c>ON DUPLICATE KEY UPDATE</c>.</summary>
internal enum UpsertForm
{
    /// <summary><c>VALUES(column)</c>: everywhere, but deprecated by MySQL 8.0.20.</summary>
    Function = 0,

    /// <summary><c>VALUES (…) AS new … column = new.column</c>: MySQL 8.0.19 and newer, and nobody else.</summary>
    Alias = 1,
}

/// <summary>What a target's server takes.</summary>
/// <param name="Upsert">Its form of an upsert.</param>
/// <param name="KeyCollation">The collation for text keys of tables that we create: one that compares every byte, trailing spaces too, where there is one.</param>
/// <param name="MaxPacketBytes">Most bytes of one command, <c>max_allowed_packet</c>.</param>
internal sealed record TargetServer(UpsertForm Upsert, string KeyCollation, int MaxPacketBytes)
{
    /// <summary>Compares by bytes but for trailing spaces; every server has it.</summary>
    public const string PaddedCollation = "utf8mb4_bin";

    // Of these a server has one at most: MariaDB since 10.2 the first, MySQL since 8.0.17 and TiDB since 7.4 the second.
    private static readonly string[] ExactCollations = ["utf8mb4_nopad_bin", "utf8mb4_0900_bin"];

    // Who speaks the protocol and tells a version of MySQL's without being it. Source: the products' own documents on VERSION().
    private static readonly string[] OtherProducts = ["MariaDB", "TiDB", "OceanBase", "Vitess", "SingleStore", "StarRocks", "Doris", "PolarDB", "TDDL", "aurora"];

    private static readonly Version FirstWithAlias = new(8, 0, 19);

    /// <summary>Asks the server.</summary>
    public static async ValueTask<TargetServer> ReadAsync(MySqlConnection connection, CancellationToken cancellationToken)
    {
        string version;
        string comment;
        int packet;
        await using (var rows = await connection.QueryAsync("SELECT VERSION(), @@version_comment, @@max_allowed_packet", cancellationToken))
        {
            await rows.ReadRowAsync(cancellationToken);
            (version, comment, packet) = (rows.Text(0) ?? "", rows.Text(1) ?? "", (int)Math.Min(rows.Number(2), int.MaxValue));
        }

        var exact = await TargetTable.ColumnAsync(
            connection,
            $"SELECT COLLATION_NAME FROM information_schema.COLLATIONS WHERE COLLATION_NAME IN ({string.Join(", ", ExactCollations.Select(Sql.Text))})",
            cancellationToken);
        return new(UpsertOf(version, comment), exact.FirstOrDefault(PaddedCollation), packet);
    }

    /// <summary>The form that a server takes, by its <c>VERSION()</c> and <c>@@version_comment</c>: the product decides, its number alone says nothing.</summary>
    public static UpsertForm UpsertOf(string version, string comment)
    {
        foreach (var product in OtherProducts)
        {
            if (version.Contains(product, StringComparison.OrdinalIgnoreCase) || comment.Contains(product, StringComparison.OrdinalIgnoreCase))
                return UpsertForm.Function;
        }

        return ServerFacts.TryReadVersion(version, out var numbers) && numbers >= FirstWithAlias ? UpsertForm.Alias : UpsertForm.Function;
    }

    /// <summary>Whether two texts that differ in a byte are never one under a collation.</summary>
    public static bool IsExact(string collation) =>
        collation == "binary" || collation.EndsWith("_nopad_bin", StringComparison.Ordinal) || collation.EndsWith("_0900_bin", StringComparison.Ordinal);
}
