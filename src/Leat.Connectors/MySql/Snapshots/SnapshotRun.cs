using System.Collections.Immutable;
using Leat.Changes;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Shapes;
using Leat.Connectors.MySql.Wire;
using Microsoft.Extensions.Logging;

namespace Leat.Connectors.MySql.Snapshots;

/// <summary>Reads tables beside the stream, in chunks, by several connections, without locks, each chunk at its own place in the stream.</summary>
/// <remarks>
/// The pump opens a view for every idle reader, whose place in the binlog it knows exactly (MariaDB tells it) or between two marks (MySQL, see
/// <see cref="Heartbeat"/>). Then the stream goes on up to there while the readers read into memory; there it waits for the chunk if it must,
/// the chunk's rows are written as one transaction whose position carries the cursor, and the stream goes on. So no row of a chunk
/// is older or newer than the changes around it. A crash goes on with the parts that do not stand in the stream.
/// Everything here runs on the pump; only the readers' queries run beside it, two chunks at least at a time.
/// </remarks>
internal sealed class SnapshotRun : IAsyncDisposable
{
    private readonly SnapshotSetting _setting;
    private readonly MySqlSourceOptions _options;
    private readonly MySqlCatalog _catalog;
    private readonly SnapshotDesk _desk;
    private readonly IChunkPlaces _places;
    private readonly SnapshotPace _pace;
    private readonly RangePlanner _planner;
    private readonly SnapshotProgressNotes _notes;
    private readonly Stack<ChunkReader> _idle;
    private readonly List<Chunk> _chunks = [];
    private readonly List<TableWork> _works = [];
    private readonly int _readers;
    private bool _isFirst;
    private string _upTo = "";
    private int _done;
    private long _doneRows;

    /// <summary>A run of no tables.</summary>
    public SnapshotRun(SnapshotSetting setting, MySqlCatalog catalog, IChunkPlaces places)
    {
        _setting = setting;
        _options = setting.Options;
        _catalog = catalog;
        _desk = setting.Desk;
        _places = places;
        _readers = _options.SnapshotReaders;
        _pace = new(_options.SnapshotRate, setting.Time);
        _planner = new(setting.Open);
        _idle = new(Enumerable.Range(0, _readers).Select(_ => new ChunkReader(setting.Open, _options.SnapshotChunkBytes)));
        _notes = new(setting.Time);
    }

    /// <summary>The tables as the stream has them.</summary>
    public ShapeHistory? Shapes { get; set; }

    /// <summary>Whether anything is read, or waits to be.</summary>
    public bool IsActive => _isFirst || _works.Count > 0 || _desk.HasAny;

    /// <summary>Notes that something here changed a table, or <see langword="null"/>: any, which the stream does not tell. False when that is lost, because rows of it were read already or will not be.</summary>
    public bool TryPass(TableName? table)
    {
        if (!(table is { } one ? IsUnread(one) : _catalog.Tables.All(each => IsUnread(each.Name))))
            return false;
        foreach (var chunk in _chunks.Where(chunk => chunk.IsBetween && (table is null || chunk.Work.Table == table)))
            chunk.IsSpoiled = true;
        return true;
    }

    // All its rows will be read, and none has been: at places of the stream that are still to come.
    private bool IsUnread(TableName table) =>
        (_isFirst && string.CompareOrdinal(table.ToString(), _upTo) > 0) || _works.Exists(work => work.Table == table && work.Where is null && work.Cursor.IsWhole);

    /// <summary>The chunks under way, for whoever watches the stream.</summary>
    public IReadOnlyList<Chunk> Chunks => _chunks;

    /// <summary>Begins the first snapshot: all tables of the catalog.</summary>
    public void BeginFirst() => _isFirst = true;

    /// <summary>Goes on where a cursor stands, without tables that are not captured any more.</summary>
    public void Resume(SnapshotCursor? cursor)
    {
        if (cursor is null)
            return;
        (_isFirst, _upTo, _done, _doneRows) = (cursor.IsFirst, cursor.UpTo, cursor.Done, cursor.Rows);
        _works.AddRange(cursor.Tables.Where(table => _options.IsCaptured(table.Table)).Select(table => new TableWork(table)));
    }

    /// <summary>Adds a table; not when the first snapshot will come to it anyway, or it waits already.</summary>
    public void Add(TableName table, string? where, bool isAgain)
    {
        if (_isFirst && string.CompareOrdinal(table.ToString(), _upTo) > 0)
            return;
        var same = _works.FindIndex(work => work.Table == table && work.Where == where);
        if (same >= 0 && !_works[same].IsReading && _works[same].Rows == 0)
            return;
        _works.Add(new(new() { Table = table, Where = where, IsAgain = isAgain, Next = [] }));
    }

    /// <summary>How far everything is; <see langword="null"/> when there is nothing.</summary>
    public SnapshotCursor? Cursor => !_isFirst && _works.Count == 0
        ? null
        : new() { IsFirst = _isFirst, UpTo = _upTo, Done = _done, Rows = _doneRows, Tables = [.. _works.Select(work => work.Cursor)] };

    /// <summary>Does the next thing that can be done where the stream stands, between two transactions; false when the stream has to go on first.</summary>
    public async ValueTask<bool> TryStepAsync(IChangeWriter writer, MySqlPosition position, CancellationToken cancellationToken)
    {
        if (_desk.HasAny)
        {
            await TakeRequestsAsync(writer, position, cancellationToken);
            return true;
        }

        if (await TryBeginAsync(position, cancellationToken))
            return true;
        foreach (var passed in _chunks.Where(chunk => _places.IsPassed(chunk, position)).ToList())
            await GiveBackAsync(passed);
        var due = _chunks.Where(chunk => _places.IsDue(chunk, position)).ToList();
        if (due.Count > 0)
        {
            await Task.WhenAny(due.Select(chunk => chunk.Reading));
            await WriteAsync(due.First(chunk => chunk.Reading.IsCompleted), writer, position, cancellationToken);
            return true;
        }

        if (_chunks.Count > 0 || !IsActive || _works.Exists(work => work.HasMore) || HasNextFirst())
            return false;

        // All tables are read, or gone.
        EndTables(writer);
        await AdvanceAsync(writer, position, cancellationToken);
        return true;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var chunk in _chunks)
            _idle.Push(chunk.Reader);
        foreach (var reader in _idle)
            await reader.DisposeAsync();
        await _planner.DisposeAsync();
        foreach (var chunk in _chunks)
            _ = chunk.Reading.ContinueWith(static ended => ended.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        await _places.DisposeAsync();
    }

    private bool HasNextFirst() => _isFirst && NextFirst() is not null;

    private MySqlTable? NextFirst() => _catalog.Tables.FirstOrDefault(table => _options.IsCaptured(table.Name) && string.CompareOrdinal(table.Name.ToString(), _upTo) > 0);

    // Gives every idle reader a part, then opens the views together: they share the marks around them.
    private async ValueTask<bool> TryBeginAsync(MySqlPosition position, CancellationToken cancellationToken)
    {
        if (_idle.Count == 0 || !_pace.IsDue())
            return false;
        var begun = new List<Chunk>();
        while (_idle.Count > 0 && await TakePartAsync(cancellationToken) is { } part)
        {
            var chunk = new Chunk { Reader = _idle.Pop(), Work = part.Work, Shape = part.Shape, Range = part.Range, Alterations = part.Work.Alterations };
            begun.Add(chunk);
            _chunks.Add(chunk);
        }

        if (begun.Count == 0)
            return false;
        await _places.OpenAsync(begun, position, cancellationToken);
        foreach (var chunk in begun)
        {
            chunk.Order = new(chunk.Shape, chunk.Range, chunk.Work.Where, RowsOfChunk(chunk.Work), _options.SnapshotChunkBytes);
            chunk.Reading = chunk.Reader.ReadAsync(chunk.Order, cancellationToken);
        }

        return true;
    }

    private async ValueTask<(TableWork Work, MySqlTable Shape, KeyRange Range)?> TakePartAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var work = _works.Find(one => one.HasMore);
            if (work is null)
            {
                if (!_isFirst || NextFirst() is not { } next)
                    return null;
                _upTo = next.Name.ToString();
                _works.Add(work = new(new() { Table = next.Name, Next = [] }));
            }

            if (await ShapeOfAsync(work, cancellationToken) is not { } shape)
            {
                work.Drop();
                continue;
            }

            if (shape.Schema.IsKeyless)
                return (work, shape, work.TakeWhole());
            if (work.TryTakeLeft(out var range))
                return (work, shape, range);
            try
            {
                range = _readers > 1 ? await _planner.TakeAsync(work, shape, RowsOfChunk(work), cancellationToken) : TakeRest(work);
                work.Take(range);
                return (work, shape, range);
            }
            catch (MySqlServerException changed) when (TableChanges.Is(changed))
            {
                work.Shape = null;
                await _planner.ForgetAsync();
            }
        }
    }

    // A single reader takes all that is there, and gives back what was more than a chunk.
    private static KeyRange TakeRest(TableWork work)
    {
        var range = new KeyRange(work.Next ?? [], []);
        work.Next = null;
        return range;
    }

    private async ValueTask<MySqlTable?> ShapeOfAsync(TableWork work, CancellationToken cancellationToken)
    {
        var alterations = (Shapes?.Alterations ?? 0);
        if (work.Shape is not null && work.Alterations == alterations)
            return work.Shape;
        (work.Shape, work.Alterations) = (null, alterations);
        await _planner.ForgetAsync();
        if (await _setting.ReadShapeAsync(work.Table, cancellationToken) is not { } shape)
            return null;
        work.EstimatedRows = shape.EstimatedRows;
        return work.Shape = shape;
    }

    // So many rows that they are about a chunk's bytes; few at first, when nobody knows how large they are.
    private int RowsOfChunk(TableWork work)
    {
        const int Cautious = 1_000;
        var rows = work.RowBytes == 0 ? Math.Min(Cautious, _options.SnapshotChunkRows) : _options.SnapshotChunkBytes / work.RowBytes;
        return Math.Clamp(rows, 1, _options.SnapshotChunkRows);
    }

    private async ValueTask WriteAsync(Chunk chunk, IChangeWriter writer, MySqlPosition position, CancellationToken cancellationToken)
    {
        KeyRange? left;
        try
        {
            left = await chunk.Reading;
        }
        catch (MySqlServerException changed) when (TableChanges.Is(changed))
        {
            chunk.Work.Shape = null;
            await GiveBackAsync(chunk);
            return;
        }

        var work = chunk.Work;
        if (chunk.IsSpoiled && chunk.Shape.Schema.IsKeyless)
            work.Tries++;
        if (chunk.IsSpoiled || chunk.Alterations != (Shapes?.Alterations ?? 0) || chunk.HasHalfTold())
        {
            await GiveBackAsync(chunk); // the table was altered, emptied or replaced before the chunk's place
            return;
        }

        if (chunk.Reader.HasMore)
        {
            await WritePartAsync(chunk, writer, position, cancellationToken);
            return;
        }

        Release(chunk);
        if (chunk.Reader.Rows.Count > 0)
            work.RowBytes = Math.Max(1, chunk.Reader.Rows.SizeBytes / chunk.Reader.Rows.Count);
        work.Finish(chunk.Range, left, chunk.Reader.Rows.Count);
        _pace.Count(chunk.Reader.Rows.Count);
        var sweep = work.IsOver && work.IsAgain;
        var hasWritten = ChunkWriting.Write(chunk, NumberOf(chunk.Shape, writer), sweep, writer, _setting.Time);
        EndTables(writer);
        if (hasWritten)
        {
            position.SetSnapshot(Cursor);
            await writer.CommitAsync(position, moreInput: _chunks.Count > 0, cancellationToken);
            Tell(writer);
        }
        else
        {
            await AdvanceAsync(writer, position, cancellationToken);
        }
    }

    // The stream stays at the chunk's place until all rows of the view stand there; the cursor says that the whole table is still to be read.
    private async ValueTask WritePartAsync(Chunk chunk, IChangeWriter writer, MySqlPosition position, CancellationToken cancellationToken)
    {
        chunk.Work.Pass(chunk.Reader.Rows.Count);
        _pace.Count(chunk.Reader.Rows.Count);
        if (ChunkWriting.Write(chunk, NumberOf(chunk.Shape, writer), sweep: false, writer, _setting.Time))
        {
            position.SetSnapshot(Cursor);
            await writer.CommitAsync(position, moreInput: true, cancellationToken);
            Tell(writer);
        }

        while (!_pace.IsDue())
            await Task.Delay(SnapshotPace.Step, _setting.Time, cancellationToken);
        cancellationToken.ThrowIfCancellationRequested(); // what has arrived already is read without a wait that would notice
        chunk.Reading = chunk.Reader.ReadAsync(chunk.Order!, cancellationToken); // set when its first reading began
    }

    private async ValueTask AdvanceAsync(IChangeWriter writer, MySqlPosition position, CancellationToken cancellationToken)
    {
        position.SetSnapshot(Cursor);
        await writer.AdvanceAsync(position, moreInput: IsActive, cancellationToken);
        Tell(writer);
    }

    private void EndTables(IChangeWriter writer)
    {
        foreach (var over in _works.Where(work => work.IsOver).ToList())
        {
            _works.Remove(over);
            _done++;
            _doneRows += over.Rows;
            if (over.Shape is { } shape)
                NumberOf(shape, writer); // also of an empty table: from now on it is known
        }

        if (_isFirst && _works.Count == 0 && NextFirst() is null)
            _isFirst = false;
    }

    // Rows of a chunk have the shape of the rows around them, unless the stream knows less of it than the server said.
    private uint NumberOf(MySqlTable shape, IChangeWriter writer) => Shapes?.NumberLike(shape.Schema) is { } number and not 0 ? number : writer.Define(shape.Schema);

    // What was read is not wanted, or cannot be: the part is read again in a later view.
    private async ValueTask GiveBackAsync(Chunk chunk)
    {
        _setting.Log.ChunkAgain(_setting.Source, chunk.Work.Table.ToString());
        await chunk.Reader.AbandonAsync();
        try
        {
            await chunk.Reading;
        }
        catch (Exception problem) when (problem is MySqlServerException or MySqlConnectionException or ObjectDisposedException)
        {
            // Its connection was closed under it; what it would have given is not wanted.
        }

        Release(chunk);
        chunk.Work.GiveBack(chunk.Range);
    }

    private void Release(Chunk chunk)
    {
        _chunks.Remove(chunk);
        _idle.Push(chunk.Reader);
    }

    private async ValueTask TakeRequestsAsync(IChangeWriter writer, MySqlPosition position, CancellationToken cancellationToken)
    {
        var entries = _desk.TakeAll();
        var concerned = new List<IReadOnlyList<TableName>>();
        foreach (var entry in entries)
        {
            if (entry.Request is { } request)
            {
                foreach (var table in request.Tables)
                    Add(table, request.Where, isAgain: true);
                concerned.Add(request.Tables);
            }
            else
            {
                concerned.Add(await CancelAsync(entry.Cancelled));
            }
        }

        await AdvanceAsync(writer, position, cancellationToken);
        for (var i = 0; i < entries.Count; i++)
            entries[i].Done.TrySetResult(concerned[i]);
    }

    // Only what is read again can be given up: without its first rows a table would never be whole.
    private async ValueTask<IReadOnlyList<TableName>> CancelAsync(ImmutableArray<TableName> tables)
    {
        var cancelled = _works.Where(work => work.IsAgain && (tables.IsEmpty || tables.Contains(work.Table))).ToList();
        foreach (var chunk in _chunks.Where(chunk => cancelled.Contains(chunk.Work)).ToList())
            await GiveBackAsync(chunk);
        foreach (var work in cancelled)
            _works.Remove(work);
        return [.. cancelled.Select(work => work.Table)];
    }

    private void Tell(IChangeWriter writer)
    {
        var progress = _notes.Of(_works, _isFirst ? _catalog.Tables.Where(table => _options.IsCaptured(table.Name) && string.CompareOrdinal(table.Name.ToString(), _upTo) > 0) : [], _done, _doneRows);
        _desk.Now = _notes.Tables;
        writer.Progress(progress);
        if (IsActive)
            return;
        (_done, _doneRows) = (0, 0);
    }
}
