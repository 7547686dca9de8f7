using System.Globalization;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Pipeline.Definitions;
using Leat.Transform.Plan.Documents;
using Leat.Transform.Plan.Rules;

namespace Leat.Output;

/// <summary>Shows a plan as a tree for people, or as JSON.</summary>
internal static class PlanWriter
{
    /// <summary>For people.</summary>
    public static void Write(Terminal terminal, PlanLook look)
    {
        var color = terminal.UsesColor();
        var pipeline = look.Pipeline;
        var lanes = pipeline.Lanes is { } number ? FormattableString.Invariant($"{number} lane{(number == 1 ? "" : "s")}") : "4 to 32 lanes";
        terminal.Out.WriteLine($"{Paint.With(pipeline.Name, Paint.Bold, color)}  {pipeline.From} → {pipeline.SinkKind}, {lanes} by key");
        List<Branch> branches = pipeline.Document is { } document ? [Document(document, look), State(document, look)] : [.. pipeline.Tables.Select(rule => Table(rule, look))];
        if (look.Source.Any(finding => finding.Severity != Severity.Ok))
            branches.Add(new("source", "", [.. look.Source.Where(finding => finding.Severity != Severity.Ok).Select(finding => new Branch(finding.Check, Told(finding), []))]));
        if (look.Target.Length > 0)
            branches.Add(new("target", "", [.. look.Target.Select(finding => new Branch(finding.Check, Told(finding), []))]));
        if (look.Application is { } application)
            branches.Add(new("when run", application.Text, []));
        if (look.Problems.Length > 0)
            branches.Add(new("problem", "", [.. look.Problems.Select(finding => new Branch(finding.Check, Told(finding), []))]));
        Write(terminal.Out, branches, "", color);
    }

    /// <summary>For scripts.</summary>
    public static PlanJson Json(PlanLook look)
    {
        var pipeline = look.Pipeline;
        var tables = pipeline.Tables.Select(rule =>
        {
            var shape = pipeline.Document is null ? look.Shapes.FirstOrDefault(shape => (shape.Part?.Table ?? shape.Alias) == rule.Alias) : null;
            return new PlanTableJson(rule.Alias, SourceOf(rule), rule.Where, shape is null ? [] : [.. shape.Columns.Select(column => column.Name)], shape is null ? [] : KeyOf(shape));
        });
        var document = pipeline.Document is not { } made ? null : new PlanDocumentJson(
            made.Root, made.Where?.Shown, made.Group is { } group ? [.. group.Select(field => field.Name)] : null,
            look.Shapes is [var whole] ? [.. whole.Columns.Select(column => column.Name)] : [],
            [.. (look.Description?.Joins ?? []).Select(join => new PlanJoinJson(join.Name, join.From, join.To, OnOf(join), join.ByKey ? "key" : "index", join.IsCollection, join.FansOut))]);
        var state = pipeline.Document is null || look.Description is not { } plan ? null : new PlanStateJson(
            StateBytes(look), pipeline.Document.StateBytes, look.StateOnDisk,
            [
                .. plan.Inputs.Select(input => (Input: input, Held: look.Held.FirstOrDefault(held => held.Alias == input.Alias))).Select(one => new PlanHeldJson(
                    one.Input.Alias, [.. one.Input.Columns.Select(column => column.Name)], one.Input.Key, [.. one.Input.Indexes.Select(index => (IReadOnlyList<string>)index)],
                    one.Held?.Rows, (long?)one.Held?.RowBytes)),
            ]);
        return new(
            pipeline.Name, pipeline.From, pipeline.SinkKind, pipeline.Lanes, [.. tables], document, state, [.. look.Target.Select(finding => FindingJson.Of(finding, pipeline.Name))],
            look.Application is { } application ? new(application.Word, application.Text, application.RowsRead) : null);
    }

    private static Branch Table(TableRule rule, PlanLook look)
    {
        var branches = new List<Branch>();
        var shape = look.Shapes.FirstOrDefault(shape => (shape.Part?.Table ?? shape.Alias) == rule.Alias);
        if (rule.Group is { } group)
            branches.Add(new("document", PartOf(group), []));
        if (rule.Where is not null)
            branches.Add(new("where", rule.WhereWritten?.Shown ?? rule.Where, []));
        branches.Add(new("columns", shape is not null ? string.Join(", ", shape.Columns.Select(column => column.Name)) : rule.Columns.IsEmpty ? "all" : string.Join(", ", rule.Columns), []));
        branches.AddRange(Set(rule.Set));
        if (!rule.SoftDelete.IsEmpty)
            branches.Add(new("a deleted row stays", string.Join("; ", rule.SoftDelete.Select(set => $"{set.Name} = {set.Expression.Shown}")), []));
        if (rule.When != Leat.Transform.Plan.FollowedOperations.All)
            branches.Add(new("follows", rule.When.ToString().ToLowerInvariant(), []));
        if (shape is not null)
            branches.Add(new("key", string.Join(", ", KeyOf(shape)), []));
        return new(rule.Alias, SourceOf(rule), branches);
    }

    private static string PartOf(FieldGroup group)
    {
        if (group.IsRoot)
            return "lives as long as a row of this table; other tables write their own fields";
        var join = string.Join(" and ", group.Key.Zip(group.Joined, (key, joined) => $"{joined} = {group.Document}.{key}"));
        return $"writes its fields of '{group.Document}'{(group.As is null ? "" : $", as '{group.As}'")}, where {join}";
    }

    private static Branch Document(DocumentRule document, PlanLook look)
    {
        var branches = new List<Branch>();
        if (document.Where is { } where)
            branches.Add(new("where", where.Shown, []));
        branches.AddRange(Parts(document.Root, document.Merge, document.Nest, look));
        branches.AddRange(Set(document.Set));
        if (look.Shapes is [var shape])
        {
            branches.Add(new("fields", string.Join(", ", shape.Columns.Select(column => column.Name)), []));
            branches.Add(new("key", string.Join(", ", KeyOf(shape)), []));
        }

        return document.Group is not { } group
            ? new("documents", $"one for each row of {document.Root}", branches)
            : new("documents", group.IsEmpty
                ? $"one over all rows of {document.Root}"
                : $"one for each {string.Join(", ", group.Select(field => $"{field.Name} = {field.Expression.Shown}"))} of {document.Root}", branches);
    }

    private static IEnumerable<Branch> Parts(string parent, IEnumerable<MergeRule> merges, IEnumerable<NestRule> nests, PlanLook look)
    {
        foreach (var merge in merges)
        {
            var what = merge.As is null ? $"its fields, from {merge.From}" : $"object, from {merge.From}";
            yield return new(merge.As ?? merge.From, what + (merge.IsRequired ? ", without which there is no document" : ""), [.. Join(parent, merge.As ?? merge.From, merge.From, merge.On, look), .. Fields(merge.Fields)]);
        }

        foreach (var nest in nests)
        {
            var branches = new List<Branch>(Join(parent, nest.As, nest.From, nest.On, look));
            if (nest.Where is { } where)
                branches.Add(new("where", where.Shown, []));
            var order = nest.Order.Select(by => by.Falling ? $"{by.Column} desc" : by.Column).Concat(nest.Key).ToList();
            if (order.Count > 0 && nest.Form is NestForm.Array or NestForm.First)
                branches.Add(new("ordered by", string.Join(", ", order) + (nest.Limit is { } limit ? string.Create(CultureInfo.InvariantCulture, $", the first {limit}") : ""), []));
            branches.AddRange(Fields(nest.Fields));
            branches.AddRange(Parts(nest.From, nest.Merge, nest.Nest, look));
            branches.AddRange(Set(nest.Set));
            var form = nest.Form == NestForm.None ? "rows for aggregates" : nest.Form.ToString().ToLowerInvariant();
            yield return new(nest.As, $"{form}, from {nest.From}", branches);
        }
    }

    private static IEnumerable<Branch> Join(string parent, string name, string from, JoinRule on, PlanLook look)
    {
        var join = look.Description?.Joins.FirstOrDefault(join => join.From == from && join.Name == name)
            ?? look.Description?.Joins.FirstOrDefault(join => join.From == from);
        var text = join is null ? string.Join(" AND ", on.Pairs.Select(pair => $"{from}.{pair.Joined} = {parent}.{pair.To}")) : OnOf(join);
        yield return new("on", join is null ? text : $"{text}, found by {(join.ByKey ? "its key" : "an index")}", []);
        if (join is { FansOut: true })
            yield return new("fan-out", "a change of one row may touch many documents: beyond 64 they are written in the background, behind direct changes", []);
    }

    private static IEnumerable<Branch> Fields(IReadOnlyCollection<FieldRule> fields)
    {
        if (fields.Count > 0)
            yield return new("fields", string.Join(", ", fields.Select(field => field.Name == field.Column ? field.Name : $"{field.Name} = {field.Column}")), []);
    }

    private static IEnumerable<Branch> Set(IReadOnlyCollection<SetRule> set) => set.Count == 0 ? [] : [new("set", "", [.. set.Select(rule => new Branch(rule.Name, $"= {rule.Expression.Shown}", []))])];

    private static Branch State(DocumentRule document, PlanLook look)
    {
        var limit = Units.FormatSize(document.StateBytes);
        if (look.Description is not { } plan)
            return new("state", $"the rows of its tables, in memory, at most {limit}", [.. look.Pipeline.Tables.Select(rule => Table(rule, look))]);
        var inputs = plan.Inputs.Select(input =>
        {
            var held = look.Held.FirstOrDefault(held => held.Alias == input.Alias);
            var rows = held?.Rows is { } count ? FormattableString.Invariant($"about {count:N0} rows") : "rows not counted";
            var bytes = held?.RowBytes is { } each ? FormattableString.Invariant($" × {each:F0} B") : "";
            var indexes = string.Concat(input.Indexes.Select(index => $"; index ({string.Join(", ", index)})"));
            return new Branch(input.Alias, $"{input.Table}{(input.Where is { } where ? $" where {where}" : "")}: {string.Join(", ", input.Columns.Select(column => column.Name))}; key ({string.Join(", ", input.Key)}){indexes}; {rows}{bytes}", []);
        });
        var now = look.StateOnDisk is { } bytes ? $"; {Units.About(bytes)} on disk now" : "";
        return new("state", (StateBytes(look) is { } all ? $"about {Units.About(all)} of memory, at most {limit}" : $"in memory, at most {limit}") + now, [.. inputs]);
    }

    private static long? StateBytes(PlanLook look) => look.Held.Length > 0 && look.Held.All(held => held.Bytes is not null || held.Rows == 0) ? (long)look.Held.Sum(held => held.Bytes ?? 0) : null;

    private static string SourceOf(TableRule rule) => rule.Pattern is { } pattern ? $"tables like {pattern.Expression}" : rule.Table.ToString();

    private static string OnOf(PlanJoin join) => string.Join(" AND ", join.Pairs.Select(pair => $"{join.From}.{pair.Joined} = {join.To}.{pair.To}"));

    private static IReadOnlyList<string> KeyOf(Shape shape) =>
        [.. shape.Key.Select(ordinal => shape.Columns.Where(column => column.Ordinal == ordinal).Select(column => column.Name).FirstOrDefault(shape.Schema.Columns[ordinal].Name))];

    private static string Told(Finding finding) =>
        finding.Severity == Severity.Ok ? finding.Message : string.Create(CultureInfo.InvariantCulture, $"{finding.Severity.ToString().ToLowerInvariant()}: {finding.Message} [{finding.Code}] {finding.Remedy}");

    private static void Write(TextWriter writer, IReadOnlyList<Branch> branches, string indent, bool color)
    {
        for (var at = 0; at < branches.Count; at++)
        {
            var (name, text, inner) = branches[at];
            var isLast = at == branches.Count - 1;
            var below = indent + (isLast ? "   " : "│  ");
            var told = text.Replace("\n", "\n" + below, StringComparison.Ordinal);
            writer.WriteLine($"{indent}{(isLast ? "└─ " : "├─ ")}{Paint.With(name, Paint.Green, color)}{(text.Length > 0 ? "  " + told : "")}");
            Write(writer, inner, below, color);
        }
    }

    private sealed record Branch(string Name, string Text, IReadOnlyList<Branch> Inner);
}
