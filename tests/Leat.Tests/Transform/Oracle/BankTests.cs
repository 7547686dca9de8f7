using System.Globalization;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Tests.Changes;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Documents;
using Leat.Transform.Plan.Rules;
using Xunit;

namespace Leat.Tests.Transform.Oracle;

/// <summary>Money that goes from one account to another in one transaction is never seen twice, and never missing.</summary>
public sealed class BankTests
{
    private const int Accounts = 10;
    private const decimal Each = 1.00m;

    private static readonly FileLocation Here = new("bank.yaml", 1, 1);

    private static readonly TableSchema Table = new(
        new("bank", "accounts"),
        [
            new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false }, new() { Name = "branch", Kind = ColumnKind.Int32 },
            new() { Name = "balance", Kind = ColumnKind.Decimal, Precision = 12, Scale = 2 },
        ],
        [0]);

    [Theory]
    [InlineData(42)]
    [InlineData(43)]
    public void The_total_is_the_same_at_every_emission(int seed)
    {
        var emissions = 0;
        Transfer(seed, [], rows =>
        {
            Assert.Equal("all, 10, 10.00", string.Join(", ", rows["all"].Take(3)));
            emissions++;
        });

        // The greatest balance moves with some of the transfers, so that there is something to emit.
        Assert.InRange(emissions, 300, 3001);
    }

    [Theory]
    [InlineData(42)]
    [InlineData(43)]
    public void The_totals_of_branches_add_up_after_every_transaction(int seed) => Transfer(
        seed, [new("branch", new("branch", Here, IsInline: true))],
        rows => Assert.Equal(Accounts * Each, rows.Values.Sum(row => decimal.Parse(row[2]!, CultureInfo.InvariantCulture)))); // not null: a branch with accounts has a sum

    private static void Transfer(int seed, SetRule[] group, Action<Dictionary<string, string?[]>> judge)
    {
        var random = new Random(seed);
        using var plan = Plan(group);
        var balances = Enumerable.Repeat(Each, Accounts).ToArray();
        var branches = Enumerable.Range(0, Accounts).Select(id => id % 3).ToArray();
        var rows = new Dictionary<string, string?[]>();
        var offset = 0L;
        for (var id = 0; id < Accounts; id++)
            plan.Apply(TablePlanTests.Encode(null, Row(id)), offset++);
        End();
        for (var i = 0; i < 3000; i++)
        {
            var (from, to) = (random.Next(Accounts), random.Next(Accounts));
            var amount = random.Next(1, 300) / 100m;
            Change(from, () => balances[from] -= amount);
            Change(to, () => balances[to] += amount);
            if (random.Next(20) == 0)
                Change(to, () => branches[to] = random.Next(3));
            End();
        }

        byte[] Row(int id) => Rows.Encode(Table, id, branches[id], balances[id].ToString("0.00", CultureInfo.InvariantCulture));

        void Change(int id, Action change)
        {
            var before = Row(id);
            change();
            plan.Apply(TablePlanTests.Encode(before, Row(id)), offset++);
        }

        void End()
        {
            plan.EndTransaction();
            var operations = new Operation[16];
            using var arena = new RowArena();
            while (plan.Emit(arena, operations) is var count and > 0)
            {
                foreach (ref readonly var operation in operations.AsSpan(0, count))
                {
                    if (operation.Kind == OperationKind.Delete)
                        rows.Remove(OracleView.KeyOf(operation));
                    else
                        rows[OracleView.KeyOf(operation)] = Values(operation);
                }

                Assert.True(count < operations.Length);
                judge(rows);
            }
        }
    }

    private static string?[] Values(in Operation operation)
    {
        var reader = new RowReader(operation.Shape.Schema, operation.Row.Span);
        var values = new List<string?>();
        foreach (var column in operation.Shape.Columns)
        {
            reader.Seek(column.Ordinal);
            values.Add(ValueText.Of(ref reader));
        }

        return [.. values];
    }

    private static DocumentPlan Plan(SetRule[] group)
    {
        var rule = new DocumentRule
        {
            Root = "accounts", Group = [.. group], Location = Here,
            Set = [Set("accounts", "count(*)"), Set("total", "sum(balance)"), Set("greatest", "max(balance)")],
        };
        var plan = DocumentPlan.Compile(rule, [new("accounts", Table.Table, [], null)], _ => Table);
        plan.Learn(1, Table);
        return plan;

        static SetRule Set(string name, string text) => new(name, new(text, Here, IsInline: true));
    }
}
