using System.Text;
using Leat.Connectors.MySql.Wire;
using Leat.Connectors.Simulator;

namespace Leat.Demo;

/// <summary>Plays the shop's transactions on a real MariaDB: every INSERT, UPDATE and DELETE, key changes and rollbacks included.</summary>
public sealed class ShopTraffic : IAsyncDisposable
{
    private const int RowsPerInsert = 500;

    private readonly MySqlConnection _connection;
    private readonly ShopWorkload _shop;
    private readonly TimeProvider _time;
    private long _rows;
    private long _transactions;

    private ShopTraffic(MySqlConnection connection, ShopWorkload shop, TimeProvider time)
    {
        _connection = connection;
        _shop = shop;
        _time = time;
    }

    /// <summary>Row changes committed so far, without the first filling.</summary>
    public long Rows => Interlocked.Read(ref _rows);

    /// <summary>Transactions committed or rolled back so far.</summary>
    public long Transactions => Interlocked.Read(ref _transactions);

    /// <summary>Connects; the server's shop is still empty or missing.</summary>
    /// <param name="endpoint">An account that may create the shop's tables and write to them.</param>
    /// <param name="seed">Decides everything that happens.</param>
    /// <param name="customers">Size of the shop, 1 to 1,000,000.</param>
    /// <param name="time">Paces the transactions.</param>
    /// <param name="cancellationToken">Ends the connecting.</param>
    public static async Task<ShopTraffic> OpenAsync(
        MySqlEndpoint endpoint, ulong seed, int customers, TimeProvider time, CancellationToken cancellationToken)
    {
        // A whole transaction is one round trip.
        var connection = await MySqlConnection.OpenAsync(endpoint with { MultiStatements = true }, time, cancellationToken);
        await connection.ExecuteAsync(ShopSql.Session, cancellationToken);
        return new(connection, new(seed, customers), time);
    }

    /// <summary>Creates the tables and the rows that the shop opens with, in one transaction.</summary>
    public async Task FillAsync(CancellationToken cancellationToken)
    {
        foreach (var statement in ShopSchema.Ddl)
            await _connection.ExecuteAsync(statement, cancellationToken);
        await _connection.ExecuteAsync("START TRANSACTION", cancellationToken);
        foreach (var rows in ShopSchema.Tables.SelectMany(table => _shop.Rows(table).Chunk(RowsPerInsert)))
            await _connection.ExecuteAsync(ShopSql.InsertMany(rows), cancellationToken);
        await _connection.ExecuteAsync("COMMIT", cancellationToken);
    }

    /// <summary>Plays transactions until asked to stop; the open one is completed first.</summary>
    /// <param name="perSecond">Transactions a second; <see langword="null"/>: as fast as the server takes them.</param>
    /// <param name="stopping">Asks to stop.</param>
    public async Task RunAsync(int? perSecond, CancellationToken stopping)
    {
        var started = _time.GetTimestamp();
        var played = 0L;
        while (!stopping.IsCancellationRequested)
        {
            await PlayAsync(_shop.Next());
            played++;
            if (perSecond is not { } rate)
                continue;
            var ahead = TimeSpan.FromSeconds((double)played / rate) - _time.GetElapsedTime(started);
            if (ahead > TimeSpan.Zero)
                await Task.Delay(ahead, _time, stopping).ContinueWith(static _ => { }, TaskScheduler.Default); // being asked to stop is no failure
        }
    }

    /// <summary>Disconnects.</summary>
    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    // Never cancelled half-way: the shop in memory and the one in the server stay the same.
    private async Task PlayAsync(ShopTransaction transaction)
    {
        var sql = new StringBuilder("START TRANSACTION");
        foreach (var change in transaction.Changes)
            sql.Append(";\n").Append(ShopSql.Render(change));
        sql.Append(transaction.RolledBack ? ";\nROLLBACK" : ";\nCOMMIT");
        await _connection.ExecuteAsync(sql.ToString(), CancellationToken.None);
        Interlocked.Increment(ref _transactions);
        if (!transaction.RolledBack)
            Interlocked.Add(ref _rows, transaction.Changes.Count);
    }
}
