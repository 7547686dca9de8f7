using Leat.Changes.Formats;
using Leat.Connectors.MySql.Binlog;

namespace Leat.Connectors.MySql.Snapshots;

/// <summary>Rows that one reader reads, and the place in the stream where they belong. Belongs to the pump; only <see cref="Reading"/> runs beside it.</summary>
internal sealed class Chunk
{
    /// <summary>Most changed keys that are remembered for a chunk; beyond, it is read again.</summary>
    public const int MostChangedKeys = 100_000;

    /// <summary>Who reads it.</summary>
    public required ChunkReader Reader { get; init; }

    /// <summary>The table.</summary>
    public required TableWork Work { get; init; }

    /// <summary>The shape to read with.</summary>
    public required MySqlTable Shape { get; init; }

    /// <summary>Which rows.</summary>
    public required KeyRange Range { get; init; }

    /// <summary>How often the stream had told of a change of the table itself when the shape was read.</summary>
    public required long Alterations { get; init; }

    /// <summary>What the reader is told.</summary>
    public ChunkOrder? Order { get; set; }

    /// <summary>The reading; completes with what is left of the range.</summary>
    public Task<KeyRange?> Reading { get; set; } = Task.FromResult<KeyRange?>(null);

    /// <summary>The view's place, where the server tells it: file and offset.</summary>
    public (string File, long Offset) View { get; set; }

    /// <summary>The same as transactions, where offsets do not tell; <see langword="null"/> when not asked for.</summary>
    public MariaDbGtids? ViewGtids { get; set; }

    /// <summary>Elsewhere: the mark in the stream before the view was opened.</summary>
    public ulong FirstMark { get; set; }

    /// <summary>The mark after it. The chunk belongs there, without the rows that were changed between the two.</summary>
    public ulong LastMark { get; set; }

    /// <summary>Whether the table is locked while the view is opened, so that nothing happens between the marks.</summary>
    public bool IsLocked => Shape.Schema.IsKeyless && Work.Tries >= TableWork.TriesWithoutLock;

    /// <summary>Whether the stream is between the two marks.</summary>
    public bool IsBetween { get; set; }

    /// <summary>Whether the stream stands at the last mark.</summary>
    public bool IsDue { get; set; }

    /// <summary>Whether something happened between the marks that keys cannot tell: it has to be read again.</summary>
    public bool IsSpoiled { get; set; }

    /// <summary>
    /// Keys of the table's rows that transactions between the two marks changed, and whether the stream told only some columns of one: then the row that
    /// was read cannot simply be left out.
    /// </summary>
    public Dictionary<string, bool> Changed { get; } = new(StringComparer.Ordinal);

    /// <summary>Whether a row was read of which the stream told only some columns between the marks.</summary>
    public bool HasHalfTold()
    {
        if (!Changed.ContainsValue(true))
            return false;
        for (var at = 0; Reader.Rows.TryRead(ref at, out var row);)
        {
            if (Changed.GetValueOrDefault(RowKeyText.Of(Shape.Schema, row)))
                return true;
        }

        return false;
    }
}
