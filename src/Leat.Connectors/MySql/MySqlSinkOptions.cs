using Leat.Changes.Configuration;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

/// <summary>Settings of a MySQL or MariaDB sink.</summary>
public sealed record MySqlSinkOptions
{
    /// <summary>The server.</summary>
    public required MySqlEndpoint Endpoint { get; init; }

    /// <summary>The database that the tables are in. Required.</summary>
    public required string Database { get; init; }

    /// <summary>Whether missing tables are created. Default true: the first start needs no preparation.</summary>
    public bool CreateTables { get; init; } = true;

    /// <summary>Reads the block and notes its problems.</summary>
    public static MySqlSinkOptions Read(ConfigReader reader)
    {
        var options = new MySqlSinkOptions
        {
            Endpoint = EndpointSettings.Read(reader) with { MultiStatements = true },
            Database = reader.RequiredText("database", "shop_copy"),
            CreateTables = reader.Bool("create_tables", true),
        };
        reader.Done();
        return options;
    }
}
