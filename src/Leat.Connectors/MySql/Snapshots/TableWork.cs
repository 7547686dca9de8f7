using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Connectors.MySql.Snapshots;

/// <summary>The reading of one table while it is under way. Belongs to the pump alone.</summary>
internal sealed class TableWork
{
    /// <summary>How often a table without a key is read in a view that others may change it beside, where servers do not tell places.</summary>
    public const int TriesWithoutLock = 3;

    private readonly List<KeyRange> _toRead;
    private readonly List<KeyRange> _reading = [];
    private long _finishedRows;
    private long _partRows;

    /// <summary>Goes on where a cursor stands.</summary>
    public TableWork(TableCursor cursor)
    {
        (Table, Where, IsAgain, Next, _finishedRows) = (cursor.Table, cursor.Where, cursor.IsAgain, cursor.Next, cursor.Rows);
        _toRead = [.. cursor.Left];
    }

    /// <summary>The table.</summary>
    public TableName Table { get; }

    /// <summary>The condition on its rows.</summary>
    public string? Where { get; }

    /// <summary>Whether targets may hold rows of it already.</summary>
    public bool IsAgain { get; }

    /// <summary>Where the part begins that nobody was given yet.</summary>
    public ImmutableArray<string>? Next { get; set; }

    /// <summary>Rows in the stream so far.</summary>
    public long Rows => _finishedRows + _partRows;

    /// <summary>How often it was read and changed meanwhile, of a table without a key.</summary>
    public int Tries { get; set; }

    /// <summary>The shape to read with; <see langword="null"/> while it has to be read from the server.</summary>
    public MySqlTable? Shape { get; set; }

    /// <summary>The server's estimate of its rows.</summary>
    public long EstimatedRows { get; set; }

    /// <summary>How often the stream has told of a change of the table itself.</summary>
    public long Alterations { get; set; }

    /// <summary>Encoded bytes of a row, from the last chunk; 0 before.</summary>
    public int RowBytes { get; set; }

    /// <summary>Whether all its rows stand in the stream.</summary>
    public bool IsOver => Next is null && _toRead.Count == 0 && _reading.Count == 0;

    /// <summary>Whether a reader could be given something.</summary>
    public bool HasMore => Next is not null || _toRead.Count > 0;

    /// <summary>Whether something of it is being read.</summary>
    public bool IsReading => _reading.Count > 0;

    /// <summary>How far it is.</summary>
    public TableCursor Cursor => new() { Table = Table, Where = Where, IsAgain = IsAgain, Left = [.. _reading, .. _toRead], Next = Next, Rows = _finishedRows };

    /// <summary>Takes a part that was begun or given back before.</summary>
    public bool TryTakeLeft(out KeyRange range)
    {
        range = KeyRange.All;
        if (_toRead.Count == 0)
            return false;
        range = _toRead[0];
        _toRead.RemoveAt(0);
        _reading.Add(range);
        return true;
    }

    /// <summary>Takes all of a table without a key, whatever of it was read before.</summary>
    public KeyRange TakeWhole()
    {
        Drop();
        _finishedRows = 0;
        _reading.Add(KeyRange.All);
        return KeyRange.All;
    }

    /// <summary>Notes that rows of a table without a key stand in the stream, and that more follow: they count when it has been read to its end.</summary>
    public void Pass(int rows) => _partRows += rows;

    /// <summary>Notes that a new part is given to a reader.</summary>
    public void Take(KeyRange range) => _reading.Add(range);

    /// <summary>Takes a part back that could not be read: it comes first.</summary>
    public void GiveBack(KeyRange range)
    {
        Leave(range);
        _partRows = 0;
        _toRead.Insert(0, range);
    }

    /// <summary>Notes that a part, or its front, stands in the stream.</summary>
    public void Finish(KeyRange range, KeyRange? left, int rows)
    {
        Leave(range);
        (_finishedRows, _partRows) = (Rows + rows, 0);
        if (left is not null)
            _toRead.Insert(0, left);
    }

    /// <summary>The table is gone: there is nothing to read.</summary>
    public void Drop()
    {
        _toRead.Clear();
        Next = null;
    }

    // Ranges hold arrays, so that two are the same when their keys are.
    private void Leave(KeyRange range) =>
        _reading.RemoveAt(_reading.FindIndex(one => one.After.SequenceEqual(range.After) && one.End.SequenceEqual(range.End)));
}
