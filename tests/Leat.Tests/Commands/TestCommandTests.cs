using Xunit;

namespace Leat.Tests.Commands;

public sealed class TestCommandTests : IDisposable
{
    private const string Pipeline = """
        sources:
          shop: { simulator: { seed: 1 } }
        pipelines:
          paid:
            from: shop
            tables:
              orders: { table: shop.orders, columns: [id, status, total], where: "status <> 'cancelled'" }
            sink: { jsonlines: { folder: out } }
            tests:

        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_row_that_leaves_the_filter_is_deleted()
    {
        var run = await TestAsync("""
                  - name: an order that is cancelled leaves
                    given: [ { orders: { id: 1, status: paid, total: 10 } } ]
                    when:  [ { update: orders, key: 1, set: { status: cancelled } } ]
                    then:  [ { delete: "1" } ]
                  - name: an order that is paid is delivered
                    when:  [ { insert: orders, row: { id: 2, status: paid, total: 12.50 } } ]
                    then:  [ { index: "2", document: { id: 2, status: paid, total: 12.5 } } ]
            """);

        Assert.Equal((0, "paid\n  ok      an order that is cancelled leaves\n  ok      an order that is paid is delivered\n"), (run.ExitCode, run.Out));
        Assert.StartsWith("2 tests passed in ", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_as_expected_is_told_field_by_field()
    {
        var run = await TestAsync("""
                  - name: all of it is wrong
                    given: [ { orders: { id: 1, status: paid, total: 10 } } ]
                    when:
                      - transaction: [ { update: orders, key: 1, set: { total: 20 } } ]
                      - transaction: [ { insert: orders, row: { id: 3, status: new, total: 1 } } ]
                    then:
                      - { delete: "3" }
                      - { index: "1", document: { id: 1, status: new, note: x } }
            """);

        var file = Path.Combine(_folder.Path, "leat.yaml");
        Assert.Equal(
            $$"""
            paid
              failed  all of it is wrong  {{file}}:10:9
                        delete 3: expected, but nothing makes it ({{file}}:16:13)
                        index 1 of orders: made in transaction 1, but not as expected ({{file}}:17:13)
                          status  expected "new", got "paid"
                          note    expected "x", got no such field
                          total   expected no such field, got 20
                        index 3 of orders: made in transaction 2, but not expected
                          + {"id":3,"status":"new","total":1}

            """,
            run.Out);
        Assert.Equal(4, run.ExitCode);
        Assert.StartsWith("1 test: 0 passed, 1 failed in ", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Operations_of_one_transaction_may_stand_in_any_order_and_those_of_several_may_not()
    {
        const string Test = """
                  - name: order
                    when:
                      - transaction: [ { insert: orders, row: { id: 1, status: new, total: 1 } }, { insert: orders, row: { id: 2, status: new, total: 1 } } ]
                      - transaction: [ { insert: orders, row: { id: 3, status: new, total: 1 } } ]
                    then: [ { index: "2" }, { index: "1" }, { index: "3" } ]
            """;

        var right = await TestAsync(Test);
        var wrong = await TestAsync(Test.Replace("then: [ { index: \"2\" }, { index: \"1\" }, { index: \"3\" } ]", "then: [ { index: \"3\" }, { index: \"1\" }, { index: \"2\" } ]", StringComparison.Ordinal));

        Assert.Equal((0, 4), (right.ExitCode, wrong.ExitCode));
        Assert.Contains("index 1 of orders: made in transaction 1, before what the test expects earlier", wrong.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("when: [ { update: orders, key: 9, set: { total: 1 } } ]", 17,
        "Test 't': there is no row '9' of 'orders' when this happens. [LEAT-5103]\n              Give it under `given`, or insert it before.")]
    [InlineData("when: [ { insert: orders, row: { id: 1, total: 1 } } ]", 17,
        "Test 't': there is a row '1' of 'orders' already when this happens. [LEAT-5104]\n              Choose another key, or update the row.")]
    [InlineData("when: [ { update: orders, key: 1, set: { totl: 1 } } ]", 50,
        "Test 't' names the column 'totl', which table shop.orders does not have in it. [LEAT-5101]\n              Did you mean 'total'?")]
    [InlineData("when: [ { insert: orders, row: { id: 2, colour: red } } ]", 49,
        "Test 't' names the column 'colour', which table shop.orders does not have in it. [LEAT-5101]\n"
        + "              Its columns there: id, status, total. Another one is made by a row of `given`, or by `types`.")]
    [InlineData("when: [ { delete: orders, key: { total: 1 } } ]", 17,
        "Test 't': the key of table shop.orders is (id) here, which this step does not tell. [LEAT-5105]\n"
        + "              Write its value, for example `key: 1`. If the table has another key, declare it under `types`.")]
    [InlineData("when: [ { insert: orders, row: { id: null, total: 1 } } ]", 46,
        "Test 't': column 'id' of shop.orders is part of the key, and cannot be NULL. [LEAT-5106]\n              Give it a value.")]
    [InlineData("when: [ { insert: orders, row: { id: 2, total: much } } ]", 56,
        "Test 't': 'much' is no value of column 'total' of shop.orders, whose type is decimal(10,2). [LEAT-5102]\n"
        + "              Correct the value, or write the column's type under `types`.")]
    public async Task A_step_that_cannot_be_is_told_with_its_place(string when, int column, string message)
    {
        var run = await TestAsync($$"""
                  - name: t
                    types: { orders: { id: bigint key, status: text, total: "decimal(10,2)" } }
                    given: [ { orders: { id: 1, status: paid, total: 10 } } ]
                    {{when}}
                    then: []
            """);

        Assert.Equal(2, run.ExitCode);
        var file = Path.Combine(_folder.Path, "leat.yaml");
        Assert.Equal($"paid\n  failed  t  {file}:10:9\n            {file}:13:{column}: {message}\n", run.Out);
    }

    [Fact]
    public async Task Tests_are_chosen_by_words_of_their_names()
    {
        const string Tests = """
                  - { name: First one, when: [ { insert: orders, row: { id: 1, status: new, total: 1 } } ], then: [ { index: "1" } ] }
                  - { name: Second, when: [ { insert: orders, row: { id: 1, status: new, total: 1 } } ], then: [ { index: "1" } ] }
            """;
        var one = await TestAsync(Tests, "--filter", "first");
        var none = await TestAsync(Tests, "--filter", "third");

        Assert.Equal((0, "paid\n  ok      First one\n"), (one.ExitCode, one.Out));
        Assert.Equal(2, none.ExitCode);
        Assert.Equal(
            $"error: {_folder.Path}/leat.yaml has no test with 'third' in its name. [LEAT-5108]\n  Its tests: First one; Second.\n", none.Error);
    }

    [Fact]
    public async Task With_json_differences_and_mistakes_are_told_apart()
    {
        var run = await TestAsync("""
                  - { name: differs, when: [ { insert: orders, row: { id: 1, status: new, total: 1 } } ], then: [ { index: "1", fields: { total: 2, note: null } } ] }
                  - { name: mistaken, when: [ { delete: orders, key: 1 } ], then: [] }
                  - { name: passes, when: [ { insert: orders, row: { id: 1, status: new, total: 1 } } ], then: [ { index: "1", fields: { total: 1.0 } } ] }
            """, "--json");

        var file = Path.Combine(_folder.Path, "leat.yaml");
        Assert.Equal(
            new Cli(
                2,
                $$"""
                {
                  "command": "test",
                  "ok": false,
                  "summary": "3 tests: 1 passed, 2 failed.",
                  "result": {
                    "tests": [
                      {
                        "pipeline": "paid",
                        "name": "differs",
                        "passed": false,
                        "line": 10,
                        "differences": [
                          {
                            "kind": "different",
                            "operation": "index",
                            "table": "orders",
                            "key": "1",
                            "transaction": 1,
                            "fields": [
                              {
                                "path": "total",
                                "expected": 2,
                                "got": 1
                              },
                              {
                                "path": "note",
                                "expected": null,
                                "got": null
                              }
                            ],
                            "document": null,
                            "line": 10
                          }
                        ]
                      },
                      {
                        "pipeline": "paid",
                        "name": "mistaken",
                        "passed": false,
                        "line": 11,
                        "differences": []
                      },
                      {
                        "pipeline": "paid",
                        "name": "passes",
                        "passed": true,
                        "line": 12,
                        "differences": []
                      }
                    ]
                  },
                  "error": null,
                  "findings": [
                    {
                      "severity": "error",
                      "check": "tests",
                      "subject": "paid",
                      "code": "LEAT-5103",
                      "message": "Test 'mistaken': there is no row '1' of 'orders' when this happens.",
                      "remedy": "Give it under `given`, or insert it before.",
                      "file": "{{file}}",
                      "line": 11,
                      "column": 35
                    }
                  ]
                }

                """,
                ""),
            run);
    }

    [Theory]
    [InlineData("--color=always", true)]
    [InlineData("--color=never", false)]
    public async Task What_was_expected_is_green_and_what_was_got_is_red(string option, bool colours)
    {
        var run = await TestAsync(
            """      - { name: t, when: [ { insert: orders, row: { id: 1, status: new, total: 1 } } ], then: [ { index: "1", fields: { total: 2 } } ] }""", option);

        Assert.Equal(colours, run.Out.Contains("total  \e[32mexpected 2\e[0m, \e[31mgot 1\e[0m\n", StringComparison.Ordinal));
        Assert.Equal(colours, run.Out.Contains('\e', StringComparison.Ordinal));
    }

    private Task<Cli> TestAsync(string tests, params string[] options) =>
        Cli.RunAsync(["test", _folder.Write("leat.yaml", Pipeline + tests + "\n"), .. options]);
}
