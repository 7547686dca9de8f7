using System.Collections.Immutable;
using System.Text.Json;
using Leat.Changes;
using Leat.Pipeline.Definitions;

namespace Leat.Pipeline.Shaping;

/// <summary>How an operation is not as a test expects it.</summary>
public enum TestDifferenceKind
{
    /// <summary>It is expected, and the plan does not make it.</summary>
    Missing,

    /// <summary>The plan makes it, and it is not expected.</summary>
    Unexpected,

    /// <summary>The plan makes another row or document of it.</summary>
    Different,

    /// <summary>The plan makes it in an earlier or later transaction than the test says.</summary>
    Misplaced,
}

/// <summary>One operation that is not as a test expects it.</summary>
/// <param name="Kind">How.</param>
/// <param name="IsDelete">Whether it is a delete; otherwise an index.</param>
/// <param name="Alias">Name of its table in the pipeline; <see langword="null"/> where the test does not say.</param>
/// <param name="Key">The key's values, joined by colons.</param>
/// <param name="Transaction">Which transaction of the test makes it, from 1; 0 when none does.</param>
/// <param name="Fields">What differs; empty unless <see cref="TestDifferenceKind.Different"/>.</param>
/// <param name="Document">JSON of what was made and not expected; <see langword="null"/> otherwise.</param>
/// <param name="Location">Where the expectation stands; the test's place for what is not expected.</param>
public sealed record TestDifference(
    TestDifferenceKind Kind, bool IsDelete, string? Alias, string Key, int Transaction, ImmutableArray<ValueDifference> Fields, string? Document, FileLocation Location);

/// <summary>Compares what a plan made with what a test expects: transaction by transaction in the file's order, inside one in any order.</summary>
internal static class TestDifferences
{
    /// <summary>All differences, in the order of the expectations; what was not expected comes last.</summary>
    public static ImmutableArray<TestDifference> Of(TestRule test, IReadOnlyList<IReadOnlyList<ShapedRow>> made)
    {
        var all = made.SelectMany((rows, at) => rows.Select(row => new Made(row, at + 1))).ToList();
        var pairs = test.Then.Select(expected => (Expected: expected, Made: Find(expected, all))).ToList();
        var latest = 0;
        var differences = ImmutableArray.CreateBuilder<TestDifference>();
        foreach (var (expected, found) in pairs)
        {
            if (found is null)
            {
                differences.Add(new(TestDifferenceKind.Missing, expected.IsDelete, expected.Alias, expected.Key, 0, [], null, expected.Location));
                continue;
            }

            var fields = Fields(expected, found.Row);
            if (!fields.IsEmpty)
                differences.Add(new(TestDifferenceKind.Different, expected.IsDelete, found.Row.Shape.Alias, expected.Key, found.Transaction, fields, null, expected.Location));
            if (found.Transaction < latest)
                differences.Add(new(TestDifferenceKind.Misplaced, expected.IsDelete, found.Row.Shape.Alias, expected.Key, found.Transaction, [], null, expected.Location));
            latest = Math.Max(latest, found.Transaction);
        }

        foreach (var (row, transaction) in all.Where(one => !one.IsTaken).Select(one => (one.Row, one.Transaction)))
        {
            var isDelete = row.Kind == OperationKind.Delete;
            differences.Add(new(TestDifferenceKind.Unexpected, isDelete, row.Shape.Alias, row.Key, transaction, [], isDelete ? null : row.Json, test.Location));
        }

        return differences.ToImmutable();
    }

    // The first of its kind and key that is not another's; of several, one that is exactly as expected.
    private static Made? Find(TestExpectation expected, List<Made> all)
    {
        var candidates = all.Where(one => !one.IsTaken && one.Row.Kind == OperationKind.Delete == expected.IsDelete
            && (expected.Alias is null || expected.Alias == (one.Row.Shape.Part?.Table ?? one.Row.Shape.Alias)) && one.Row.Key == expected.Key).ToList();
        var found = candidates.FirstOrDefault(one => one.Transaction == candidates[0].Transaction && Fields(expected, one.Row).IsEmpty) ?? candidates.FirstOrDefault();
        if (found is not null)
            found.IsTaken = true;
        return found;
    }

    private static ImmutableArray<ValueDifference> Fields(TestExpectation expected, ShapedRow row)
    {
        if (expected.IsDelete || expected.Document is not { } document)
            return [];
        using var got = JsonDocument.Parse(ShapedRow.JsonOf(row.Shape, row.Row));
        return JsonDifference.Of(document, got.RootElement, expected.IsWhole);
    }

    private sealed class Made(ShapedRow row, int transaction)
    {
        public ShapedRow Row { get; } = row;

        public int Transaction { get; } = transaction;

        public bool IsTaken { get; set; }
    }
}
