using System.Text.Json.Nodes;
using Leat.Pipeline.Shaping;

namespace Leat.Output;

/// <summary>What <c>leat test --json</c> found, as the envelope's result.</summary>
public sealed record TestsJson(IReadOnlyList<TestJson> Tests);

/// <summary>One test.</summary>
/// <param name="Pipeline">Its pipeline.</param>
/// <param name="Name">Its name.</param>
/// <param name="Passed">Whether the plan did exactly what it says.</param>
/// <param name="Line">Where it stands in the file.</param>
/// <param name="Differences">What was not as expected; empty as well when it could not be run: the envelope's findings tell why.</param>
public sealed record TestJson(string Pipeline, string Name, bool Passed, int Line, IReadOnlyList<TestDifferenceJson> Differences);

/// <summary>One operation that is not as expected.</summary>
/// <param name="Kind"><c>missing</c>, <c>unexpected</c>, <c>different</c> or <c>misplaced</c>.</param>
/// <param name="Operation"><c>index</c> or <c>delete</c>.</param>
/// <param name="Table">Name of the table in the pipeline, where it is known.</param>
/// <param name="Key">The key's values, joined by colons.</param>
/// <param name="Transaction">Which transaction of the test makes it, from 1; null when none does.</param>
/// <param name="Fields">What differs.</param>
/// <param name="Document">What was made and not expected.</param>
/// <param name="Line">Where the expectation stands, or the test.</param>
public sealed record TestDifferenceJson(
    string Kind, string Operation, string? Table, string Key, int? Transaction, IReadOnlyList<TestFieldJson> Fields, JsonNode? Document, int Line);

/// <summary>One differing field; null is NULL as well as nothing.</summary>
public sealed record TestFieldJson(string Path, JsonNode? Expected, JsonNode? Got);

/// <summary>Tells people how tests ended: a line a test, and below those that failed what differs.</summary>
internal static class TestWriter
{
    // Longer values are cut: a whole document in one line helps nobody.
    private const int MostLetters = 100;

    /// <summary>Tells all of it to standard output, and the count to standard error.</summary>
    public static void Write(Terminal terminal, IReadOnlyList<TestResult> results, TimeSpan elapsed)
    {
        var color = terminal.UsesColor();
        foreach (var pipeline in results.GroupBy(result => result.Pipeline))
        {
            terminal.Out.WriteLine(Paint.With(pipeline.Key, Paint.Bold, color));
            foreach (var result in pipeline)
                Write(terminal.Out, result, color);
        }

        terminal.Error.WriteLine(FormattableString.Invariant($"{Count(results)} in {elapsed.TotalMilliseconds:F0} ms."));
    }

    /// <summary><c>3 tests: 1 passed, 2 failed</c>.</summary>
    public static string Count(IReadOnlyList<TestResult> results)
    {
        var passed = results.Count(result => result.IsPassed);
        var tests = $"{results.Count} test{(results.Count == 1 ? "" : "s")}";
        return passed == results.Count ? $"{tests} passed" : $"{tests}: {passed} passed, {results.Count - passed} failed";
    }

    /// <summary>JSON text as a node.</summary>
    public static JsonNode? Node(string? json) => json is null ? null : JsonNode.Parse(json);

    private static void Write(TextWriter writer, TestResult result, bool color)
    {
        if (result.IsPassed)
        {
            writer.WriteLine($"  {Paint.With("ok", Paint.Green, color)}      {result.Test.Name}");
            return;
        }

        writer.WriteLine($"  {Paint.With("failed", Paint.Red, color)}  {result.Test.Name}  {Paint.With(result.Test.Location.ToString(), Paint.Dim, color)}");
        if (result.Mistake is { } mistake)
        {
            writer.WriteLine($"            {mistake.Location}: {mistake.Message} [{mistake.Code}]");
            writer.WriteLine($"              {mistake.Remedy}");
        }

        foreach (var difference in result.Differences)
            Write(writer, difference, color);
    }

    private static void Write(TextWriter writer, TestDifference difference, bool color)
    {
        var operation = $"{(difference.IsDelete ? "delete" : "index")} {difference.Key}{(difference.Alias is { } alias ? $" of {alias}" : "")}";
        var transaction = FormattableString.Invariant($"transaction {difference.Transaction}");
        writer.WriteLine("            " + difference.Kind switch
        {
            TestDifferenceKind.Missing => $"{operation}: expected, but nothing makes it ({difference.Location})",
            TestDifferenceKind.Unexpected => $"{operation}: made in {transaction}, but not expected",
            TestDifferenceKind.Misplaced => $"{operation}: made in {transaction}, before what the test expects earlier ({difference.Location})",
            _ => $"{operation}: made in {transaction}, but not as expected ({difference.Location})",
        });
        if (difference.Document is { } document)
            writer.WriteLine($"              {Paint.With("+ " + Short(document), Paint.Red, color)}");
        var width = difference.Fields.Length == 0 ? 0 : difference.Fields.Max(field => field.Path.Length);
        foreach (var field in difference.Fields)
        {
            writer.WriteLine(
                $"              {field.Path.PadRight(width)}  {Paint.With($"expected {Short(field.Expected)}", Paint.Green, color)}, {Paint.With($"got {Short(field.Got)}", Paint.Red, color)}");
        }
    }

    private static string Short(string? json) => json is null ? "no such field" : json.Length <= MostLetters ? json : json[..MostLetters] + "…";
}
