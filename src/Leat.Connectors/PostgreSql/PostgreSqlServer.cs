using System.Globalization;
using Leat.Connectors.PostgreSql.Wire;
using Npgsql;

namespace Leat.Connectors.PostgreSql;

/// <summary>Opens connections to one database.</summary>
internal sealed class PostgreSqlServer(PostgreSqlSinkOptions options) : IAsyncDisposable
{
    private readonly Lazy<NpgsqlDataSource> _source = new(() =>
    {
        var builder = new NpgsqlDataSourceBuilder(options.ConnectionString());
#pragma warning disable NPG9001 // see RawParameter
        builder.AddTypeInfoResolverFactory(new RawParameterFactory());
#pragma warning restore NPG9001
        return builder.Build();
    });

    // Every statement finds its rows by a unique index, however small or unknown the table was when it was planned, and is planned once.
    private string Session => string.Create(
        CultureInfo.InvariantCulture,
        $"SET default_transaction_isolation = 'read committed'; SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; SET lock_timeout = {options.LockTimeout.TotalMilliseconds:F0}; SET timezone = 'UTC'; SET client_min_messages = error");

    /// <summary>Opens one for reading the catalog and whole tables.</summary>
    public ValueTask<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken) => _source.Value.OpenConnectionAsync(cancellationToken);

    /// <summary>Opens one for statements by key.</summary>
    public async ValueTask<NpgsqlConnection> OpenByKeyAsync(CancellationToken cancellationToken)
    {
        var connection = await OpenAsync(cancellationToken);
        try
        {
            await using var command = new NpgsqlCommand(Session, connection);
            await command.ExecuteNonQueryAsync(cancellationToken);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_source.IsValueCreated)
            await _source.Value.DisposeAsync();
    }
}
