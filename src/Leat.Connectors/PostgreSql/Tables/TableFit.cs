using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Connectors.PostgreSql.Tables;

/// <summary>What keeps a table from holding a shape's rows, and what can be done about it.</summary>
/// <param name="Problem">What a person has to lift; <see langword="null"/>: nothing.</param>
/// <param name="Statements">Statements that make it fit, when Leat may run them.</param>
internal sealed record TableFit(PauseException? Problem, ImmutableArray<string> Statements)
{
    /// <summary>Looks at a table.</summary>
    public static TableFit Of(string owner, Shape shape, TableName table, TargetTable? found, TargetDdl ddl, SchemaMode mode)
    {
        if (found is null)
        {
            var create = ddl.Create(shape, table);
            return mode is SchemaMode.Create or SchemaMode.Evolve ? new(null, [create]) : new(PostgreSqlErrors.TableMissing(owner, table, create), []);
        }

        if (found.Kind is not ('r' or 'p'))
            return new(PostgreSqlErrors.NotATable(owner, table), []);
        if (!HasKey(found, shape))
            return new(PostgreSqlErrors.KeyDiffers(owner, table, KeyOf(found), string.Join(", ", KeyNames(shape).Select(Sql.Name))), []);

        var statements = ImmutableArray.CreateBuilder<string>();
        foreach (var column in shape.Columns)
        {
            if (Look(owner, shape, table, column, found.Find(column.Name), ddl, mode, statements) is { } problem)
                return new(problem, []);
        }

        foreach (var column in found.Columns.Where(column => IsInTheWay(column, shape)))
        {
            if (mode == SchemaMode.Validate)
                return new(PostgreSqlErrors.RequiredColumn(owner, table, column.Name), []);
            if (mode == SchemaMode.Evolve)
                statements.Add(TargetDdl.AllowNull(table, column.Name));
        }

        return new(null, statements.ToImmutable());
    }

    /// <summary>Names of the key's columns at the target.</summary>
    public static IEnumerable<string> KeyNames(Shape shape) => shape.Key.Select(ordinal => TargetDdl.NameOf(shape, ordinal));

    /// <summary>Whether an index says that rows are the same when their keys are: what an upsert goes by.</summary>
    public static bool IsOfKey(TargetIndex index, Shape shape) =>
        index is { IsPlain: true, IsImmediate: true } && index.Columns.Order(StringComparer.Ordinal).SequenceEqual(KeyNames(shape).Order(StringComparer.Ordinal));

    private static bool HasKey(TargetTable table, Shape shape) => table.Indexes.Any(index => IsOfKey(index, shape));

    private static string KeyOf(TargetTable table)
    {
        var primary = table.Indexes.FirstOrDefault(index => index.IsPrimary);
        return primary is null ? "" : string.Join(", ", primary.Columns.Select(Sql.Name));
    }

    private static PauseException? Look(
        string owner, Shape shape, TableName table, ShapeColumn column, TargetColumn? target, TargetDdl ddl, SchemaMode mode, ImmutableArray<string>.Builder statements)
    {
        if (target is null)
        {
            var add = ddl.Add(shape, table, column);
            if (mode != SchemaMode.Evolve)
                return PostgreSqlErrors.ColumnMissing(owner, table, column.Name, add);
            statements.Add(add);
            return null;
        }

        if (target.IsGenerated)
            return PostgreSqlErrors.ColumnGenerated(owner, table, column.Name);
        if (mode is SchemaMode.None or SchemaMode.Create)
            return null;

        var type = ddl.TypeOf(shape.Schema.Columns[column.Ordinal]);
        var fit = TypeFits.Of(shape.Schema.Columns[column.Ordinal], target);
        if (fit == TypeFit.Other || (fit == TypeFit.Narrow && mode == SchemaMode.Validate))
            return PostgreSqlErrors.ColumnCannotHold(owner, table, column.Name, target.FullType, type);
        if (fit == TypeFit.Narrow)
            statements.Add(TargetDdl.Widen(table, column.Name, type));
        if (!target.IsNotNull || !ddl.AllowsNull(shape, column))
            return null;
        if (mode == SchemaMode.Validate)
            return PostgreSqlErrors.ColumnNotNull(owner, table, column.Name);
        statements.Add(TargetDdl.AllowNull(table, column.Name));
        return null;
    }

    // A column that no row tells and that wants a value.
    private static bool IsInTheWay(TargetColumn column, Shape shape) =>
        column is { IsNotNull: true, HasDefault: false, IsGenerated: false } && !shape.Columns.Any(delivered => delivered.Name == column.Name);
}
