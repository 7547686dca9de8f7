using Leat.Changes;
using Leat.Connectors.PostgreSql.Apply;
using Leat.Connectors.PostgreSql.Tables;
using Npgsql;

namespace Leat.Connectors.PostgreSql;

/// <summary>Looks at everything that delivery needs, and changes nothing.</summary>
internal sealed class PostgreSqlCheck(string owner, PostgreSqlSinkOptions options, TargetTables tables, NpgsqlConnection connection, List<Finding> findings)
{
    private static readonly string[] TableRights = ["SELECT", "INSERT", "UPDATE", "DELETE"];

    /// <summary>Whether the schema is there.</summary>
    public static async ValueTask<bool> HasNamespaceAsync(NpgsqlConnection connection, string name, CancellationToken cancellationToken) =>
        (await TargetTable.RowsAsync(connection, "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1", row => row.GetInt32(0), cancellationToken, name)).Length > 0;

    /// <summary>Looks.</summary>
    public async ValueTask RunAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken)
    {
        var user = Sql.Name((await TargetTable.RowsAsync(connection, "SELECT current_user::text", row => row.GetString(0), cancellationToken))[0]);
        if (!await HasNamespaceAsync(connection, options.Namespace, cancellationToken))
        {
            await LookForNamespaceAsync(user, cancellationToken);
            return;
        }

        var problems = findings.Count;
        var mayCreate = await MayAsync("SELECT pg_catalog.has_schema_privilege($1, $2)", user, $"SCHEMA {Sql.Name(options.Namespace)}", ["USAGE"], options.Namespace, cancellationToken)
            && await CanCreateAsync(cancellationToken);
        await LookAtAsync(new TableName(options.Namespace, LanePositions.TableName), user, mayCreate, cancellationToken);
        foreach (var shape in DocumentPart.Combine(shapes))
            await LookAtAsync(shape, user, mayCreate, cancellationToken);
        if (findings.Count == problems || findings.Skip(problems).All(finding => finding.Check != "grants"))
            findings.Add(Finding.Ok("grants", $"{user} may write in {options.Database}."));
    }

    private async ValueTask LookForNamespaceAsync(string user, CancellationToken cancellationToken)
    {
        if (options.Schema is SchemaMode.None or SchemaMode.Validate)
            findings.Add(Finding.Error("target schema", PostgreSqlErrors.NamespaceMissing(owner, options.Namespace)));
        else if (await AllowsAsync("SELECT pg_catalog.has_database_privilege($1, $2)", options.Database, "CREATE", cancellationToken))
            findings.Add(Finding.Ok("target schema", $"{options.Namespace} will be created: CREATE SCHEMA {Sql.Name(options.Namespace)}"));
        else
            findings.Add(PostgreSqlErrors.GrantsMissing(user, $"DATABASE {Sql.Name(options.Database)}", "CREATE"));
    }

    private async ValueTask LookAtAsync(Shape shape, string user, bool mayCreate, CancellationToken cancellationToken)
    {
        var table = tables.TableOf(shape);
        var found = await TargetTable.ReadAsync(connection, table, cancellationToken);
        var fit = TableFit.Of(owner, shape, table, found, tables.Ddl, options.Schema);
        if (fit.Problem is { } problem)
            findings.Add(Finding.Error("target table", problem));
        else if (fit.Statements.IsEmpty)
            findings.Add(Finding.Ok("target table", $"{table} fits."));
        else
            findings.Add(Finding.Ok("target table", $"{table} will be {(found is null ? "created" : "changed")}: {string.Join("; ", fit.Statements)}"));
        if (found is not null && fit is { Problem: null, Statements.IsEmpty: true } && PartTable.Problem(owner, shape, table, found) is { } parts)
            findings.Add(Finding.Error("target table", parts));
        if (found is null)
        {
            if (fit.Problem is null && !mayCreate)
                findings.Add(PostgreSqlErrors.GrantsMissing(user, $"SCHEMA {Sql.Name(options.Namespace)}", "CREATE"));
            return;
        }

        await MayAsync("SELECT pg_catalog.has_table_privilege($1, $2)", user, $"TABLE {Sql.Name(table)}", TableRights, Sql.Name(table), cancellationToken);
        if (found.ForeignKeys.FirstOrDefault(key => key.Child == found.Oid) is { } foreignKey)
            findings.Add(options.IsTransactional ? PostgreSqlErrors.ForeignKeyWhileRead(table, foreignKey.Name) : PostgreSqlErrors.HasForeignKey(table, foreignKey.Name));
    }

    private async ValueTask LookAtAsync(TableName table, string user, bool mayCreate, CancellationToken cancellationToken)
    {
        if (await TargetTable.ReadAsync(connection, table, cancellationToken) is not null)
            await MayAsync("SELECT pg_catalog.has_table_privilege($1, $2)", user, $"TABLE {Sql.Name(table)}", TableRights, Sql.Name(table), cancellationToken);
        else if (!mayCreate)
            findings.Add(PostgreSqlErrors.GrantsMissing(user, $"SCHEMA {Sql.Name(options.Namespace)}", "CREATE"));
    }

    private ValueTask<bool> CanCreateAsync(CancellationToken cancellationToken) =>
        AllowsAsync("SELECT pg_catalog.has_schema_privilege($1, $2)", options.Namespace, "CREATE", cancellationToken);

    private async ValueTask<bool> MayAsync(string question, string user, string scope, string[] rights, string name, CancellationToken cancellationToken)
    {
        var missing = new List<string>();
        foreach (var right in rights)
        {
            if (!await AllowsAsync(question, name, right, cancellationToken))
                missing.Add(right);
        }

        if (missing.Count > 0)
            findings.Add(PostgreSqlErrors.GrantsMissing(user, scope, string.Join(", ", missing)));
        return missing.Count == 0;
    }

    private async ValueTask<bool> AllowsAsync(string question, string name, string right, CancellationToken cancellationToken) =>
        (await TargetTable.RowsAsync(connection, question, row => row.GetBoolean(0), cancellationToken, name, right))[0];
}
