using System.Text;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Pipeline.Definitions;
using Leat.Transform.Expressions;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Rules;
using Xunit;

namespace Leat.Tests.Definitions;

/// <summary>What a pipeline may say of the shape of its rows becomes the rules that the plan is made of.</summary>
public sealed class ShapingTests
{
    private const string Whole = """
        sources: { shop: { simulator: } }
        pipelines:
          search:
            from: shop
            tables:
              orders:
                table: shop.orders
                columns: [id, type, { remark: note }]
                set:
                  total_cents: total * 100
                  email: 'lower(email)'
                where: type IN (1, 2)
                when: [insert, update, delete]
                soft_delete: { deleted: "true" }
                on_schema_change: lenient
              items: { table: shop.order_items, where: "qty > 0" }
              customers: shop.customers
              events: { tables: "shop\\.events_(\\d+)", unique_ids: true }
              logs: { tables: 'shop\.logs_.*', shard: part }
              notes: { tables: 'shop\.notes_.*' }
            document:
              root: orders
              where: type = 1
              merge:
                from: customers
                on: customers.id = orders.customer_id
                as: customer
                fields: [name, { mail: email }]
                on_missing: wait
              nest:
                - as: lines
                  from: items
                  on: orders.id = items.order_id AND `orders`.shop = lines.shop
                  key: id
                  order: [position, "qty desc"]
                  fields: [id, sku, qty]
                  form: map
                  where: qty > 1
                  set: { cents: "price * 100" }
                  merge: [{ from: events, on: events.item = lines.id }]
                  nest: [{ as: logs, from: logs, on: logs.item_id = items.id }]
                - { as: notes, from: notes, on: notes.order_id = orders.id, form: count }
              set: { title: "coalesce(note, '')" }
              state: 512MiB
            sink: { redis: { address: "here:1", key: "order:{id}" } }
            tests:
              - name: an order that leaves the filter is deleted
                types: { orders: { id: bigint key, type: int unsigned, total: "decimal(12,4) not null", state: "enum('a','it''s')", at: datetime(3) } }
                given: [{ orders: { id: 1, type: 1 } }, { items: [{ id: 7, order_id: 1 }, { id: 8, order_id: 1 }] }]
                when:
                  - { insert: items, row: { id: 9, order_id: 1, sku: "17" } }
                  - { update: orders, key: 1, set: { type: 3 } }
                  - transaction:
                      - { delete: items, key: { id: 9 } }
                      - { delete: events, key: 4, table: shop.events_2 }
                  - truncate: items
                then: [{ delete: "1" }, { index: "1", table: orders, document: { id: 1 } }, { index: "2", fields: { id: 2 } }, { index: 3 }]
        """;

    private static PipelineDefinition Search => Assert.Single(Read(Whole).Pipelines);

    [Fact]
    public void Reads_what_a_table_is_to_become()
    {
        var orders = Search.Tables[0].ToSelection();

        Assert.Equal(["id", "type", "note"], orders.Columns);
        Assert.Equal([new("note", "remark")], orders.Rename);
        Assert.Equal(
            [("total_cents", "total * 100", "/etc/leat/leat.yaml:10:24"), ("email", "lower(email)", "/etc/leat/leat.yaml:11:19")],
            orders.Set.Select(set => (set.Name, set.Expression.Text, set.Expression.Location.ToString())));
        Assert.Equal(("type IN (1, 2)", "/etc/leat/leat.yaml:12:16"), (orders.Where, orders.WhereWritten?.Location.ToString()));
        Assert.Equal(FollowedOperations.All, orders.When);
        Assert.Equal(("deleted", "true"), (Assert.Single(orders.SoftDelete).Name, orders.SoftDelete[0].Expression.Text));
        Assert.Equal(SchemaChange.Lenient, orders.OnSchemaChange);
        Assert.Equal("/etc/leat/leat.yaml:6:7", orders.Location.ToString());
    }

    [Fact]
    public void Reads_tables_that_are_one() => Assert.Equal(
        [new TablePattern(@"shop\.events_(\d+)", null), new(@"shop\.logs_.*", "part"), new(@"shop\.notes_.*", "shard")],
        Search.Tables.Select(table => table.Pattern).OfType<TablePattern>());

    [Fact]
    public void Reads_a_document()
    {
        var document = Search.Document;

        Assert.NotNull(document);
        Assert.Equal(("orders", "type = 1", 512L << 20), (document.Root, document.Where?.Text, document.StateBytes));
        var customer = Assert.Single(document.Merge);
        Assert.Equal(("customers", "customer", true), (customer.From, customer.As, customer.IsRequired));
        Assert.Equal([("id", "customer_id")], customer.On.Pairs);
        Assert.Equal([new("name", "name"), new FieldRule("mail", "email")], customer.Fields);
        Assert.Equal(("title", "coalesce(note, '')"), (Assert.Single(document.Set).Name, document.Set[0].Expression.Text));
        Assert.Null(document.Group);
    }

    [Fact]
    public void Reads_collections_and_what_is_in_their_objects()
    {
        var nests = Search.Document?.Nest ?? [];

        Assert.Equal([("lines", "items", NestForm.Map), ("notes", "notes", NestForm.Count)], nests.Select(nest => (nest.As, nest.From, nest.Form)));
        var lines = nests[0];
        Assert.Equal([("order_id", "id"), ("shop", "shop")], lines.On.Pairs);
        Assert.Equal(["id"], lines.Key);
        Assert.Equal([("position", false), ("qty", true)], lines.Order);
        Assert.Equal(["id", "sku", "qty"], lines.Fields.Select(field => field.Name));
        Assert.Equal("qty > 1", lines.Where?.Text);
        Assert.Equal([("item", "id")], Assert.Single(lines.Merge).On.Pairs);
        Assert.Equal([("item_id", "id")], Assert.Single(lines.Nest).On.Pairs);
        Assert.Equal("price * 100", Assert.Single(lines.Set).Expression.Text);
    }

    [Theory]
    [InlineData("{ customer: customer_id, year: \"total / 1\" }", "customer=customer_id,year=total / 1")]
    [InlineData("[customer_id, note]", "customer_id=customer_id,note=note")]
    [InlineData("customer_id", "customer_id=customer_id")]
    [InlineData("[]", "")]
    public void Reads_groups(string group, string expected)
    {
        var document = Assert.Single(Read($$"""
            sources: { shop: { simulator: } }
            pipelines:
              totals:
                from: shop
                tables: { orders: shop.orders }
                document: { root: orders, group: {{group}}, set: { total: total } }
                sink: { jsonlines: { folder: out } }
            """).Pipelines).Document;

        Assert.Equal(expected, string.Join(',', (document?.Group ?? []).Select(field => $"{field.Name}={field.Expression.Text}")));
        Assert.NotNull(document?.Group);
    }

    [Fact]
    public void Reads_tests()
    {
        var test = Assert.Single(Search.Tests);

        Assert.Equal("an order that leaves the filter is deleted", test.Name);
        Assert.Equal(
            [
                ("id", ColumnKind.Int64, true, 0, 0, ""), ("type", ColumnKind.UInt32, false, 0, 0, ""), ("total", ColumnKind.Decimal, false, 12, 4, ""),
                ("state", ColumnKind.Enum, false, 0, 0, "a|it's"), ("at", ColumnKind.DateTime, false, 0, 3, ""),
            ],
            test.Types["orders"].Select(type => (type.Column.Name, type.Column.Kind, type.IsKey, type.Column.Precision, type.Column.Scale, string.Join('|', type.Column.Labels))));
        Assert.Equal(["insert orders  id=1 type=1", "insert items  id=7 order_id=1", "insert items  id=8 order_id=1"], test.Given.Select(Text));
        Assert.Equal(
            [
                "insert items  id=9 order_id=1 sku='17'; update orders =1 type=3",
                "delete items id=9 ; delete events =4  @shop.events_2",
                "truncate items  ",
            ],
            test.When.Select(transaction => string.Join("; ", transaction.Select(Text))));
        Assert.Equal(
            [(true, "1", null, false, 0), (false, "1", "orders", true, 1), (false, "2", null, false, 1), (false, "3", null, false, 0)],
            test.Then.Select(then => (then.IsDelete, then.Key, then.Alias, then.IsWhole, then.Document?.Entries.Count ?? 0)));
    }

    [Theory]
    [InlineData("type IN (1, 2) AND note <> 'x'")]
    [InlineData("'note = ''it''''s'' AND `a b` = ''\\'''")]
    [InlineData("\"note = 'a \\\"b\\\" c' AND `x` = '\\\\'\"")]
    [InlineData("|\n          type = 1\n            AND note\n\n          = 'x'\n")]
    [InlineData(">-\n          type = 1\n          AND note\n            = 'x'\n")]
    [InlineData("type = 1\n          AND note\n          = 'x'")]
    [InlineData("\"type = 1\n          AND note\n\n          = 'x'\"")]
    [InlineData("'a = 1'   # a comment")]
    [InlineData("|\r\n          a = 1\r\n          OR b = 2\r\n")]
    [InlineData("'ä = ''ö'' OR b = 2'")]
    public void Each_sign_of_an_expression_is_found_in_the_file(string written)
    {
        var yaml = $$"""
            sources: { shop: { simulator: } }
            pipelines:
              p:
                from: shop
                tables:
                  orders:
                    table: shop.orders
                    where: {{written}}
                sink: { jsonlines: { folder: out } }
            """;
        var where = Read(yaml).Pipelines[0].Tables[0].WhereWritten;

        Assert.NotNull(where);
        var lines = yaml.Split('\n');
        var (line, column) = (1, 1);
        foreach (var sign in where.Text.TrimEnd())
        {
            var at = where.At(line, column);
            if (!char.IsWhiteSpace(sign))
                Assert.Equal((sign, line, column), (lines[at.Line - 1][at.Column - 1], line, column));
            (line, column) = sign == '\n' ? (line + 1, 1) : (line, column + 1);
        }
    }

    [Theory]
    [InlineData("\"a = '\\u00e4' AND b = 2\"")]
    [InlineData("&here a = 1")]
    public void An_expression_that_the_file_writes_differently_is_told_by_its_beginning(string written)
    {
        var where = Read($$"""
            sources: { shop: { simulator: } }
            pipelines: { p: { from: shop, tables: { orders: { table: shop.orders, where: {{written}} } }, sink: { jsonlines: { folder: out } } } }
            """).Pipelines[0].Tables[0].WhereWritten;

        Assert.Equal("/etc/leat/leat.yaml:2:78", where?.At(1, 5).ToString());
    }

    [Fact]
    public void An_expression_with_a_secret_inside_is_shown_as_it_is_written()
    {
        var expression = Assert.Single(Read("""
            sources: { shop: { simulator: } }
            pipelines: { p: { from: shop, tables: { orders: { table: shop.orders, set: { code: "coalesce(email, '${env:SECRET}')" } } }, sink: { jsonlines: { folder: out } } } }
            """).Pipelines[0].Tables[0].Set).Expression;

        Assert.Equal(("coalesce(email, 'canary-7391')", "coalesce(email, '${env:SECRET}')", true), (expression.Text, expression.Shown, expression.IsSecret));
        var error = Assert.Throws<ExpressionException>(() => Expression.Parse(expression.Text + " 'canary-7391'"));
        Assert.Contains(TestConnectors.Canary, error.Problem, StringComparison.Ordinal);
        Assert.Equal("the expression does not fit; a part of it comes from a reference, so nothing of it is shown.", expression.ProblemOf(error));
        Assert.Equal("`leat explain LEAT-1201` tells what is wrong. Put a harmless value in the place of the reference to be told where.", expression.RemedyOf(error));
    }

    [Fact]
    public void Broken_rules_give_findings_and_never_an_exception()
    {
        var random = new Random(7391);
        const string Alphabet = " \n\t:-[]{}&*!|>'\"%@`#,?ab.=()$\\${env:SECRET}<";
        for (var i = 0; i < 1_000; i++)
        {
            var from = random.Next(Whole.Length);
            var noise = new string([.. Enumerable.Range(0, random.Next(6)).Select(_ => Alphabet[random.Next(Alphabet.Length)])]);
            var broken = Whole.Remove(from, random.Next(Math.Min(12, Whole.Length - from))).Insert(from, random.Next(4) == 0 ? "${env:SECRET}" : noise);

            var (file, problems) = LeatFileReader.Read("/etc/leat/leat.yaml", Encoding.UTF8.GetBytes(broken), TestConnectors.Catalog, TestConnectors.Environment);

            Assert.True(file is not null || problems.Count > 0);
            Assert.DoesNotContain(problems, problem => $"{problem.Message} {problem.Remedy}".Contains(TestConnectors.Canary, StringComparison.Ordinal));
        }
    }

    private static string Text(TestStep step) =>
        $"{step.Kind.ToString().ToLowerInvariant()} {step.Alias} {Text(step.Key)} {Text(step.Values)}{(step.Table is { } table ? $" @{table}" : "")}";

    private static string Text(IEnumerable<TestField> fields) => string.Join(' ', fields.Select(field =>
        field.Value is ConfigScalar scalar ? $"{field.Column}={(scalar.IsQuoted ? $"'{scalar.Text}'" : scalar.Text)}" : $"{field.Column}=…"));

    private static LeatFile Read(string yaml)
    {
        var (file, problems) = LeatFileReader.Read("/etc/leat/leat.yaml", Encoding.UTF8.GetBytes(yaml), TestConnectors.Catalog, TestConnectors.Environment);
        Assert.Empty(problems.Select(problem => $"{problem.Location} {problem.Message}"));
        Assert.NotNull(file);
        return file;
    }
}
