using Leat.Changes;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Ddl;
using Microsoft.Extensions.Logging;

namespace Leat.Connectors.MySql.Shapes;

/// <summary>Follows statements that define, empty, drop or rename captured tables, and tells what each means for their rows.</summary>
internal sealed class StatementEffects(ShapeHistory history, string source, MySqlSourceOptions options, SqlDialect server, ILogger log)
{
    private string _transaction = "";
    private string _sql = "";

    /// <summary>Takes a statement.</summary>
    public StatementEffect Apply(string sql, string database, ulong sqlMode, string transaction)
    {
        (_sql, _transaction) = (sql, transaction);
        var dialect = server.With(sqlMode);
        try
        {
            return Apply(DdlParser.Parse(sql, dialect, database, Follows), dialect);
        }
        catch (DdlUnclearException unclear)
        {
            return Doubt(dialect, unclear.Message);
        }
    }

    // A captured table, or one with which a tool changes a captured one.
    private bool Follows(TableName table) => options.IsCaptured(table) || (OnlineChange.TableOf(table) is { } original && options.IsCaptured(original));

    private StatementEffect Apply(DdlStatement statement, SqlDialect dialect)
    {
        var effect = new StatementEffect { TouchesShapes = statement is not Unrelated };
        switch (statement)
        {
            case AlterTable alter:
                Alter(alter, dialect, effect);
                break;
            case CreateTable create when Creates(create.Table, create.IfNotExists, effect):
                RequireSeen(create.Table, create.Changes.Concat(create.Columns.Select(column => column.Reference).OfType<TableChange>()), dialect);
                Define(create.Table, () => TableEditor.Create(create, history.Defaults.OfDatabase(create.Table.Database), dialect));
                break;
            case CreateTableLike like when Follows(like.Table) && Creates(like.Table, like.IfNotExists, effect):
                Define(like.Table, () => history.Find(like.Model) is { Unverified: null } model
                    ? model with { Name = like.Table, State = TableState.Live }
                    : throw new DdlUnclearException($"it is made like {like.Model}, whose columns are not known"));
                break;
            case DropTables drop:
                foreach (var table in drop.Tables)
                    Lose(table, effect);
                break;
            case DropDatabase drop:
                foreach (var table in history.Known.Where(table => table.Database == drop.Database).ToList())
                    Lose(table, effect);
                break;
            case TruncateTable truncate when options.IsCaptured(truncate.Table):
                Empty(truncate.Table, effect);
                break;
            case RenameTables rename:
                Rename(rename.Pairs, effect);
                break;
            case SetDatabaseCharset set:
                SetDatabase(set);
                break;
        }

        return effect;
    }

    private void Alter(AlterTable alter, SqlDialect dialect, StatementEffect effect)
    {
        RequireSeen(alter.Table, alter.Changes, dialect);
        var known = history.Find(alter.Table);
        if (known is { Unverified: null })
            Define(alter.Table, () => TableEditor.Alter(known, alter.Changes, dialect));
        if (options.IsCaptured(alter.Table) && options.TellsHistory(alter.Table) && known is not null && history.Find(alter.Table)?.Versioning is { } now && now != known.Versioning)
            ReadAgain(alter.Table, now == Versioning.None ? "its history was dropped" : "it began to keep its history", effect);
        foreach (var move in alter.Changes.OfType<MoveRows>())
        {
            if (options.IsCaptured(alter.Table))
                ReadAgain(alter.Table, move.What, effect);
        }

        if (alter.Changes.OfType<RenameTo>().LastOrDefault() is { } rename)
            Rename([(alter.Table, rename.Table)], effect);
    }

    // Whether the statement really makes the table. A table that was known and is made anew has no rows, whatever had become of the old one.
    private bool Creates(TableName table, bool ifNotExists, StatementEffect effect)
    {
        var known = history.Find(table);
        if (ifNotExists && known is { State: TableState.Live })
            return false;
        if (options.IsCaptured(table) && options.DroppedTables == DroppedTables.Empty && known is null or { State: not TableState.Emptied })
            Empty(table, effect);
        return true;
    }

    private void Define(TableName table, Func<TableDefinition> define)
    {
        try
        {
            history.Set(define());
        }
        catch (DdlUnclearException unclear)
        {
            history.Doubt(table, $"{unclear.Message} in {MySqlErrors.Shorten(_sql)}");
        }
    }

    private void Empty(TableName table, StatementEffect effect)
    {
        if (history.IdOf(table) is var id and not 0)
        {
            effect.Emptied.Add(id);
            log.TableEmptied(source, table.ToString(), _transaction);
        }
    }

    private void ReadAgain(TableName table, string reason, StatementEffect effect)
    {
        effect.ReadAgain.Add((table, reason));
        log.RowsUnseen(source, table.ToString(), _transaction, reason);
    }

    // Dropped, or renamed to something else: no table has the name now.
    private void Lose(TableName table, StatementEffect effect)
    {
        if (!Follows(table))
            return;
        var keeps = options.DroppedTables == DroppedTables.Keep;
        if (options.IsCaptured(table))
        {
            if (keeps)
                log.RowsKept(source, table.ToString(), _transaction);
            else if (history.Find(table) is null or { State: not TableState.Emptied })
                Empty(table, effect);
        }

        if (history.Find(table) is { } known)
            history.Set(known with { State = keeps ? TableState.Kept : TableState.Emptied });
    }

    private void Rename(IReadOnlyList<(TableName From, TableName To)> pairs, StatementEffect effect)
    {
        // Whose rows each name has when all is done; null: there is no such table.
        var owners = new Dictionary<TableName, TableName?>();
        foreach (var (from, to) in pairs)
        {
            owners[to] = owners.TryGetValue(from, out var owner) ? owner : from;
            owners[from] = null;
        }

        var before = owners.Keys.ToDictionary(name => name, history.Find);
        TableDefinition? Before(TableName name) => before.TryGetValue(name, out var known) ? known : history.Find(name);
        foreach (var (name, owner) in owners)
        {
            if (!Follows(name) || owner == name)
                continue;
            if (owner is { } now)
                TakeOver(name, Before(name), now, Before(now), effect);
            else if (owners.Any(other => other.Value == name && OnlineChange.IsAsideOf(other.Key, name)))
                PutAside(name, Before(name));
            else
                Lose(name, effect);
        }
    }

    // A tool has put the table aside; its copy, which has the same rows, will take the place.
    private void PutAside(TableName name, TableDefinition? known)
    {
        if (known is not null)
            history.Set(known with { State = TableState.Kept });
    }

    // A name stands for another table's rows from here on.
    private void TakeOver(TableName name, TableDefinition? old, TableName owner, TableDefinition? now, StatementEffect effect)
    {
        if (now is { Unverified: null, State: TableState.Live })
            history.Set(now with { Name = name });
        else
            history.Doubt(name, $"it was {owner} before, whose columns are not known");
        if (!options.IsCaptured(name))
            return;
        var isCopy = OnlineChange.IsCopyOf(owner, name) && old is not { State: TableState.Emptied } && (old is not null || history.IdOf(name) != 0);
        if (isCopy && (now is null || old is null || now.Key.SequenceEqual(old.Key, StringComparer.OrdinalIgnoreCase)))
            log.CopyTookPlace(source, name.ToString(), owner.ToString(), _transaction);
        else
            ReadAgain(name, $"it was {owner} before", effect);
    }

    private void SetDatabase(SetDatabaseCharset set)
    {
        var charset = CharsetWords.Of(set.Charset, history.Defaults.OfDatabase(set.Database), history.Defaults.OfDatabase(set.Database));
        history.Defaults.SetDatabase(set.Database, charset);
        foreach (var table in history.Known.Where(table => table.Database == set.Database).ToList())
        {
            if (history.Find(table) is { } known && known.DatabaseCharset != charset)
                history.Set(known with { DatabaseCharset = charset });
        }
    }

    private void RequireSeen(TableName table, IEnumerable<TableChange> changes, SqlDialect dialect)
    {
        if (!options.IsCaptured(table) || options.AcceptsCascades(table) || dialect.LogsCascades)
            return;
        if (changes.OfType<AddForeignKey>().FirstOrDefault() is { } key)
            throw MySqlErrors.CascadesUnseen(source, [new(table, key.Parent, key.Actions)]);
    }

    // Not understood: whatever it may concern is not certain any more.
    private StatementEffect Doubt(SqlDialect dialect, string reason)
    {
        foreach (var table in history.Known.Where(table => DdlWords.Mention(_sql, dialect, table)).ToList())
            history.Doubt(table, $"{reason} in {MySqlErrors.Shorten(_sql)}");
        return new() { TouchesShapes = true };
    }
}
