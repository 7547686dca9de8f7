using Leat.Changes;

namespace Leat.Connectors.MySql.Ddl;

/// <summary>Looks for names in a statement that is not understood.</summary>
internal static class DdlWords
{
    /// <summary>Whether a table's name stands anywhere in it. May say yes too often, never no wrongly.</summary>
    public static bool Mention(string sql, SqlDialect dialect, TableName table)
    {
        try
        {
            return SqlTokenizer.Read(sql, dialect).Any(token => string.Equals(token.Text, table.Name, StringComparison.OrdinalIgnoreCase));
        }
        catch (DdlUnclearException)
        {
            return sql.Contains(table.Name, StringComparison.OrdinalIgnoreCase); // not even words
        }
    }
}
