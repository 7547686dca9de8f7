using System.Collections.Immutable;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Pipeline.Definitions;
using Leat.Transform.Plan;

namespace Leat.Pipeline.Shaping;

/// <summary>Tells the shapes of a pipeline's tables from its tests, which write types where they matter and values everywhere else.</summary>
/// <remarks>
/// A column's type is the first that is known of: what the test declares, what holds all the test's values, the same of the pipeline's other tests, that of a column
/// it is joined with; and else one that is assumed. So a test needs to name only what it is about.
/// </remarks>
internal sealed class TestColumns
{
    private readonly ImmutableArray<TableSelection> _tables;
    private readonly ImmutableArray<TestRule> _tests;
    private readonly ColumnUses _uses;

    /// <summary>Knows the rules and all tests of a pipeline.</summary>
    public TestColumns(PipelineDefinition pipeline)
    {
        _tables = [.. pipeline.Tables.Select(rule => rule.ToSelection())];
        _tests = pipeline.Tests;
        _uses = ColumnUses.Of(_tables, pipeline.Document);
    }

    /// <summary>The shape of each table in one test, by alias. Names of tables are the rules' own.</summary>
    /// <param name="test">The test.</param>
    /// <param name="assumed">Type of a column that nothing is known of.</param>
    public Dictionary<string, TableSchema> SchemasOf(TestRule test, ColumnKind assumed)
    {
        var own = _tables.ToDictionary(table => table.Alias, table => ColumnsOf(table.Alias, [test]));
        var all = _tables.ToDictionary(table => table.Alias, table => ColumnsOf(table.Alias, _tests));
        foreach (var (alias, columns) in own)
        {
            foreach (var known in all[alias].Where(known => columns.TrueForAll(column => column.Name != known.Name || column.Kind == 0)))
                Put(columns, known);
        }

        ShareJoined(own);
        return _tables.ToDictionary(table => table.Alias, table => SchemaOf(table, test, own[table.Alias], assumed));
    }

    // What is declared; without that, what rows are written with; and what rules name. Other steps may only use those: a slip of the pen is no new column. One of which
    // nothing is known has no kind yet.
    private List<Column> ColumnsOf(string alias, IReadOnlyCollection<TestRule> tests)
    {
        var columns = new List<Column>();
        foreach (var test in tests)
        {
            var declared = test.Types.GetValueOrDefault(alias, []);
            foreach (var column in declared.Where(column => columns.TrueForAll(known => known.Name != column.Column.Name)))
                columns.Add(column.Column);
            foreach (var field in FieldsOf(test, alias, isRow: true).Where(_ => declared.IsEmpty))
                Put(columns, field);
        }

        foreach (var name in _uses.ColumnsOf(alias).Where(name => columns.TrueForAll(column => column.Name != name)))
            columns.Add(Unknown(name));
        foreach (var test in tests)
        {
            var declared = test.Types.GetValueOrDefault(alias, []);
            foreach (var field in FieldsOf(test, alias, isRow: declared.IsEmpty ? false : null))
            {
                if (columns.Exists(column => column.Name == field.Column) && declared.All(column => column.Column.Name != field.Column))
                    Put(columns, field);
            }
        }

        return columns;
    }

    // Those of whole rows, those of other steps, or all of them.
    private static IEnumerable<TestField> FieldsOf(TestRule test, string alias, bool? isRow) =>
        test.Given.Concat(test.When.SelectMany(transaction => transaction)).Where(step => step.Alias == alias && (isRow is not { } rows || step.Kind == TestStepKind.Insert == rows))
            .SelectMany(step => step.Key.Concat(step.Values)).Where(field => field.Column.Length > 0);

    private static void Put(List<Column> columns, TestField field) => Put(columns, WrittenValue.ColumnOf(field.Column, field.Value) ?? Unknown(field.Column));

    // Columns that are joined hold the same values: what is known of one is known of the other.
    private void ShareJoined(Dictionary<string, List<Column>> columns)
    {
        for (var changed = true; changed;)
        {
            changed = false;
            foreach (var (one, other) in _uses.Joins.Concat(_uses.Joins.Select(join => (One: join.Other, Other: join.One))))
            {
                if (Find(columns, one) is not { Kind: 0 } || Find(columns, other) is not { Kind: not 0 } known)
                    continue;
                Put(columns[one.Alias], known with { Name = one.Column });
                changed = true;
            }
        }
    }

    private static Column? Find(Dictionary<string, List<Column>> columns, (string Alias, string Column) which) =>
        columns.GetValueOrDefault(which.Alias)?.Find(column => column.Name == which.Column);

    private TableSchema SchemaOf(TableSelection table, TestRule test, List<Column> columns, ColumnKind assumed)
    {
        if (columns.Count == 0)
            columns.Add(Unknown("id"));
        var key = KeyOf(table.Alias, test, columns);
        foreach (var name in key.Where(name => columns.TrueForAll(column => column.Name != name)))
            columns.Insert(0, Unknown(name));
        var whole = columns.Select(column => (column.Kind == 0 ? AssumedOf(column.Name, key, assumed) : column) with { Nullable = !key.Contains(column.Name) }).ToImmutableArray();
        return new(table.Table, whole, [.. key.Select(name => columns.FindIndex(column => column.Name == name))]);
    }

    private static Column AssumedOf(string name, ImmutableArray<string> key, ColumnKind assumed) =>
        key.Contains(name) || assumed == ColumnKind.Int64 ? WrittenValue.Make(name, ColumnKind.Int64, "bigint") : WrittenValue.Make(name, assumed, "text");

    // Declared; else written with the names of its columns; else id, or the first column.
    private ImmutableArray<string> KeyOf(string alias, TestRule test, List<Column> columns)
    {
        foreach (var one in _tests.Where(other => other != test).Prepend(test))
        {
            if (one.Types.GetValueOrDefault(alias, []).Where(column => column.IsKey).Select(column => column.Column.Name).ToImmutableArray() is { IsEmpty: false } declared)
                return declared;
            var named = one.When.SelectMany(transaction => transaction).Where(step => step.Alias == alias)
                .Select(step => step.Key.Select(field => field.Column).Where(name => name.Length > 0).ToImmutableArray()).FirstOrDefault(names => names.Length > 0);
            if (!named.IsDefaultOrEmpty)
                return named;
        }

        return [columns.Exists(column => column.Name == "id") ? "id" : columns[0].Name];
    }

    private static void Put(List<Column> columns, Column column)
    {
        var at = columns.FindIndex(known => known.Name == column.Name);
        if (at < 0)
            columns.Add(column);
        else if (columns[at].Kind == 0)
            columns[at] = column;
        else if (column.Kind != 0)
            columns[at] = WrittenValue.Wider(columns[at], column);
    }

    private static Column Unknown(string name) => new() { Name = name, Kind = 0 };
}
