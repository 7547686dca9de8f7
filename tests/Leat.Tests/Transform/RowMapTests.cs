using System.Collections.Immutable;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Tests.Changes;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Rules;
using Xunit;

namespace Leat.Tests.Transform;

public sealed class RowMapTests
{
    private static readonly TableSchema _users = new(
        new("shop", "users"),
        [
            new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false },
            new() { Name = "email", Kind = ColumnKind.String },
            new() { Name = "total", Kind = ColumnKind.Int64 },
        ],
        [0]);

    [Fact]
    public void Without_rules_rows_come_out_as_they_are()
    {
        var map = RowMap.Compile(Select(), _users);

        Assert.True(map.IsIdentity);
        Assert.Same(_users, map.View);
        Assert.Equal(_users, map.Output);
        Assert.Equal("id=7, email=a@b, total=5", Mapped(map, 7, "a@b", 5));
    }

    [Fact]
    public void Renaming_changes_names_at_the_target_and_no_row()
    {
        var map = RowMap.Compile(Select() with { Columns = ["total", "email"], Rename = Names(("email", "mail")) }, _users);

        Assert.True(map.IsIdentity);
        Assert.Equal([new("id", 0), new("total", 2), new ShapeColumn("mail", 1)], map.Columns);
    }

    [Fact]
    public void Computed_columns_follow_the_others()
    {
        var map = RowMap.Compile(Select() with { Set = [Set("label", "upper(email)")] }, _users);

        Assert.False(map.IsIdentity);
        Assert.Equal("id=7, email=a@b, total=5, label=A@B", Mapped(map, 7, "a@b", 5));
        Assert.Equal("id=7, email=NULL, total=NULL, label=NULL", Mapped(map, 7, null, null));
        Assert.Equal(["id", "email", "total", "label"], map.Columns.Select(column => column.Name));
    }

    [Fact]
    public void A_computed_column_sees_those_before_it()
    {
        var map = RowMap.Compile(Select() with { Set = [Set("a", "upper(email)"), Set("b", "lower(users.a)"), Set("c", "coalesce(b, a, email)")] }, _users);

        Assert.Equal("id=7, email=X@y, total=5, a=X@Y, b=x@y, c=x@y", Mapped(map, 7, "X@y", 5));
    }

    [Fact]
    public void A_replaced_column_keeps_its_place_and_its_old_value_is_nowhere()
    {
        var map = RowMap.Compile(Select() with { Set = [Set("email", "upper(email)"), Set("again", "email")] }, _users);

        Assert.Equal("id=7, email=SECRET, total=5, again=SECRET", Mapped(map, 7, "secret", 5));
        Assert.Equal(["id", "email", "total", "again"], map.Output.Columns.Select(column => column.Name));
        Assert.DoesNotContain("secret", System.Text.Encoding.Latin1.GetString(Map(map, Rows.Encode(_users, 7, "secret", 5))), StringComparison.Ordinal);
    }

    [Fact]
    public void A_column_that_is_delivered_under_another_name_is_replaced_by_that()
    {
        var map = RowMap.Compile(Select() with { Rename = Names(("email", "mail")), Set = [Set("mail", "upper(email)")] }, _users);

        Assert.Equal("id=7, mail=SECRET, total=5", Mapped(map, 7, "secret", 5));
    }

    [Fact]
    public void Setting_the_old_name_of_a_renamed_column_is_refused()
    {
        var error = Assert.Throws<PauseException>(() => RowMap.Compile(Select() with { Rename = Names(("email", "mail")), Set = [Set("email", "'x'")] }, _users));

        Assert.Equal(
            "leat.yaml:9:14: table 'users' sets column 'email', whose value is delivered as 'mail'. "
            + "To replace it, set 'mail'; for both, give the computed column a name that no column has. [LEAT-1224]",
            error.Message);
    }

    [Fact]
    public void Setting_a_column_twice_is_refused()
    {
        var error = Assert.Throws<PauseException>(() => RowMap.Compile(Select() with { Set = [Set("a", "1"), Set("a", "2")] }, _users));

        Assert.Equal("leat.yaml:9:14: table 'users' sets column 'a' twice. Make one expression of the two, or name one of them otherwise. [LEAT-1223]", error.Message);
    }

    [Fact]
    public void Two_columns_of_one_name_are_refused()
    {
        var error = Assert.Throws<PauseException>(() => RowMap.Compile(Select() with { Rename = Names(("email", "total")) }, _users));

        Assert.Equal("Table shop.users (as 'users') delivers two columns as 'total'. Rename one of them in 'columns', or take one out. [LEAT-1225]", error.Message);
    }

    [Fact]
    public void An_error_in_an_expression_tells_its_place_in_the_file()
    {
        var set = Assert.Throws<PauseException>(() => RowMap.Compile(Select() with { Set = [Set("a", "upper(emial)")] }, _users));
        var where = new WrittenExpression("total > 'x'", new("leat.yaml", 8, 12), IsInline: true);
        var condition = Assert.Throws<PauseException>(() => RowMap.Compile(Select() with { Where = where.Text, WhereWritten = where }, _users));

        Assert.Equal("leat.yaml:9:20: table 'users', set 'a': table shop.users has no column 'emial'. Did you mean 'email'? [LEAT-1205]", set.Message);
        Assert.Equal(
            "leat.yaml:8:18: table 'users', where: column total (a number) cannot be compared with a text. "
            + "Write numbers without quotes, and texts and dates between single quotes. [LEAT-1206]",
            condition.Message);
    }

    [Fact]
    public void The_condition_sees_the_columns_of_the_table_alone()
    {
        var map = RowMap.Compile(Select() with { Set = [Set("email", "upper(email)")], Where = "email = 'a'" }, _users);

        Assert.True(map.Accepts(Rows.Encode(_users, 1, "a", 0)));
        Assert.False(map.Accepts(Rows.Encode(_users, 1, "A", 0)));
    }

    [Fact]
    public void A_row_that_is_deleted_can_be_marked()
    {
        var map = RowMap.Compile(Select() with { Set = [Set("state", "'live'")], SoftDelete = [Set("state", "upper(state)"), Set("total", "-1"), Set("deleted", "true")] }, _users);
        var live = Map(map, Rows.Encode(_users, 7, "a", 5));
        var gone = new RowBuilder();
        map.MarkDeleted(live, gone);

        Assert.True(map.MarksDeleted);
        Assert.Equal("id=7, email=a, total=5, state=live, deleted=NULL", Text(map.Output, live));
        Assert.Equal("id=7, email=a, total=-1, state=LIVE, deleted=1", Text(map.Output, gone.Row));
    }

    [Fact]
    public void A_mark_of_another_kind_or_on_the_key_is_refused()
    {
        var kind = Assert.Throws<PauseException>(() => RowMap.Compile(Select() with { SoftDelete = [Set("total", "'gone'")] }, _users));
        var key = Assert.Throws<PauseException>(() => RowMap.Compile(Select() with { SoftDelete = [Set("id", "0")] }, _users));

        Assert.Equal(
            "leat.yaml:9:14: table 'users' sets column 'total' (a number) to a text when a row is deleted. Write an expression that gives a number, or use a column of its own. [LEAT-1224]",
            kind.Message);
        Assert.Equal(
            "leat.yaml:9:14: table 'users' sets the key column 'id' when a row is deleted, so that the row would be another one. Set a column that is not part of the key. [LEAT-1224]",
            key.Message);
    }

    [Fact]
    public void A_computed_column_is_absent_when_nothing_that_it_is_made_of_is_told()
    {
        var partial = _users.As(partial: true);
        var map = RowMap.Compile(Select() with { Set = [Set("label", "upper(email)"), Set("sum", "total + id"), Set("one", "1")] }, partial);
        var before = Rows.Encode(partial, 7, Rows.Absent, 5);
        var target = new RowBuilder();

        Assert.Equal(-1, map.MapPartial(Rows.Encode(partial, 7, "x", 6), before, target));
        Assert.Equal("id=7, email=x, total=6, label=X, sum=13, one=1", Text(map.Output, target.Row));
        Assert.Equal(-1, map.MapPartial(Rows.Encode(partial, 7, Rows.Absent, Rows.Absent), before, target));
        Assert.Equal("id=7, email=?, total=?, label=?, sum=?, one=1", Text(map.Output, target.Row));
        Assert.Equal(4, map.MapPartial(Rows.Encode(partial, 8, Rows.Absent, Rows.Absent), before, target));
    }

    [Fact]
    public void Mapping_does_not_allocate()
    {
        var map = RowMap.Compile(Select() with { Where = "total > 0", Set = [Set("email", "coalesce(email, 'x')"), Set("b", "email")] }, _users);
        var row = Rows.Encode(_users, 7, "someone@example.com", 5);
        var target = new RowBuilder();
        map.Map(row, target);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            if (map.Accepts(row))
                map.Map(row, target);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    internal static SetRule Set(string name, string expression) => new(name, new(expression, new("leat.yaml", 9, 14), IsInline: true));

    internal static ImmutableDictionary<string, string> Names(params (string Column, string Name)[] names) => names.ToImmutableDictionary(name => name.Column, name => name.Name);

    internal static string Text(TableSchema schema, ReadOnlySpan<byte> row)
    {
        var reader = new RowReader(schema, row);
        var parts = new List<string>();
        while (reader.Read())
            parts.Add($"{reader.Column.Name}={(reader.IsAbsent ? "?" : ValueText.Of(ref reader) ?? "NULL")}");
        return string.Join(", ", parts);
    }

    private static TableSelection Select() => new("users", new("shop", "users"), [], null);

    private static byte[] Map(RowMap map, byte[] row)
    {
        var target = new RowBuilder();
        map.Map(row, target);
        return target.Row.ToArray();
    }

    private static string Mapped(RowMap map, params object?[] values) => Text(map.Output, Map(map, Rows.Encode(map.Source, values)));
}
