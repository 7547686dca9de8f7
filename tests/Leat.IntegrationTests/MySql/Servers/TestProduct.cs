using Leat.Demo;

namespace Leat.IntegrationTests.MySql.Servers;

/// <summary>The servers that capture is tried on. Tests ask for a product's features, never for an exact version: MySQL 9 moves with Debian's newest suite.</summary>
public enum TestProduct
{
    /// <summary>MariaDB 10.11 or whatever this machine has installed: GTIDs always, FULL row metadata.</summary>
    MariaDb = 1,

    /// <summary>MariaDB 11.8: events inside a transaction carry position 0; VECTOR, UUID and INET types.</summary>
    MariaDb11 = 2,

    /// <summary>MySQL 5.6: no row metadata, no GTIDs unless asked for, mysql_native_password.</summary>
    MySql56 = 3,

    /// <summary>MySQL 9: caching_sha2_password, TLS by itself, GTIDs (switched on here), FULL row metadata (switched on here).</summary>
    MySql9 = 4,
}

/// <summary>How a product's server program is found, and started.</summary>
internal sealed record ServerProgram
{
    /// <summary>How messages name it.</summary>
    public required string Name { get; init; }

    /// <summary>A fresh data folder to copy.</summary>
    public required string Template { get; init; }

    /// <summary>The program with what must stand before the settings.</summary>
    public required string[] Command { get; init; }

    /// <summary>Settings that this product needs or knows.</summary>
    public required string[] Arguments { get; init; }

    private static string Cache => Path.Combine(
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache ? cache : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
        "leat", "servers");

    /// <summary>Whether the product is there, so that a test can be skipped before it begins.</summary>
    public static bool IsInstalled(TestProduct product) => product == TestProduct.MariaDb ? PrivateMariaDb.IsInstalled : Directory.Exists(FolderOf(product));

    /// <summary>Where and how to start a product that is installed.</summary>
    public static async Task<ServerProgram> FindAsync(TestProduct product) => product switch
    {
        TestProduct.MariaDb => new()
        {
            Name = "MariaDB", Template = await TestRunFolder.MariaDbTemplateAsync(), Command = [ProgramRun.Require("mariadbd", "mariadb-server-core"), "--no-defaults"],
            Arguments = MariaDbArguments,
        },
        TestProduct.MariaDb11 => Unpacked("MariaDB 11.8", product, "mariadbd", "mariadb", MariaDbArguments),
        TestProduct.MySql9 => Unpacked("MySQL 9", product, "mysqld", "mysql",
        [
            "--binlog-row-metadata=FULL", "--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--secure-file-priv=NULL", "--mysqlx=OFF",
            "--innodb-redo-log-capacity=32M", "--innodb-doublewrite=OFF",
        ]),
        _ => OldMySql(),
    };

    /// <summary>What to say of a product that is not installed.</summary>
    public static string Missing(TestProduct product) =>
        product == TestProduct.MariaDb ? "MariaDB" : $"{Path.GetFileName(FolderOf(product))} (tests/servers fetches it into {Cache})";

    private static string[] MariaDbArguments => ["--binlog-row-metadata=FULL", "--gtid-strict-mode=1", "--innodb-log-file-size=48M"];

    private static string FolderOf(TestProduct product) => Path.Combine(Cache, product switch
    {
        TestProduct.MariaDb11 => "mariadb-11.8",
        TestProduct.MySql9 => "mysql-9",
        TestProduct.MySql56 => "mysql-5.6",
        _ => "mariadb",
    });

    // Unpacked packages bring the C library that they were built for: their own loader starts them.
    private static ServerProgram Unpacked(string name, TestProduct product, string program, string share, string[] arguments)
    {
        var root = Path.Combine(FolderOf(product), "root");
        var libraries = Directory.GetDirectories(Path.Combine(root, "usr", "lib"), "*-linux-gnu*").Single();
        var loader = Directory.GetFiles(libraries, "ld-linux-*.so.*").Single();
        var shared = Path.Combine(root, "usr", "share", share);
        return new()
        {
            Name = name,
            Template = Path.Combine(FolderOf(product), "data"),
            Command = [loader, "--library-path", libraries, Path.Combine(root, "usr", "sbin", program), "--no-defaults"],
            Arguments =
            [
                $"--basedir={Path.Combine(root, "usr")}", $"--plugin-dir={Path.Combine(root, "usr", "lib", "mysql", "plugin")}",
                $"--lc-messages-dir={shared}", $"--character-sets-dir={Path.Combine(shared, "charsets")}", .. arguments,
            ],
        };
    }

    private static ServerProgram OldMySql()
    {
        var folder = FolderOf(TestProduct.MySql56);
        var root = Path.Combine(folder, "root");
        return new()
        {
            Name = "MySQL 5.6",
            Template = Path.Combine(folder, "data"),
            Command = ["env", $"LD_LIBRARY_PATH={root}", Path.Combine(root, "mysqld"), "--no-defaults"],
            Arguments =
            [
                $"--basedir={root}", $"--lc-messages-dir={Path.Combine(root, "share")}", $"--character-sets-dir={Path.Combine(root, "share", "charsets")}",
                "--innodb-log-file-size=8M", "--explicit-defaults-for-timestamp=1", "--sql-mode=NO_ENGINE_SUBSTITUTION,STRICT_TRANS_TABLES",
            ],
        };
    }
}
