using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.Plan.Rules;

namespace Leat.Tests.Transform.Oracle;

/// <summary>A column's value as JSON shows it, a condition, an aggregate: in our words and in SQL.</summary>
internal static class OracleWords
{
    private static readonly Dictionary<string, string[]> Conditions = new()
    {
        ["orders"] = ["{0}type IN (1, 2)", "{0}note IS NOT NULL", "{0}amount > 5", "({0}amount IS NULL OR {0}amount < 12)", "NOT ({0}type = 3 AND {0}amount > 0)", "coalesce({0}type, 0) <> 3"],
        ["items"] = ["{0}qty > 2", "{0}sku <> 'a'", "{0}position IS NOT NULL", "{0}qty + {0}position < 15", "CASE WHEN {0}qty > 5 THEN {0}sku ELSE 'b' END IN ('a', 'b')"],
        ["parts"] = ["{0}n >= 1", "{0}label <> 'b'"],
        ["customers"] = ["{0}region = 'eu'", "{0}name IS NOT NULL"],
        ["products"] = ["{0}title IS NOT NULL"],
    };

    /// <summary>What there is to compute of a table, which other may be merged into its rows, and which collected inside them.</summary>
    public static OracleTable Of(string table) => table switch
    {
        "orders" => new("amount", "note", "total", ("products", "title", "note"), ("items", "order_id")),
        "items" => new("qty", "sku", null, ("products", "id", "product_id"), ("parts", "item_id")),
        "parts" => new("n", "label", null, null, null),
        _ => new("id", "name", null, null, ("orders", "customer_id")),
    };

    /// <summary>A condition over a row, with a place for what stands before its columns.</summary>
    public static string Condition(Random random, string table) => Conditions[table][random.Next(Conditions[table].Length)];

    /// <summary>A column as it stands in a document: money is a decimal there, and cents at the judge's.</summary>
    public static string Shown(string table, string column, string prefix) => Shown(
        OracleTables.Schemas.First(schema => schema.Table.Name == table).Columns.First(known => known.Name == column).Kind == ColumnKind.Decimal, prefix + column);

    public static string Shown(bool isMoney, string sql) => isMoney ? $"CASE WHEN {sql} IS NULL THEN NULL ELSE printf('%.2f', ({sql}) / 100.0) END" : sql;

    /// <summary>A value computed of a number and a text, with a place for what stands before its columns.</summary>
    public static string Computed(Random random, OracleTable table) => random.Next(4) switch
    {
        0 => $"{{0}}{table.Number} * 2 + 1",
        1 => $"coalesce({{0}}{table.Text}, '-')",
        2 => $"CASE WHEN {{0}}{table.Number} > 5 THEN 'many' WHEN {{0}}{table.Number} IS NULL THEN NULL ELSE {{0}}{table.Text} END",
        _ => $"{{0}}{table.Number} BETWEEN 2 AND 9 OR {{0}}{table.Text} = 'x'",
    };

    /// <summary>All columns of a table.</summary>
    public static IEnumerable<string> Columns(string table) =>
        OracleTables.Schemas.First(schema => schema.Table.Name == table).Columns.Select(column => column.Name);

    /// <summary>With four digits, rounded half away from zero.</summary>
    public static string Average(string column) =>
        $"CASE WHEN count({column}) = 0 THEN NULL ELSE printf('%.4f', (CASE WHEN sum({column}) < 0 THEN -1 ELSE 1 END) * ((abs(sum({column})) * 20000 + count({column})) / (2 * count({column}))) / 10000.0) END";

    /// <summary>Ours, with the name before columns in place of {0}; SQL, with the same, and the source of its rows in place of {1}.</summary>
    public static (string Ours, string Sql) Aggregate(Random random, string number, string text, string? money) => random.Next(money is null ? 8 : 10) switch
    {
        0 => ($"count({{0}}{number})", $"(SELECT count({{0}}{number}) {{1}})"),
        1 => ($"sum({{0}}{number})", $"(SELECT sum({{0}}{number}) {{1}})"),
        2 => ($"min({{0}}{number})", $"(SELECT min({{0}}{number}) {{1}})"),
        3 => ($"max({{0}}{text})", $"(SELECT max({{0}}{text}) {{1}})"),
        4 => ($"count(DISTINCT {{0}}{text})", $"(SELECT count(DISTINCT {{0}}{text}) {{1}})"),
        5 => ($"avg({{0}}{number})", $"(SELECT {Average("{0}" + number)} {{1}})"),
        6 => ($"string_agg({{0}}{text}, '|')", $"(SELECT group_concat(x, '|') FROM (SELECT {{0}}{text} AS x {{1}} ORDER BY {{0}}{text}))"),
        7 => ($"string_agg({{0}}{text}, '|' ORDER BY {{0}}{number} DESC)", $"(SELECT group_concat(x, '|') FROM (SELECT {{0}}{text} AS x {{1}} ORDER BY {{0}}{number} DESC, {{0}}{text}))"),
        8 => ($"sum({{0}}{money})", Shown(isMoney: true, $"(SELECT sum({{0}}{money}) {{1}})")),
        _ => ($"max({{0}}{money})", Shown(isMoney: true, $"(SELECT max({{0}}{money}) {{1}})")),
    };
}

/// <summary>What the random documents use of a table: a number, a text, perhaps money; what is merged by which columns, and what is collected.</summary>
internal sealed record OracleTable(string Number, string Text, string? Money, (string Table, string Column, string By)? Merged, (string Table, string Column)? Inner);

/// <summary>Rows of another table that become part of an object, and the same as a join.</summary>
internal sealed record OracleMerge(MergeRule Rule, string Join, string Alias, ImmutableArray<(string Name, string Sql)> Fields)
{
    private static readonly FileLocation Here = new("oracle.yaml", 1, 1);

    /// <summary>Of several rows the one with the lowest key.</summary>
    public static OracleMerge Random(Random random, string table, string column, string parentAlias, string parentColumn, string name, ref int aliases)
    {
        var alias = "m" + aliases++;
        var isRequired = random.Next(4) == 0;
        var asObject = random.Next(2) == 0;
        var columns = OracleWords.Columns(table).ToList();
        var fields = asObject && random.Next(2) == 0
            ? []
            : columns.Select(field => new FieldRule($"{name}_{field}", field)).Where(_ => random.Next(2) == 0).ToImmutableArray();
        if (fields.IsEmpty && !asObject)
            fields = [new($"{name}_id", "id")];
        var rule = new MergeRule
        {
            From = table, As = asObject ? name : null, On = new([(column, parentColumn)], Here), Fields = fields, IsRequired = isRequired, Location = Here,
        };
        var shown = (fields.IsEmpty ? [.. columns.Select(field => new FieldRule(field, field))] : fields).Select(field => (field.Name, Sql: OracleWords.Shown(table, field.Column, alias + ".")));
        var join = $" {(isRequired ? "JOIN" : "LEFT JOIN")} v_{table} {alias} ON {alias}.id = (SELECT min(id) FROM v_{table} WHERE {column} = {parentAlias}.{parentColumn})";
        return new(rule, join, alias, asObject
            ? [(name, $"json(CASE WHEN {alias}.id IS NULL THEN NULL ELSE json_object({string.Join(", ", shown.Select(field => $"'{field.Name}', {field.Sql}"))}) END)")]
            : [.. shown]);
    }
}

/// <summary>Rows of another table that become a collection, and the same as a subquery.</summary>
internal sealed record OracleNest(NestRule Rule, string Alias, string Source, string Condition, string Object, string Order)
{
    private static readonly FileLocation Here = new("oracle.yaml", 1, 1);

    /// <summary>FROM and WHERE of its rows.</summary>
    public string Rows => $"FROM {Source} WHERE {Condition}";

    /// <summary>The collection.</summary>
    public string Value => Rule.Form switch
    {
        NestForm.Array => $"json((SELECT json_group_array(json(o)) FROM (SELECT {Object} AS o {Rows} ORDER BY {Order} LIMIT {Rule.Limit ?? -1})))",
        NestForm.Map => $"json((SELECT json_group_object(k, json(o)) FROM (SELECT CAST({Alias}.id AS TEXT) AS k, {Object} AS o {Rows})))",
        NestForm.First => $"json((SELECT {Object} {Rows} ORDER BY {Order} LIMIT 1))",
        _ => $"(SELECT count(*) {Rows})",
    };

    /// <summary>Rows of a table under a row of another, with what may be merged into them and collected inside them.</summary>
    /// <param name="random">Decides.</param>
    /// <param name="table">The table.</param>
    /// <param name="column">Its column that names the row above.</param>
    /// <param name="parentAlias">The row above.</param>
    /// <param name="name">Name of the collection.</param>
    /// <param name="isHidden">Whether nothing of it is shown.</param>
    /// <param name="aliases">Names given so far.</param>
    /// <param name="isInner">Whether it is the second level.</param>
    public static OracleNest Random(Random random, string table, string column, string parentAlias, string name, bool isHidden, ref int aliases, bool isInner = false)
    {
        var words = OracleWords.Of(table);
        var alias = "n" + aliases++;
        var source = $"v_{table} {alias}";
        var condition = $"{alias}.{column} = {parentAlias}.id";
        var fields = random.Next(2) == 0 ? [] : (ImmutableArray<FieldRule>)[new("id", "id"), new("word", words.Text), new(words.Number, words.Number)];
        var shown = (fields.IsEmpty ? [.. OracleWords.Columns(table).Select(field => new FieldRule(field, field))] : fields)
            .Select(field => (field.Name, Sql: OracleWords.Shown(table, field.Column, alias + "."))).ToList();
        ImmutableArray<MergeRule> merges = [];
        ImmutableArray<NestRule> nests = [];
        ImmutableArray<SetRule> set = [];
        var where = new List<string>();
        if (words.Merged is { } merged && random.Next(2) == 0)
        {
            var merge = OracleMerge.Random(random, merged.Table, merged.Column, alias, merged.By, "goods", ref aliases);
            merges = [merge.Rule];
            source += merge.Join;
            shown.AddRange(merge.Fields);
        }

        if (random.Next(3) > 0)
        {
            var template = OracleWords.Condition(random, table);
            where.Add(string.Format(null, template, random.Next(2) == 0 ? "" : name + "."));
            condition += " AND " + string.Format(null, template, alias + ".");
        }

        if (!isInner && words.Inner is { } below && random.Next(2) == 0)
        {
            var inner = Random(random, below.Table, below.Column, alias, "inner", isHidden: false, ref aliases, isInner: true);
            nests = [inner.Rule];
            if (inner.Rule.Form != NestForm.None)
                shown.Add(("inner", inner.Value));
            var innerWords = OracleWords.Of(below.Table);
            var (ours, sql) = OracleWords.Aggregate(random, innerWords.Number, innerWords.Text, innerWords.Money);
            set = [new("of_inner", Written(string.Format(null, ours, "inner.")))];
            shown.Add(("of_inner", string.Format(null, sql, inner.Alias + ".", inner.Rows)));
            if (random.Next(3) == 0)
            {
                where.Add("count(inner) > 0");
                condition += $" AND (SELECT count(*) {inner.Rows}) > 0";
            }
        }

        if (random.Next(2) == 0)
        {
            var computed = OracleWords.Computed(random, words);
            set = set.Add(new("more", Written(string.Format(null, computed, ""))));
            shown.Add(("more", string.Format(null, computed, alias + ".")));
        }

        var (order, orderSql) = random.Next(4) switch
        {
            0 => (ImmutableArray.Create((words.Number, false)), $"{alias}.{words.Number}, {alias}.id"),
            1 => ([(words.Number, true)], $"{alias}.{words.Number} DESC, {alias}.id"),
            2 => ([(words.Text, false), (words.Number, true)], $"{alias}.{words.Text}, {alias}.{words.Number} DESC, {alias}.id"),
            _ => ([], $"{alias}.id"),
        };
        var form = isHidden ? NestForm.None : (NestForm)random.Next(5);
        return new(
            new()
            {
                Limit = form == NestForm.Array && random.Next(3) == 0 ? random.Next(1, 4) : null,
                As = name, From = table, On = new([(column, "id")], Here), Order = order, Where = where.Count == 0 ? null : Written(string.Join(" AND ", where)),
                Fields = fields, Form = form, Merge = merges, Nest = nests, Set = set, Location = Here,
            },
            alias, source, condition, $"json_object({string.Join(", ", shown.Select(field => $"'{field.Name}', {field.Sql}"))})", orderSql);
    }

    private static WrittenExpression Written(string text) => new(text, Here, IsInline: true);
}
