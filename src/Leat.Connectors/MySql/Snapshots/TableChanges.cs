using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Snapshots;

/// <summary>Tells from the server's answer that a table is not any more what it was when its shape was read.</summary>
internal static class TableChanges
{
    // Source: MariaDB and MySQL error lists, the same in both: ER_BAD_DB_ERROR, ER_BAD_FIELD_ERROR, ER_NO_SUCH_TABLE, ER_TABLE_DEF_CHANGED.
    private const int NoSuchDatabase = 1049;
    private const int NoSuchColumn = 1054;
    private const int NoSuchTable = 1146;
    private const int DefinitionChanged = 1412;

    /// <summary>Whether reading the shape again, and then the rows, can help.</summary>
    public static bool Is(MySqlServerException problem) => problem.Code is NoSuchDatabase or NoSuchColumn or NoSuchTable or DefinitionChanged;
}
