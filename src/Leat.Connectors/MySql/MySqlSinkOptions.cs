using Leat.Changes.Configuration;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

/// <summary>In which transactions a MySQL sink writes.</summary>
public enum ApplyBy
{
    /// <summary>Several lanes beside each other, each with the order of its own keys.</summary>
    Lanes = 0,

    /// <summary>One lane, whose transactions are whole transactions of the source, in their order.</summary>
    Transactions = 1,
}

/// <summary>What a MySQL sink does about tables that do not fit what is delivered.</summary>
public enum SchemaMode
{
    /// <summary>Runs no DDL and looks at no types: the server's errors tell.</summary>
    None = 0,

    /// <summary>Runs no DDL; what does not fit stops the pipeline with the statement that mends it.</summary>
    Validate = 1,

    /// <summary>Creates what is missing; tables that are there must have the columns.</summary>
    Create = 2,

    /// <summary>Creates what is missing, adds columns, widens types and drops NOT NULL. Never drops, renames or narrows anything.</summary>
    Evolve = 3,
}

/// <summary>Settings of a MySQL, MariaDB or TiDB sink.</summary>
public sealed record MySqlSinkOptions
{
    /// <summary>Operations of one batch by default, see <see cref="FlushOperations"/>.</summary>
    public const int DefaultFlushOperations = 1_000;

    /// <summary>Bytes of one batch by default, see <see cref="FlushBytes"/>.</summary>
    public const int DefaultFlushBytes = 1024 * 1024;

    private static readonly string[] Schemas = ["none", "validate", "create", "evolve"]; // in the order of SchemaMode
    private static readonly string[] Applies = ["lanes", "transactional"]; // in the order of ApplyBy

    /// <summary>The server.</summary>
    public required MySqlEndpoint Endpoint { get; init; }

    /// <summary>The database that the tables are in. Required.</summary>
    public required string Database { get; init; }

    /// <summary>What is done about tables that do not fit. Default: missing ones are created, so that the first start needs no preparation; nothing that is there is touched.</summary>
    public SchemaMode Schema { get; init; } = SchemaMode.Create;

    /// <summary>In which transactions is written. Default: lanes beside each other, which is faster.</summary>
    public ApplyBy Apply { get; init; }

    /// <summary>Most operations of one transaction, 1 to 100,000. Default 1,000: worth the commit, and short enough for other sessions to wait for.</summary>
    public int FlushOperations { get; init; } = DefaultFlushOperations;

    /// <summary>Most bytes of rows of one transaction, 64 KiB to 64 MiB. Default 1 MiB: far below what a server takes as one packet.</summary>
    public int FlushBytes { get; init; } = DefaultFlushBytes;

    /// <summary>Reads the block and notes its problems.</summary>
    public static MySqlSinkOptions Read(ConfigReader reader)
    {
        var options = new MySqlSinkOptions
        {
            Endpoint = EndpointSettings.Read(reader),
            Database = reader.RequiredText("database", "shop_copy"),
            Schema = ReadSchema(reader),
            Apply = (ApplyBy)Array.IndexOf(Applies, reader.Choice("apply", Applies[0], Applies)),
        };
        if (reader.Map("flush") is { } flush)
        {
            const long LeastBytes = 64 * 1024;
            options = options with
            {
                FlushOperations = flush.Int("operations", DefaultFlushOperations, 1, 100_000),
                FlushBytes = (int)flush.Size("bytes", DefaultFlushBytes, LeastBytes, MySqlConnection.MaxPacketBytes),
            };
            flush.Done();
        }

        reader.Done();
        return options;
    }

    // create_tables is the older name for two of the four.
    private static SchemaMode ReadSchema(ConfigReader reader)
    {
        var older = reader.Bool("create_tables", true) ? SchemaMode.Create : SchemaMode.Validate;
        if (reader.Has("create_tables") && reader.Has("schema"))
            reader.Invalid("create_tables", "nothing beside 'schema', which it is an older name for");
        return (SchemaMode)Array.IndexOf(Schemas, reader.Choice("schema", Schemas[(int)older], Schemas));
    }
}
