using Leat.Changes;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>Which tables are captured and what they look like; the decoder asks, and says when something may have changed.</summary>
internal interface ITableShapes
{
    /// <summary>Whether rows of the table are wanted.</summary>
    bool IsCaptured(TableName table);

    /// <summary>The shape as last read from the server: known to be absent gives true and <see langword="null"/>; not read yet gives false.</summary>
    bool TryGet(TableName table, out MySqlTable? shape);

    /// <summary>Shown the TABLE_MAP of a captured table before its shape is asked for. Only who has no server to ask learns from it.</summary>
    /// <param name="body">The event's body after the 8 bytes of number and flags.</param>
    void Look(ReadOnlySpan<byte> body)
    {
    }

    /// <summary>Forgets a shape that a statement may have changed, so that it is read again.</summary>
    void Forget(TableName table);

    /// <summary>Tables whose shape is known, for looking at statements.</summary>
    IReadOnlyCollection<TableName> Known { get; }

    /// <summary>Character set of a collation number; <see langword="null"/> when the server has no such.</summary>
    string? CharsetOf(uint collation);
}
