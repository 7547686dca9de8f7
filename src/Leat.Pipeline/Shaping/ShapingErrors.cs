using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Pipeline.Definitions;

namespace Leat.Pipeline.Shaping;

/// <summary>A test that cannot be run as it is written.</summary>
internal sealed class TestMistakeException(Finding finding) : Exception(finding.Message)
{
    /// <summary>What is wrong with it, and where.</summary>
    public Finding Finding { get; } = finding;
}

/// <summary>Everything that can be wrong with a test itself, or with the tables that rules are tried on. Codes 5100 to 5106, and 5109.</summary>
internal static class ShapingErrors
{
    public static TestMistakeException TableNotNamed(TestRule test, TestStep step) => Make(
        5100, step.Location, $"Test '{test.Name}' does not say which of the tables of '{step.Alias}' this is about.",
        "Name one that the pattern matches, at least once in the test, for example `table: shop.orders_1` beside `insert`.");

    public static TestMistakeException UnknownColumn(string test, TestField field, TableSchema schema)
    {
        var names = schema.Columns.Select(column => column.Name).ToList();
        return Make(
            5101, field.Location, $"Test '{test}' names the column '{field.Column}', which table {schema.Table} does not have in it.",
            Nearest.Of(field.Column, names) is { } nearest ? $"Did you mean '{nearest}'?" : $"Its columns there: {string.Join(", ", names)}. Another one is made by a row of `given`, or by `types`.");
    }

    public static TestMistakeException NoValue(string test, TestField field, Column column, TableSchema schema) => Make(
        5102, field.Value.Location, $"Test '{test}': {ConfigReader.Describe(field.Value)} is no value of column '{column.Name}' of {schema.Table}, whose type is {TypeOf(column)}.",
        "Correct the value, or write the column's type under `types`.");

    public static TestMistakeException NoKeyValue(string test, TestField field, TableSchema schema) => Make(
        5106, field.Value.Location, $"Test '{test}': column '{field.Column}' of {schema.Table} is part of the key, and cannot be NULL.", "Give it a value.");

    public static TestMistakeException NoSuchRow(string test, TestStep step, string key) => Make(
        5103, step.Location, $"Test '{test}': there is no row '{key}' of '{step.Alias}' when this happens.", "Give it under `given`, or insert it before.");

    public static TestMistakeException RowThere(string test, TestStep step, string key) => Make(
        5104, step.Location, $"Test '{test}': there is a row '{key}' of '{step.Alias}' already when this happens.", "Choose another key, or update the row.");

    public static TestMistakeException KeyNotNamed(string test, TestStep step, TableSchema schema, IReadOnlyList<string> key) => Make(
        5105, step.Location, $"Test '{test}': the key of table {schema.Table} is ({string.Join(", ", key)}) here, which this step does not tell.",
        key.Count == 1
            ? $"Write its value, for example `key: 1`. If the table has another key, declare it under `types`."
            : $"Write all of it, for example `key: {{ {string.Join(", ", key.Select((name, at) => $"{name}: {at + 1}"))} }}`.");

    public static LeatException NoTableLike(string pipeline, string alias, string pattern) => new(
        new(5109), $"Pipeline '{pipeline}' takes tables like {pattern} as '{alias}', but its source captures none.",
        "Correct the pattern, which the whole of `database.table` has to match, or add the tables to the source's tables.");

    /// <summary>The pipeline's rules do not fit the tables that the test describes, in the words of what does not.</summary>
    public static Finding Plan(TestRule test, LeatException error) =>
        Finding.Error("tests", error) with { Location = test.Location, Message = $"Test '{test.Name}' cannot be run: {error.What}" };

    private static string TypeOf(Column column) => column.SourceType.Length > 0 ? column.SourceType : column.Kind.ToString().ToLowerInvariant();

    private static TestMistakeException Make(int code, FileLocation at, string message, string remedy) => new(
        new() { Severity = Severity.Error, Check = "tests", Code = new(code), Message = message, Remedy = remedy, Location = at });
}
