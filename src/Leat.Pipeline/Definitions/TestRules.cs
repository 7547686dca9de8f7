using System.Collections.Immutable;
using Leat.Changes;
using Leat.Changes.Configuration;

namespace Leat.Pipeline.Definitions;

/// <summary>Reads the <c>tests:</c> of a pipeline.</summary>
internal sealed class TestRules(DefinitionScope scope)
{
    private const string GivenExample = "given: [ { orders: { id: 1, type: 1 } } ]";
    private const string StepExample = "{ update: orders, key: 1, set: { type: 3 } }";
    private const string ThenExample = "{ index: \"1\", document: { id: 1, type: 3 } }";

    private static readonly (string Word, TestStepKind Value)[] Kinds =
        [("insert", TestStepKind.Insert), ("update", TestStepKind.Update), ("delete", TestStepKind.Delete), ("truncate", TestStepKind.Truncate)];

    private string[] _aliases = [];

    /// <summary>The tests in the file's order.</summary>
    public ImmutableArray<TestRule> Of(ConfigReader pipeline, ConfigMap? tables, string name)
    {
        _aliases = tables?.Entries.Select(entry => entry.Key).ToArray() ?? [];
        var tests = ImmutableArray.CreateBuilder<TestRule>();
        foreach (var block in pipeline.Maps("tests"))
        {
            var test = Test(block);
            if (tests.Any(other => other.Name == test.Name))
                scope.Add(DefinitionErrors.TestTwice(block.LocationOf("name"), name, DefinitionScope.Shown(block.Node("name"), test.Name)));
            tests.Add(test);
        }

        return tests.ToImmutable();
    }

    private TestRule Test(ConfigReader block)
    {
        var test = new TestRule
        {
            Name = block.RequiredText("name", "an order that leaves the filter is deleted"),
            Types = Types(block),
            Given = [.. block.Maps("given").SelectMany(Given)],
            When = When(block),
            Then = Then(block),
            Location = block.Location,
        };
        block.Done();
        return test;
    }

    private ImmutableDictionary<string, ImmutableArray<TestColumn>> Types(ConfigReader block)
    {
        var types = ImmutableDictionary.CreateBuilder<string, ImmutableArray<TestColumn>>();
        if (block.Map("types") is not { } tables)
            return types.ToImmutable();
        foreach (var entry in tables.Entries())
        {
            if (tables.Map(entry.Key) is { } columns && IsKnown(entry.Key, entry.KeyLocation, tables.Path))
                types[entry.Key] = [.. columns.Entries().Select(column => Type(columns, column)).OfType<TestColumn>()];
        }

        return types.ToImmutable();
    }

    private TestColumn? Type(ConfigReader columns, ConfigEntry entry)
    {
        if (columns.Text(entry.Key) is not { } text)
            return null;
        if (ColumnTypes.Read(entry.Key, text) is { } type)
            return new(type.Column, type.IsKey, entry.Value.Location);
        var shown = DefinitionScope.Shown(entry.Value, text);
        scope.Add(DefinitionErrors.UnknownType(entry.Value.Location, $"{columns.Path}.{entry.Key}", shown, ColumnTypes.Nearest(text)));
        return null;
    }

    // { orders: { id: 1 } }, or several rows: { orders: [ { id: 1 }, { id: 2 } ] }
    private IEnumerable<TestStep> Given(ConfigReader block)
    {
        foreach (var entry in block.Entries())
        {
            if (!IsKnown(entry.Key, entry.KeyLocation, block.Path))
                continue;
            foreach (var row in block.Maps(entry.Key))
            {
                if (Row(row, GivenExample) is { IsEmpty: false } values)
                    yield return new() { Kind = TestStepKind.Insert, Alias = entry.Key, Values = values, Location = row.Location };
            }
        }
    }

    // Steps that stand beside one another are one transaction; `transaction` makes one of those inside it.
    private ImmutableArray<ImmutableArray<TestStep>> When(ConfigReader block)
    {
        var transactions = ImmutableArray.CreateBuilder<ImmutableArray<TestStep>>();
        var open = ImmutableArray.CreateBuilder<TestStep>();
        block.Require("when", $"[ {StepExample} ]");
        foreach (var entry in block.Maps("when"))
        {
            if (!entry.Has("transaction"))
            {
                if (Step(entry) is { } step)
                    open.Add(step);
                continue;
            }

            if (open.Count > 0)
                transactions.Add(open.DrainToImmutable());
            transactions.Add([.. entry.Maps("transaction").Select(Step).OfType<TestStep>()]);
            entry.Done();
        }

        if (open.Count > 0)
            transactions.Add(open.DrainToImmutable());
        return transactions.ToImmutable();
    }

    private TestStep? Step(ConfigReader block)
    {
        var kinds = Kinds.Where(kind => block.Has(kind.Word)).ToArray();
        if (kinds.Length != 1)
        {
            scope.Add(DefinitionErrors.BadStep(block.Location, block.Path, "step", StepExample, Kinds.Select(kind => kind.Word)));
            return null;
        }

        var (word, kind) = kinds[0];
        var alias = block.Text(word) ?? "";
        if (!IsKnown(block, word, alias))
            return null;
        var step = new TestStep
        {
            Kind = kind,
            Alias = alias,
            Table = Table(block),
            Key = kind is TestStepKind.Update or TestStepKind.Delete ? Key(block) : [],
            Values = kind switch { TestStepKind.Insert => Values(block, "row"), TestStepKind.Update => Values(block, "set"), _ => [] },
            Location = block.Location,
        };
        block.Done();
        return step;
    }

    private TableName? Table(ConfigReader block)
    {
        if (block.Text("table") is not { } text)
            return null;
        if (TableName.TryParse(text, out var table))
            return table;
        scope.Add(DefinitionErrors.BadTable(block.LocationOf("table"), $"{block.Path}.table", DefinitionScope.Shown(block.Node("table"), text)));
        return null;
    }

    private ImmutableArray<TestField> Key(ConfigReader block)
    {
        switch (block.Node("key", SettingForm.Text))
        {
            case null:
                scope.Add(ConfigErrors.Missing(block.Location, block.Path, "key", "1"));
                return [];
            case ConfigMap:
                return Values(block, "key");
            case ConfigScalar scalar:
                return [new("", scalar, scalar.Location)];
            default:
                block.Invalid("key", "a value, or { column: value } for a key of several columns");
                return [];
        }
    }

    private ImmutableArray<TestField> Values(ConfigReader block, string key)
    {
        return block.Require(key, key == "set" ? "{ type: 3 }" : "{ id: 1, type: 3 }") && block.Map(key) is { } row ? Row(row, $"{key}: {{ id: 1, type: 3 }}") : [];
    }

    private ImmutableArray<TestField> Row(ConfigReader row, string example)
    {
        ImmutableArray<TestField> fields = [.. row.Entries().Select(entry => new TestField(entry.Key, entry.Value, entry.KeyLocation))];
        if (fields.IsEmpty)
            scope.Add(DefinitionErrors.EmptyRow(row.Location, row.Path, example));
        return fields;
    }

    private ImmutableArray<TestExpectation> Then(ConfigReader block)
    {
        block.Require("then", "[ { delete: \"1\" } ]");
        return [.. block.Maps("then").Select(Expectation).OfType<TestExpectation>()];
    }

    private TestExpectation? Expectation(ConfigReader block)
    {
        if (block.Has("index") == block.Has("delete"))
        {
            scope.Add(DefinitionErrors.BadStep(block.Location, block.Path, "operation", ThenExample, ["index", "delete"]));
            return null;
        }

        var word = block.Has("delete") ? "delete" : "index";
        var key = block.Text(word);
        var alias = block.Text("table");
        var whole = word == "index" ? block.Map("document") : null;
        var part = word == "index" ? block.Map("fields") : null;
        var document = whole is not null ? block.Node("document") : part is not null ? block.Node("fields") : null;
        if (whole is not null && part is not null)
            scope.Add(DefinitionErrors.NotTogether(part.Location, block.Path, "document", "fields", "'document' is all that is written, 'fields' only what matters: keep one of them."));
        block.Done();
        if (key is null || (alias is not null && !IsKnown(block, "table", alias)))
            return null;
        return new()
        {
            IsDelete = word == "delete", Key = key, Alias = alias, IsWhole = whole is not null,
            Document = document as ConfigMap, Location = block.Location,
        };
    }

    private bool IsKnown(ConfigReader block, string key, string alias) =>
        IsKnown(alias, block.LocationOf(key), $"{block.Path}.{key}", DefinitionScope.Shown(block.Node(key), alias));

    private bool IsKnown(string alias, FileLocation at, string path, string? shown = null)
    {
        if (_aliases.Contains(alias))
            return true;
        scope.Add(DefinitionErrors.UnknownAlias(at, path, shown ?? alias, Nearest.Of(alias, _aliases), _aliases));
        return false;
    }
}
