using System.Diagnostics.CodeAnalysis;
using Leat.Changes;
using Leat.Connectors.MySql.Shapes;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>Which tables are captured and what they look like at this place of the stream; the decoder asks, and tells of statements.</summary>
internal interface ITableShapes
{
    /// <summary>Whether rows of the table are wanted.</summary>
    bool IsCaptured(TableName table);

    /// <summary>The table by which rows behind a TABLE_MAP are read; false when the server has to be asked first.</summary>
    /// <exception cref="PauseException">No shape that is certain fits.</exception>
    bool TryResolve(TableMap map, [NotNullWhen(true)] out MySqlTable? table);

    /// <summary>Takes a statement that may concern tables as such.</summary>
    /// <param name="sql">Its text.</param>
    /// <param name="database">The default database.</param>
    /// <param name="sqlMode">sql_mode of its session.</param>
    /// <param name="transaction">Its transaction, for messages.</param>
    /// <exception cref="PauseException">It makes a table one that cannot be captured.</exception>
    StatementEffect Apply(string sql, string database, ulong sqlMode, string transaction);

    /// <summary>Tables whose shape is known, for looking at statements.</summary>
    IReadOnlyCollection<TableName> Known { get; }

    /// <summary>The highest number given to a shape so far; 0 before the first.</summary>
    uint Newest { get; }

    /// <summary>Character set of a collation number; <see langword="null"/> when the server has no such.</summary>
    string? CharsetOf(uint collation);
}
