using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Rules;

namespace Leat.Tests.Transform.Oracle;

/// <summary>A document rule, and a query that gives the same: first the columns of the key, then the document.</summary>
internal sealed class OracleDocument
{
    private static readonly FileLocation Here = new("oracle.yaml", 1, 1);

    private readonly Random _random;
    private readonly List<MergeRule> _merges = [];
    private readonly List<(string Name, string Sql)> _fields = [];
    private readonly List<SetRule> _set = [];
    private readonly List<string> _where = [];
    private readonly List<string> _sqlWhere = ["1 = 1"];
    private readonly Dictionary<string, string> _merged = [];
    private readonly List<OracleNest> _nests = [];
    private readonly string _root;
    private readonly OracleTable _words;
    private string _joins = "";
    private int _aliases;

    /// <summary>A random document.</summary>
    /// <param name="random">Decides.</param>
    /// <param name="isFiltered">Whether tables may have conditions of their own.</param>
    public OracleDocument(Random random, bool isFiltered)
    {
        _random = random;
        Tables = [.. OracleTables.Schemas.Select(schema => new TableSelection(
            schema.Table.Name, schema.Table, [], isFiltered && random.Next(4) == 0 ? string.Format(null, OracleWords.Condition(random, schema.Table.Name), "") : null))];
        _root = random.Next(4) == 0 ? "customers" : "orders";
        _words = OracleWords.Of(_root);
        var isGrouped = random.Next(3) == 0;
        if (_root == "orders")
            Merge(isGrouped);
        if (random.Next(5) > 0)
            Nest("items", isGrouped);
        if (random.Next(4) == 0)
            Nest("lines", isGrouped);
        Where();
        if (isGrouped)
            Group();
        else
            Single();
    }

    public ImmutableArray<TableSelection> Tables { get; }

    /// <summary>Statements that filter the tables.</summary>
    public IEnumerable<string> Views => Tables.Select(table => $"CREATE VIEW v_{table.Alias} AS SELECT * FROM {table.Alias} WHERE {table.Where ?? "1 = 1"}");

    public DocumentRule Rule { get; private set; } = null!; // not null: both ways of the constructor set it

    public string Query { get; private set; } = "";

    private static WrittenExpression Written(string text) => new(text, Here, IsInline: true);

    private void Merge(bool isGrouped)
    {
        if (_random.Next(2) == 0)
            Add(OracleMerge.Random(_random, "customers", "id", "r", "customer_id", "buyer", ref _aliases));
        if (_random.Next(4) == 0)
            Add(OracleMerge.Random(_random, "products", "title", "r", "note", "deal", ref _aliases));

        void Add(OracleMerge merge)
        {
            _merges.Add(merge.Rule);
            _joins += merge.Join;
            _merged[merge.Rule.From] = merge.Alias;
            if (!isGrouped)
                _fields.AddRange(merge.Fields);
        }
    }

    private void Nest(string name, bool isGrouped)
    {
        var (table, column) = _words.Inner!.Value; // not null: both roots have one
        var nest = OracleNest.Random(_random, table, column, "r", name, isGrouped, ref _aliases);
        _nests.Add(nest);
        if (!isGrouped && nest.Rule.Form != NestForm.None)
            _fields.Add((name, nest.Value));
    }

    private void Where()
    {
        if (_random.Next(3) > 0)
            Require(OracleWords.Condition(_random, _root), "", "r.");
        if (_merged.TryGetValue("customers", out var alias) && _random.Next(3) == 0)
            Require(OracleWords.Condition(_random, "customers"), "customers.", alias + ".");
        foreach (var nest in _nests.Where(_ => _random.Next(4) == 0))
        {
            var number = OracleWords.Of(nest.Rule.From).Number;
            var isSum = _random.Next(2) == 0;
            _where.Add(isSum ? $"sum({nest.Rule.As}.{number}) > 4" : $"count({nest.Rule.As}) > 0");
            _sqlWhere.Add($"(SELECT {(isSum ? $"sum({nest.Alias}.{number})" : "count(*)")} {nest.Rows}) > {(isSum ? 4 : 0)}");
        }

        void Require(string template, string ours, string sql)
        {
            _where.Add(string.Format(null, template, ours));
            _sqlWhere.Add(string.Format(null, template, sql));
        }
    }

    private void Single()
    {
        foreach (var nest in _nests)
        {
            var words = OracleWords.Of(nest.Rule.From);
            for (var i = 0; i < 2; i++)
            {
                var (ours, sql) = OracleWords.Aggregate(_random, words.Number, words.Text, words.Money);
                Set($"{nest.Rule.As}{i}", string.Format(null, ours, nest.Rule.As + "."), string.Format(null, sql, nest.Alias + ".", nest.Rows));
            }

            Set($"{nest.Rule.As}_size", $"count({nest.Rule.As}) * 10", $"(SELECT count(*) {nest.Rows}) * 10");
        }

        if (_random.Next(2) == 0)
        {
            var computed = OracleWords.Computed(_random, _words);
            Set("more", string.Format(null, computed, ""), string.Format(null, computed, "r."));
        }

        var own = OracleWords.Columns(_root).Select(column => $"'{column}', {OracleWords.Shown(_root, column, "r.")}");
        var fields = own.Concat(_fields.Select(field => $"'{field.Name}', {field.Sql}"));
        Query = $"SELECT r.id, json_object({string.Join(", ", fields)}) FROM v_{_root} r{_joins} WHERE {string.Join(" AND ", _sqlWhere)}";
        Rule = RuleOf(null);

        void Set(string name, string ours, string sql)
        {
            _set.Add(new(name, Written(ours)));
            _fields.Add((name, sql));
        }
    }

    private void Group()
    {
        List<(string Name, string Ours, string Sql)> candidates = _root == "customers"
            ? [("region", "region", "r.region"), ("called", "name", "r.name")]
            : [("customer", "customer_id", "r.customer_id"), ("kind", "type", "r.type"), ("remark", "note", "r.note"), ("double", "amount * 2", "r.amount * 2")];
        if (_merged.TryGetValue("customers", out var customers))
            candidates.AddRange([("region", "customers.region", customers + ".region"), ("region", "customers.region", customers + ".region")]);
        var picked = candidates.Where(_ => _random.Next(3) == 0).DistinctBy(key => key.Name).Take(2).ToList();

        var same = string.Concat(picked.Select((_, i) => $" AND q.k{i} IS g.k{i}"));
        var rows = $"FROM rows q WHERE 1 = 1{same}";
        Add("rows", "count(*)", $"(SELECT count(*) {rows})");
        for (var i = 0; i < 4; i++)
        {
            var (ours, sql) = OracleWords.Aggregate(_random, _words.Number, _words.Text, _words.Money);
            Add($"agg{i}", string.Format(null, ours, ""), string.Format(null, sql, "q.", rows));
        }

        if (customers is not null)
            Add("last_name", "max(customers.name)", $"(SELECT max(q.customer_name) {rows})");
        foreach (var nest in _nests)
        {
            var words = OracleWords.Of(nest.Rule.From);
            var (ours, sql) = OracleWords.Aggregate(_random, words.Number, words.Text, words.Money);
            var source = $"FROM rows q CROSS JOIN {nest.Source} WHERE {nest.Condition.Replace("r.id", "q.id", StringComparison.Ordinal)}{same}";
            Add($"of_{nest.Rule.As}", string.Format(null, ours, nest.Rule.As + "."), string.Format(null, sql, nest.Alias + ".", source));
        }

        var keys = picked.Select((key, i) => (key.Name, Sql: $"g.k{i}")).ToList();
        if (picked.Count == 0)
            keys.Add(("id", "'all'"));
        var all = $"SELECT r.*{string.Concat(picked.Select((key, i) => $", {key.Sql} AS k{i}"))}{(customers is null ? "" : $", {customers}.name AS customer_name")} "
            + $"FROM v_{_root} r{_joins} WHERE {string.Join(" AND ", _sqlWhere)}";
        var groups = picked.Count == 0 ? "(SELECT 1)" : $"(SELECT DISTINCT {string.Join(", ", picked.Select((_, i) => $"k{i}"))} FROM rows)";
        Query = $"WITH rows AS ({all}) SELECT {string.Join(", ", keys.Select(key => key.Sql))}, "
            + $"json_object({string.Join(", ", keys.Concat(_fields).Select(field => $"'{field.Name}', {field.Sql}"))}) FROM {groups} g";
        Rule = RuleOf([.. picked.Select(key => new SetRule(key.Name, Written(key.Ours)))]);

        void Add(string name, string ours, string sql)
        {
            _set.Add(new(name, Written(ours)));
            _fields.Add((name, sql));
        }
    }

    private DocumentRule RuleOf(ImmutableArray<SetRule>? group) => new()
    {
        Root = _root, Where = _where.Count == 0 ? null : Written(string.Join(" AND ", _where)), Merge = [.. _merges], Nest = [.. _nests.Select(nest => nest.Rule)],
        Set = [.. _set], Group = group, Location = Here,
    };
}
