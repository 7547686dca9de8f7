using Xunit;

namespace Leat.Tests.Tidy;

/// <summary>The ways in which captures of MySQL are known to break. Each has a test that carries its number, <c>[Trait("case", "4")]</c>, against a real server where one can be brought to it.</summary>
public sealed class CaseTests
{
    private static readonly string[] Cases =
    [
        "rows read with the wrong shape of their table", "statements that no parser knows", "a position inside a transaction", "rolled-back rows in the binlog", "XA",
        "a gap after a purge or a failover", "GTIDs of several domains", "compressed events", "columns that no event describes (compressed, UUID, INET)", "system-versioned tables",
        "an ALTER that is logged twice", "places of 0 inside transactions", "files beyond 4 GiB", "partial JSON and compressed transactions", "time zones",
        "zero, partial and extreme times", "labels and character sets", "snapshots that lock, forget or repeat", "pages over odd keys", "keys that move",
    ];

    [Fact]
    public void Every_known_way_to_break_has_a_test()
    {
        var tests = Source.Texts().Where(file => file.StartsWith("tests/Leat.IntegrationTests/MySql/", StringComparison.Ordinal) || file.StartsWith("tests/Leat.Tests/MySql/", StringComparison.Ordinal)).Select(Source.Read).ToList();
        Source.None(Cases.Select((name, index) => (name, number: index + 1))
            .Where(one => !tests.Exists(text => text.Contains($"Trait(\"case\", \"{one.number}\")", StringComparison.Ordinal)))
            .Select(one => $"case {one.number}: {one.name}"));
    }
}
