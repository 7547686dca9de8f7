using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.CompilerServices;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Shapes;
using Leat.Connectors.MySql.Snapshots;
using Leat.Connectors.MySql.Wire;
using Microsoft.Extensions.Logging;

namespace Leat.Connectors.MySql;

/// <summary>Captures the changes of a MySQL or MariaDB server from its binlog, after a first snapshot without locks.</summary>
public sealed partial class MySqlSource : ISource
{
    private readonly MySqlSourceOptions _options;
    private readonly ConnectorContext _context;
    private readonly ILogger _log;
    private readonly uint _replicaId;
    private readonly SourceServer _server;
    private readonly SnapshotDesk _desk = new();
    private volatile bool _isDone;
    private volatile ShapeHistory? _shapes;
    private ImmutableArray<TableName> _captured = [];

    /// <summary>A source that is not connected yet.</summary>
    public MySqlSource(MySqlSourceOptions options, ConnectorContext context)
    {
        _options = options;
        _context = context;
        _log = context.Loggers.CreateLogger("Leat.MySql");
        _replicaId = context.IsBeside ? MySqlSourceOptions.DeriveServerId($"{context.Name} {Environment.ProcessId}", Environment.MachineName)
            : options.ServerId != 0 ? options.ServerId : MySqlSourceOptions.DeriveServerId(context.Name, Environment.MachineName);
        _server = new(context.Name, options, context.Time);
    }

    /// <summary>The key <c>mysql</c> under a source's name.</summary>
    public static SourceKind Kind { get; } = new("mysql", config =>
    {
        var options = MySqlSourceOptions.Read(config);
        config.Done();
        return context => new MySqlSource(options, context);
    });

    private string Owner => $"Source '{_context.Name}'";

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<Finding>> CheckAsync(CancellationToken cancellationToken) =>
        new MySqlCheck(_context.Name, _options, _context.Time, _replicaId).RunAsync(cancellationToken);

    /// <inheritdoc/>
    public async ValueTask RunAsync(SourceRun run, IChangeWriter writer, CancellationToken cancellationToken)
    {
        PauseException? gap = null;
        while (true)
        {
            var position = new MySqlPosition();
            try
            {
                await RunAsync(run, gap, position, writer, cancellationToken);
                return;
            }
            catch (Exception problem) when (problem is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
            {
                var told = Told(problem, position) ?? problem;
                if (gap is not null || told is not PauseException pause || !MySqlErrors.IsGap(pause) || !MayBeginAnew)
                    throw told;
                writer.Rollback();
                gap = pause;
            }
        }
    }

    /// <inheritdoc/>
    public ValueTask<SourcePosition> CurrentPositionAsync(CancellationToken cancellationToken) => WithConnectionAsync(
        async connection => new SourcePosition((await CurrentAsync(connection, cancellationToken)).ToString()), cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<SourcePosition> ParsePositionAsync(string text, CancellationToken cancellationToken)
    {
        if (text == "now")
            return await CurrentPositionAsync(cancellationToken);
        if (MySqlPosition.TryParse(text, out var position))
            return new(position.ToString());
        if (text.Length > 0 && Gtids.TryParse(text, out var gtids))
            return new(new MySqlPosition { Gtids = gtids }.ToString());
        if (IsTime(text, out var time))
            return await WithConnectionAsync(async connection => new SourcePosition((await AtTimeAsync(connection, time, cancellationToken)).ToString()), cancellationToken);
        throw MySqlErrors.PositionNotUnderstood(_context.Name, text);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<TableSchema>> TablesAsync(CancellationToken cancellationToken) => WithConnectionAsync<IReadOnlyList<TableSchema>>(
        async connection =>
        {
            var catalog = new MySqlCatalog(_options);
            await catalog.LoadAllAsync(connection, cancellationToken);
            return [.. catalog.Tables.Select(table => table.Schema)];
        },
        cancellationToken);

    /// <inheritdoc/>
    public async IAsyncEnumerable<SourceRow> ReadTableAsync(
        TableSchema table, SourcePosition? captured, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var connection = await WithConnectionAsync(ValueTask.FromResult, cancellationToken, keep: true);
        var catalog = new MySqlCatalog(_options);
        await catalog.LoadAsync(connection, table.Table, cancellationToken);
        if (catalog.Find(table.Table) is not { } shape)
            yield break; // dropped: it has no rows
        RequireReadable(shape);
        var buffer = new byte[64 * 1024];
        ImmutableArray<string> after = [];
        for (var isLast = false; !isLast;)
        {
            var count = 0;
            await using var rows = await connection.QueryAsync(KeysetPages.Query(shape, new(after, []), where: null, _options.SnapshotChunkRows), cancellationToken);
            while (await rows.ReadRowAsync(cancellationToken))
            {
                count++;
                var most = TextRow.MaxBytes(shape, rows.RowBytes);
                if (buffer.Length < most)
                    buffer = new byte[most];
                var length = TextRow.Encode(shape, rows, buffer);
                if (!shape.Schema.IsKeyless)
                    after = [.. shape.Schema.Key.Select(ordinal => TextRow.KeyText(shape.Columns[ordinal].Schema, rows.Value(ordinal)))];
                yield return new(shape.Schema, buffer.AsMemory(0, length));
            }

            isLast = shape.Schema.IsKeyless || count < _options.SnapshotChunkRows;
        }
    }

    /// <inheritdoc/>
    public ValueTask<bool[]> ExistingAsync(
        TableSchema table, IReadOnlyList<ReadOnlyMemory<byte>> rows, SourcePosition? captured, CancellationToken cancellationToken) =>
        WithConnectionAsync(
            async connection =>
            {
                var catalog = new MySqlCatalog(_options);
                await catalog.LoadAsync(connection, table.Table, cancellationToken);
                return catalog.Find(table.Table) is { } shape
                    ? await RowLookup.ExistingAsync(connection, shape, table, rows, cancellationToken)
                    : new bool[rows.Count]; // dropped: it has no rows
            },
            cancellationToken);

    /// <inheritdoc/>
    public bool ReadsAgain => true;

    /// <inheritdoc/>
    public IReadOnlyList<TableSnapshot> SnapshotsNow => _desk.Now;

    /// <inheritdoc/>
    public IReadOnlyList<UnverifiedTable> UnverifiedNow => _shapes?.Unverified ?? [];

    /// <inheritdoc/>
    public bool IsDone => _isDone;

    /// <inheritdoc/>
    public async ValueTask RequestSnapshotAsync(SnapshotRequest request, CancellationToken cancellationToken)
    {
        await WithConnectionAsync(
            async connection =>
            {
                await new SnapshotRequestCheck(_context.Name, _options).RequireAsync(connection, request, cancellationToken);
                return true;
            },
            cancellationToken);
        await _desk.RequestAsync(request).WaitAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<TableName>> CancelSnapshotAsync(ImmutableArray<TableName> tables, CancellationToken cancellationToken) =>
        await _desk.CancelAsync(tables).WaitAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    // After a gap: by itself when the file says so, or because somebody has asked for tables to be read again.
    private bool MayBeginAnew => _options.Snapshot == SnapshotMode.WhenNeeded || _desk.Waiting.Count > 0;

    private SnapshotSetting Setting => new()
    {
        Source = _context.Name,
        Options = _options,
        Desk = _desk,
        Open = _server.OpenAsync,
        ReadShapeAsync = ReadableShapeAsync,
        Time = _context.Time,
        Log = _log,
    };

    private async ValueTask RunAsync(
        SourceRun run, PauseException? gap, MySqlPosition position, IChangeWriter writer, CancellationToken cancellationToken)
    {
        await using var control = await _server.ChooseAsync(cancellationToken);
        var facts = await _server.ReadFactsAsync(control, cancellationToken);
        var catalog = new MySqlCatalog(_options);
        await LoadTablesAsync(catalog, control, cancellationToken);
        if (!facts.LogsWholeRows && catalog.Tables.FirstOrDefault(table => table.Schema.IsKeyless) is { } keyless)
            throw MySqlErrors.KeylessImage(_context.Name, _server.Endpoint, keyless.Name, facts.RowImage);
        var until = run.Until is { } end ? ReadPosition(end) : null;
        await using var beats = await HeartbeatRun.StartAsync(Setting, facts, _server.Endpoint, cancellationToken);
        await using var snapshot = new SnapshotRun(Setting, catalog, beats.Places);
        var watching = beats.Watch(snapshot, writer);
        var told = watching ?? writer;
        var hasNew = await BeginAsync(run.From, gap, position, facts, control, snapshot, catalog, writer, cancellationToken);
        beats.RequireFor(snapshot);
        var shapes = await ShapeServer.OpenAsync(_context.Name, _options, catalog, told, control, _log, cancellationToken);
        snapshot.Shapes = _shapes = shapes;
        if (run.From is null || gap is not null)
        {
            // From here on a restart begins here, not at a later now.
            shapes.Begin();
            position.Shapes = shapes.Newest;
            await writer.AdvanceAsync(position, moreInput: true, cancellationToken);
        }
        else
        {
            shapes.Restore(position.Shapes);
            foreach (var table in shapes.TellAsWanted())
            {
                snapshot.Add(table, where: null, isAgain: true);
                beats.RequireFor(snapshot);
                hasNew = true;
            }

            position.Shapes = shapes.Newest;
            position.SetSnapshot(snapshot.Cursor);
            if (hasNew)
                await writer.AdvanceAsync(position, moreInput: true, cancellationToken); // before a row of theirs makes them known
        }

        var only = run.SnapshotOnly || _options.Snapshot == SnapshotMode.Only;
        if (!snapshot.IsActive && (only || (until is not null && position.HasReached(until))))
        {
            _isDone = only;
            return;
        }

        // Heartbeats tell that the stream is at its end: what waits for a quiet stream (requests, the pace of a snapshot) waits no longer than this.
        var heartbeat = TimeSpan.FromMilliseconds(250);
        await using var stream = await _server.OpenAsync(cancellationToken);
        await DumpRequest.StartAsync(stream, facts, position, _replicaId, $"leat-{_context.Name}", heartbeat, cancellationToken);
        _log.Started(_context.Name, _server.Endpoint.Address, facts.ProductName, facts.VersionText, facts.ServerId, position.Place, _replicaId);
        MySqlMetrics.Start(_context.Name);
        using var decoder = new BinlogDecoder(_context.Name, position, shapes, told, checksums: facts.Checksum == "CRC32")
        {
            AdoptsGtids = facts.HasGtid,
            Watching = watching,
            Unread = new UnreadTables(_context.Name, snapshot, _log),
        };
        await using var events = new EventStream(_context.Name, _server.Endpoint, stream, told, Silence, _context.Time, cancellationToken);
        var sources = new ShapeSources(catalog, shapes);
        var earlier = new EarlierTransactions(_context.Name, _server.Endpoint, facts, _server, shapes, told, _context.Time, _log)
        {
            Silence = Silence,
            ReadShapeAsync = decoder => ReadShapeAsync(sources, decoder, cancellationToken),
        };
        await PumpAsync(events, decoder, snapshot, beats, until, only, sources, earlier, writer, told, cancellationToken);
    }

    private async ValueTask LoadTablesAsync(MySqlCatalog catalog, MySqlConnection connection, CancellationToken cancellationToken)
    {
        await catalog.LoadAllAsync(connection, cancellationToken);
        _captured = [.. catalog.Tables.Select(table => table.Name)];
        if (catalog.Tables.Count == 0)
            throw MySqlErrors.NoTables(_context.Name, _options.Tables);
        foreach (var table in catalog.Tables)
            RequireReadable(table);
    }

    // Tables are those of the stream's beginning when they were the same before it was chosen and after.
    private async ValueTask<bool> HaveChangedAsync(MySqlCatalog catalog, MySqlConnection connection, CancellationToken cancellationToken)
    {
        var before = catalog.Tables.Select(table => table.Schema).ToList();
        await LoadTablesAsync(catalog, connection, cancellationToken);
        return !before.SequenceEqual(catalog.Tables.Select(table => table.Schema));
    }

    private LostChanges Lost => new(_context.Name, _captured);

    private TimeSpan Silence => TimeSpan.FromSeconds(Math.Max(60, 3 * _options.Heartbeat.TotalSeconds));

    private async ValueTask PumpAsync(
        EventStream events, BinlogDecoder decoder, SnapshotRun snapshot, HeartbeatRun beats, MySqlPosition? until, bool only, ShapeSources shapes, EarlierTransactions earlier, IChangeWriter writer, IChangeWriter told,
        CancellationToken cancellationToken)
    {
        var position = decoder.Position;
        while (true)
        {
            while (snapshot.IsActive && !decoder.InTransaction && await snapshot.TryStepAsync(writer, position, cancellationToken))
            {
                if (snapshot.IsActive)
                    continue;
                _log.SnapshotOver(_context.Name, position.Place);
                _isDone = only;
                if (_isDone || (until is not null && position.HasReached(until)))
                    return;
            }

            var decoded = await events.NextAsync(decoder, oneOnly: snapshot.IsActive);
            if (decoder.TakeReadAgain() is { Count: > 0 } again)
            {
                foreach (var table in again)
                    snapshot.Add(table, where: null, isAgain: true);
                beats.RequireFor(snapshot);
                position.SetSnapshot(snapshot.Cursor);
            }

            switch (decoded)
            {
                case Decoded.Commit:
                    await told.CommitAsync(position, events.AskMore(), cancellationToken);
                    MySqlMetrics.Transaction(_context.Name);
                    break;
                case Decoded.Passed:
                    await told.AdvanceAsync(position, events.AskMore(), cancellationToken);
                    break;
                case Decoded.Prepared:
                    if (await decoder.Prepared.FinishAsync(cancellationToken))
                        goto case Decoded.Commit;
                    goto case Decoded.Passed;
                case Decoded.NeedShape:
                    await ReadShapeAsync(shapes, decoder, cancellationToken);
                    continue;
                case Decoded.NeedPrepared:
                    await earlier.ParkAsync(decoder, cancellationToken);
                    continue;
                default:
                    continue;
            }

            if (until is not null && !snapshot.IsActive && position.HasReached(until))
                return;
        }
    }

    private async ValueTask<MySqlTable?> ReadableShapeAsync(TableName table, CancellationToken cancellationToken)
    {
        await using var connection = await _server.OpenAsync(cancellationToken);
        var catalog = new MySqlCatalog(_options);
        await catalog.LoadAsync(connection, table, cancellationToken);
        if (catalog.Find(table) is not { } shape)
            return null;
        RequireReadable(shape);
        return shape;
    }

    private async ValueTask ReadShapeAsync(ShapeSources shapes, BinlogDecoder decoder, CancellationToken cancellationToken)
    {
        await using var connection = await _server.OpenAsync(cancellationToken);
        var table = decoder.WantedShape;
        await shapes.Catalog.LoadAsync(connection, table, cancellationToken);
        shapes.History.Read(table, isNow: decoder.HasPassed(await CurrentAsync(connection, cancellationToken)));
        _log.ShapeRead(_context.Name, table.ToString());
    }

    // True when tables are captured that were not before.
    private async ValueTask<bool> BeginAsync(
        SourcePosition? from, PauseException? gap, MySqlPosition position, ServerFacts facts, MySqlConnection control, SnapshotRun snapshot, MySqlCatalog catalog,
        IChangeWriter writer, CancellationToken cancellationToken)
    {
        var hasNew = false;
        if (from is { } resumed && gap is null)
        {
            position.CopyFrom(ReadPosition(resumed));
            await RequireAsync(control, facts, position, cancellationToken);
            snapshot.Resume(position.Snapshot);
            if (_options.Snapshot != SnapshotMode.Never)
                hasNew = AddNew(position, snapshot, catalog, writer);
        }
        else if (from is null && _options.Snapshot == SnapshotMode.Never)
        {
            position.CopyFrom(ReadPosition(await ParsePositionAsync(_options.Start, cancellationToken)));
            await RequireAsync(control, facts, position, cancellationToken);
        }
        else
        {
            do
                position.CopyFrom(await CurrentAsync(control, cancellationToken));
            while (await HaveChangedAsync(catalog, control, cancellationToken));
            if (from is { } lost)
                BeginAnew(gap?.What ?? "", ReadPosition(lost), position, snapshot, catalog);
            else
                BeginFirst(position, snapshot, catalog);
        }

        position.ServerId = facts.ServerId;
        position.SetServerUuid(facts.ServerUuid);
        position.SetCaptured(CapturedTables.Of(_options));
        position.SetSnapshot(snapshot.Cursor);
        return hasNew;
    }

    // Tables that were added to the file since: those that had been captured some time before may stand in the targets already.
    private bool AddNew(MySqlPosition position, SnapshotRun snapshot, MySqlCatalog catalog, IChangeWriter writer)
    {
        var added = CapturedTables.Added(position.Captured, _options, catalog.Tables.Select(table => table.Name)).ToList();
        foreach (var table in added)
        {
            _log.TableAdded(_context.Name, table.ToString());
            snapshot.Add(table, where: null, isAgain: writer.Shapes.Any(shape => shape.Value.Table == table));
        }

        return added.Count > 0;
    }

    private void BeginFirst(MySqlPosition position, SnapshotRun snapshot, MySqlCatalog catalog)
    {
        snapshot.BeginFirst();
        _log.SnapshotBegins(_context.Name, catalog.Tables.Count, position.Place);
    }

    // Changes are lost: goes on at the server's present, and reads again what may have changed meanwhile, or what a person asked for.
    private void BeginAnew(string reason, MySqlPosition lost, MySqlPosition now, SnapshotRun snapshot, MySqlCatalog catalog)
    {
        snapshot.Resume(lost.Snapshot);
        var all = _options.Snapshot == SnapshotMode.WhenNeeded;
        var tables = all ? [.. catalog.Tables.Select(table => table.Name)] : _desk.Waiting;
        _log.BeginsAnew(_context.Name, reason, now.Place, string.Join(", ", tables));
        if (!all)
            return; // the requests are taken from the desk
        foreach (var table in tables)
            snapshot.Add(table, where: null, isAgain: true);
    }

    private ValueTask RequireAsync(MySqlConnection control, ServerFacts facts, MySqlPosition position, CancellationToken cancellationToken) =>
        new ResumeCheck(Lost, _server.Endpoint, facts, control, new(_server.OpenAsync)).RequireAsync(position, cancellationToken);

    private static async ValueTask<MySqlPosition> CurrentAsync(MySqlConnection connection, CancellationToken cancellationToken) =>
        await ServerState.CurrentAsync(connection, await ServerFacts.ReadAsync(connection, cancellationToken), cancellationToken);

    private async ValueTask<MySqlPosition> AtTimeAsync(MySqlConnection connection, DateTimeOffset time, CancellationToken cancellationToken)
    {
        var facts = await _server.ReadFactsAsync(connection, cancellationToken);
        var search = new StartSearch(_context.Name, _server.Endpoint, facts, connection, new(_server.OpenAsync));
        return await search.FindAsync(time, _context.Time.GetUtcNow(), cancellationToken);
    }

    // A date with a time of day and its distance from UTC; without one, UTC is meant.
    private static bool IsTime(string text, out DateTimeOffset time) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time) && text.Contains(':', StringComparison.Ordinal) && text.Contains('-', StringComparison.Ordinal);

    private void RequireReadable(MySqlTable table)
    {
        MySqlErrors.ThrowIfRefused(_context.Name, table);
        if (table.Schema.Key.IsEmpty)
            throw MySqlErrors.NoPrimaryKey(_context.Name, table);
        if (table.Engine != "InnoDB")
            throw MySqlErrors.Engine(_context.Name, table);
    }

    private MySqlPosition ReadPosition(SourcePosition text) =>
        MySqlPosition.TryParse(text.Text, out var position) ? position : throw MySqlErrors.PositionNotUnderstood(_context.Name, text.Text);

    private async ValueTask<T> WithConnectionAsync<T>(
        Func<MySqlConnection, ValueTask<T>> use, CancellationToken cancellationToken, bool keep = false)
    {
        MySqlConnection? connection = null;
        var isKept = false;
        try
        {
            connection = await _server.ChooseAsync(cancellationToken);
            var result = await use(connection);
            isKept = keep;
            return result;
        }
        catch (Exception problem) when (problem is not OperationCanceledException)
        {
            throw Told(problem, new()) ?? problem;
        }
        finally
        {
            if (connection is not null && !isKept)
                await connection.DisposeAsync();
        }
    }

    private LeatException? Told(Exception problem, MySqlPosition position) =>
        MySqlErrors.Connection(Owner, _server.Endpoint, problem)
        ?? (problem is MySqlServerException server ? MySqlErrors.Stream(Lost, _server.Endpoint, position, _replicaId, server) : null);

    private sealed record ShapeSources(MySqlCatalog Catalog, ShapeHistory History);
}
