using Leat.Changes;

namespace Leat.Connectors.MySql.Snapshots;

/// <summary>How far snapshots are, in numbers for people, and how long the rest will take.</summary>
internal sealed class SnapshotProgressNotes(TimeProvider time)
{
    private static readonly TimeSpan LeastTime = TimeSpan.FromSeconds(1);

    private long _begunAt;
    private long _rowsBefore;

    /// <summary>Each table of the last call.</summary>
    public IReadOnlyList<TableSnapshot> Tables { get; private set; } = [];

    /// <summary>Takes the state of this moment.</summary>
    /// <param name="works">Tables begun or asked for.</param>
    /// <param name="waiting">Tables of the first snapshot that nobody has begun.</param>
    /// <param name="done">Tables finished.</param>
    /// <param name="doneRows">Rows of these.</param>
    public SnapshotProgress Of(IReadOnlyList<TableWork> works, IEnumerable<MySqlTable> waiting, int done, long doneRows)
    {
        Tables =
        [
            .. works.Select(work => new TableSnapshot
            {
                Table = work.Table,
                Where = work.Where,
                IsAgain = work.IsAgain,
                IsReading = work.IsReading,
                RowsDone = work.Rows,
                RowsEstimated = work.IsOver ? work.Rows : Math.Max(work.Rows, work.EstimatedRows),
            }),
            .. waiting.Select(table => new TableSnapshot { Table = table.Name, RowsEstimated = table.EstimatedRows }),
        ];
        var rows = doneRows + Tables.Sum(table => table.RowsDone);
        if (Tables.Count == 0)
        {
            _begunAt = 0;
            return new(null, done, done, rows, rows);
        }

        var estimate = doneRows + Tables.Sum(table => table.RowsEstimated);
        var reading = Tables.FirstOrDefault(table => table.IsReading) ?? Tables[0];
        return new(reading.Table, done, done + Tables.Count, rows, estimate) { Left = LeftOf(rows, estimate) };
    }

    private TimeSpan? LeftOf(long rows, long estimate)
    {
        if (_begunAt == 0)
            (_begunAt, _rowsBefore) = (time.GetTimestamp(), rows);
        var elapsed = time.GetElapsedTime(_begunAt);
        if (elapsed < LeastTime || rows == _rowsBefore)
            return null;
        return elapsed * ((estimate - rows) / (double)(rows - _rowsBefore));
    }
}
