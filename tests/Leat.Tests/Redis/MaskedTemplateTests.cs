using System.Buffers;
using System.Text;
using Leat.Changes;
using Leat.Connectors.Redis;
using Leat.Tests.Changes;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Rules;
using Xunit;

namespace Leat.Tests.Redis;

/// <summary>A template may name columns that are not delivered; what is masked it must not reach all the same.</summary>
public sealed class MaskedTemplateTests
{
    private static readonly TableSchema _users = new(
        new("shop", "users"), [new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false }, new() { Name = "email", Kind = ColumnKind.String }, new() { Name = "city", Kind = ColumnKind.String }], [0]);

    [Theory]
    [InlineData("u:{email}", "u:a***@x")]
    [InlineData("u:{city}", "u:Bern")]
    public void A_template_gets_the_mask_and_columns_that_are_not_delivered(string template, string expected) => Assert.Equal(expected, Key(template));

    [Theory]
    [InlineData("u:{email (source)}")]
    [InlineData("u:{Email}")]
    public void No_other_name_leads_to_the_old_value(string template) => Assert.Equal("LEAT-4216", Assert.Throws<PauseException>(() => Key(template)).Code.ToString());

    private static string Key(string template)
    {
        SetRule mask = new("email", new("mask_email(email)", default, IsInline: true));
        SetRule later = new("copy", new("email", default, IsInline: true)); // sees the mask, one level later
        var plan = TablePlan.Compile(new("users", _users.Table, ["id"], null) { Set = [mask, later] }, _users);
        Assert.True(KeyTemplate.TryParse(template, out var parsed));
        var target = new ArrayBufferWriter<byte>();
        var row = new RowReader(plan.Shape.Schema, plan.Map(Rows.Encode(_users, 7, "ada@x", "Bern")));

        Assert.True(RowTemplate.Create(plan.Shape, parsed).Write(ref row, target));
        return Encoding.UTF8.GetString(target.WrittenSpan);
    }
}
