using Leat.Changes;
using Leat.Connectors.PostgreSql.Apply;
using Leat.Connectors.PostgreSql.Tables;
using Leat.Tests.Changes;
using Xunit;

namespace Leat.Tests.PostgreSql;

public sealed class ApplyPlanTests
{
    private static readonly ShapeTarget Parents = Target("parents", rank: 0);
    private static readonly ShapeTarget Children = Target("children", rank: 1);

    private readonly ApplyPlan _plan = new(new(ReferenceEqualityComparer.Instance) { [Parents.Shape] = Parents, [Children.Shape] = Children });

    [Fact]
    public void Deletes_come_first_children_before_parents_then_upserts_parents_before_children()
    {
        _plan.BuildGrouped([Index(Children, 1), Delete(Parents, 2), Index(Parents, 3), Delete(Children, 4), Index(Children, 5)]);

        Assert.Equal(["Delete children: 3", "Delete parents: 1", "Upsert parents: 2", "Upsert children: 0 4"], Groups());
    }

    [Fact]
    public void Of_each_key_the_last_write_is_left()
    {
        Operation[] batch = [Index(Parents, 1), Index(Parents, 2), Delete(Parents, 1), Index(Parents, 2), Index(Parents, 1)];

        _plan.BuildGrouped(batch);

        Assert.Equal(["Upsert parents: 3 4"], Groups());
        Assert.Equal([true, true, true, false, false], batch.Select((_, i) => _plan.IsSuperseded(i)));
    }

    [Fact]
    public void Keys_of_one_hash_are_told_apart()
    {
        _plan.BuildGrouped([Index(Parents, 1) with { KeyHash = 7 }, Index(Parents, 2) with { KeyHash = 7 }, Index(Parents, 1) with { KeyHash = 7 }]);

        Assert.Equal(["Upsert parents: 1 2"], Groups());
    }

    [Fact]
    public void An_update_follows_what_it_changes_in_a_round_of_its_own_and_a_whole_row_supersedes_all_of_them()
    {
        Operation[] batch = [Index(Parents, 1), Update(Parents, 1), Update(Parents, 1), Update(Parents, 2), Index(Parents, 2), Update(Parents, 2)];

        _plan.BuildGrouped(batch);

        Assert.Equal(["Upsert parents: 0 4", "Update parents: 1 5", "Update parents: 2"], Groups());
        Assert.Equal([false, false, false, true, false, false], batch.Select((_, i) => _plan.IsSuperseded(i)));
    }

    [Fact]
    public void In_the_sources_order_nothing_is_left_out_and_no_statement_has_a_key_twice()
    {
        Operation[] batch = [Index(Parents, 1), Index(Parents, 2), Index(Parents, 1), Delete(Parents, 2), Index(Children, 2), Index(Children, 3)];
        _plan.BuildGrouped(batch);

        _plan.BuildSequential(batch);

        Assert.Equal(["Upsert parents: 0 1", "Upsert parents: 2", "Delete parents: 3", "Upsert children: 4 5"], Groups());
        Assert.DoesNotContain(true, batch.Select((_, i) => _plan.IsSuperseded(i)));
    }

    [Fact]
    public void Statements_name_every_column_and_cast_what_the_target_keeps_otherwise()
    {
        Assert.Equal(
            "INSERT INTO \"public\".\"parents\" AS t (\"id\", \"json\") OVERRIDING SYSTEM VALUE SELECT unnest($1) AS \"id\", unnest($2)::jsonb AS \"json\" " +
            "ON CONFLICT (\"id\") DO UPDATE SET \"json\" = EXCLUDED.\"json\"",
            Parents.Upsert);
        Assert.Equal("DELETE FROM \"public\".\"parents\" AS t USING (SELECT unnest($1) AS \"id\") AS n WHERE t.\"id\" = n.\"id\"", Parents.Delete);
        Assert.Equal(
            "WITH done AS (UPDATE \"public\".\"parents\" AS t SET \"json\" = n.\"json\" FROM (SELECT unnest($1) AS \"id\", unnest($2)::jsonb AS \"json\") AS n WHERE t.\"id\" = n.\"id\" RETURNING 1) " +
            "SELECT 1 / (CASE WHEN count(*) = $3 THEN 1 ELSE 0 END) FROM done",
            Parents.Update([Parents.Values[1]]));
    }

    private List<string> Groups() => [.. _plan.Groups.Select(group => $"{group.Mode} {group.Target.Shape.Alias}: {string.Join(' ', group.Operations)}")];

    private static Operation Index(ShapeTarget target, int id) => Make(OperationKind.Index, target, id);

    private static Operation Delete(ShapeTarget target, int id) => Make(OperationKind.Delete, target, id);

    private static Operation Update(ShapeTarget target, int id) => Make(OperationKind.Update, target, id);

    private static Operation Make(OperationKind kind, ShapeTarget target, int id) => new()
    {
        Kind = kind, Cause = ChangeKind.Update, Offset = 1, CommittedAtMicros = 0, Shape = target.Shape, Row = Rows.Encode(target.Shape.Schema, id, "{}"),
        KeyHash = (ulong)HashCode.Combine(target.Shape.Alias, id),
    };

    private static ShapeTarget Target(string alias, int rank)
    {
        var schema = new TableSchema(new("shop", alias), [new() { Name = "id", Kind = ColumnKind.Int32 }, new() { Name = "json", Kind = ColumnKind.Json }], [0]);
        var table = new TargetTable
        {
            Oid = 1, Kind = 'r', Indexes = [], ForeignKeys = [], Columns = [Column("id", "int4", "integer"), Column("json", "jsonb", "jsonb")],
        };
        return new(new() { Alias = alias, Schema = schema, Columns = [new("id", 0), new("json", 1)], Key = [0] }, new("public", alias), table) { Rank = rank };
    }

    private static TargetColumn Column(string name, string type, string cast) => new()
    {
        Name = name, Type = type, Cast = cast, FullType = cast, Modifier = -1, IsNotNull = false, HasDefault = false, IsGenerated = false, ComparesBytes = true,
    };
}
