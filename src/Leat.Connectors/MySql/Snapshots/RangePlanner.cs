using System.Collections.Immutable;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Snapshots;

/// <summary>Cuts a table into parts by asking for the key so many rows on, always one part ahead, so that several readers can read one table.</summary>
/// <remarks>A part ends at a key, not at a row count: rows that come and go later move no border, and every key lies in exactly one part.</remarks>
internal sealed class RangePlanner(Func<CancellationToken, ValueTask<MySqlConnection>> open) : IAsyncDisposable
{
    private MySqlConnection? _connection;
    private TableWork? _table;
    private MySqlTable? _shape;
    private Task<ImmutableArray<string>>? _end;

    /// <summary>Takes the next part of a table, and begins to look for the one after it.</summary>
    /// <param name="work">A table with a <see cref="TableWork.Next"/>.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="rows">Rows of a part.</param>
    /// <param name="cancellationToken">Ends the asking.</param>
    public async ValueTask<KeyRange> TakeAsync(TableWork work, MySqlTable shape, int rows, CancellationToken cancellationToken)
    {
        var after = work.Next ?? [];
        if (!ReferenceEquals(_table, work) || !ReferenceEquals(_shape, shape))
            await ForgetAsync();
        var end = await (_end ?? EndAsync(shape, after, work.Where, rows, cancellationToken));
        (_table, _shape, _end) = (work, shape, null);
        work.Next = end.IsEmpty ? null : end;
        if (!end.IsEmpty)
            _end = EndAsync(shape, end, work.Where, rows, cancellationToken);
        return new(after, end);
    }

    /// <summary>Drops what was found ahead: the table has changed.</summary>
    public async ValueTask ForgetAsync()
    {
        var ahead = _end;
        (_table, _shape, _end) = (null, null, null);
        if (ahead is null)
            return;
        try
        {
            await ahead;
        }
        catch (MySqlServerException)
        {
            // The table changed under the query; its answer is not wanted any more.
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_connection is not null)
            await _connection.DisposeAsync(); // a query under way fails, and nobody waits for it
        if (_end is not null)
            await _end.ContinueWith(static ended => ended.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    private async Task<ImmutableArray<string>> EndAsync(
        MySqlTable shape, ImmutableArray<string> after, string? where, int rows, CancellationToken cancellationToken)
    {
        if (_connection is not { IsUsable: true })
            _connection = await open(cancellationToken);
        await using var found = await _connection.QueryAsync(KeysetPages.EndOfPage(shape, after, where, rows), cancellationToken);
        if (!await found.ReadRowAsync(cancellationToken))
            return [];
        return [.. shape.Schema.Key.Select((ordinal, i) => TextRow.KeyText(shape.Columns[ordinal].Schema, found.Value(i)))];
    }
}
