using System.Collections.Immutable;
using Leat.Changes;
using Leat.Pipeline.Definitions;

namespace Leat.Pipeline.Shaping;

/// <summary>How a test of a pipeline ended.</summary>
/// <param name="Pipeline">The pipeline's name.</param>
/// <param name="Test">The test.</param>
/// <param name="Mistake">Why it could not be run; <see langword="null"/> when it was.</param>
/// <param name="Differences">What was not as expected.</param>
public sealed record TestResult(string Pipeline, TestRule Test, Finding? Mistake, ImmutableArray<TestDifference> Differences)
{
    /// <summary>Whether the plan did exactly what the test says.</summary>
    public bool IsPassed => Mistake is null && Differences.IsEmpty;
}

/// <summary>Runs the tests of a pipeline: rows in, operations out, no server and no log.</summary>
public sealed class PipelineTest
{
    // What a test tells nothing of is taken for text, and where that does not fit the rules, for a number.
    private static readonly ColumnKind[] Assumptions = [ColumnKind.String, ColumnKind.Int64];

    private readonly PipelineDefinition _pipeline;
    private readonly TestColumns _columns;

    /// <summary>Knows a pipeline and its tests.</summary>
    public PipelineTest(PipelineDefinition pipeline)
    {
        _pipeline = pipeline;
        _columns = new(pipeline);
    }

    /// <summary>Runs one test of the pipeline.</summary>
    public TestResult Run(TestRule test)
    {
        try
        {
            var names = NamesOf(test);
            using var run = Open(test, names, out var tables);
            foreach (var step in test.Given)
                run.Load(names[step].Table, tables[names[step]].Take(step).After);
            foreach (var row in run.Loaded())
                _ = row; // the target holds it already
            var made = test.When.Select(transaction => run.Apply([.. transaction.SelectMany(step => Changes(step, names[step].Table, tables[names[step]]))]));
            return new(_pipeline.Name, test, Mistake: null, TestDifferences.Of(test, [.. made]));
        }
        catch (TestMistakeException mistake)
        {
            return new(_pipeline.Name, test, mistake.Finding, []);
        }
        catch (LeatException error)
        {
            return new(_pipeline.Name, test, ShapingErrors.Plan(test, error), []);
        }
    }

    // A truncate is told with the rows that it takes: no target is there that could be asked for them.
    private static IEnumerable<RowChange> Changes(TestStep step, TableName name, TestTable table)
    {
        if (step.Kind == TestStepKind.Truncate)
            return [new(name, ChangeKind.Truncate, [], []) { Rows = table.Clear() }];
        var (kind, before, after) = table.Take(step);
        return [new(name, kind, before, after)];
    }

    private ShapingRun Open(TestRule test, Dictionary<TestStep, (string Alias, TableName Table)> names, out Dictionary<(string Alias, TableName Table), TestTable> tables)
    {
        LeatException? first = null;
        foreach (var assumed in Assumptions)
        {
            var schemas = _columns.SchemasOf(test, assumed);
            var own = _pipeline.Tables.Where(rule => rule.Pattern is null).Select(rule => (rule.Alias, rule.Table));
            tables = names.Values.Concat(own).Distinct()
                .ToDictionary(name => name, name => new TestTable(test.Name, new(name.Table, schemas[name.Alias].Columns, schemas[name.Alias].Key)));
            try
            {
                return ShapingRun.Open(_pipeline, [.. tables.Values.Select(table => table.Schema)]);
            }
            catch (LeatException error)
            {
                first ??= error;
            }
        }

        throw first!; // not null: there are assumptions, and none held
    }

    // Which source table each step is about.
    private Dictionary<TestStep, (string Alias, TableName Table)> NamesOf(TestRule test)
    {
        var steps = test.Given.Concat(test.When.SelectMany(transaction => transaction)).ToList();
        var names = new Dictionary<TestStep, (string, TableName)>(ReferenceEqualityComparer.Instance);
        foreach (var step in steps)
        {
            var rule = _pipeline.Tables.First(table => table.Alias == step.Alias); // the file's reader has made sure
            var table = rule.Pattern is null ? rule.Table : step.Table ?? steps.FirstOrDefault(other => other.Alias == step.Alias && other.Table is not null)?.Table;
            names[step] = (step.Alias, table ?? throw ShapingErrors.TableNotNamed(test, step));
        }

        return names;
    }
}
