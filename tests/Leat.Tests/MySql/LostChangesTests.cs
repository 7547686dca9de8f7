using Leat.Connectors.MySql;
using Xunit;

namespace Leat.Tests.MySql;

/// <summary>What a person is told to run when changes are lost.</summary>
public sealed class LostChangesTests
{
    [Theory]
    [InlineData(0, "leat snapshot start FILE shop --all")]
    [InlineData(2, "leat snapshot start FILE shop --tables shop.t1,shop.t2")]
    [InlineData(8, "leat snapshot start FILE shop --tables shop.t1,shop.t2,shop.t3,shop.t4,shop.t5,shop.t6,shop.t7,shop.t8")]
    [InlineData(9, "leat snapshot start FILE shop --all")]
    public void Tables_are_named_unless_they_are_many(int tables, string command) =>
        Assert.Equal(command, new LostChanges("shop", [.. Enumerable.Range(1, tables).Select(number => new Leat.Changes.TableName("shop", $"t{number}"))]).Command);
}
