using Leat.Changes;
using Leat.Changes.Configuration;

namespace Leat.Pipeline.Definitions;

/// <summary>Everything that can be wrong with a configuration file as a whole. Codes 1100 to 1199.</summary>
public static class DefinitionErrors
{
    /// <summary>The file cannot be read at all.</summary>
    public static Finding Unreadable(FileLocation at, string why) => Make(
        1100, at, $"The configuration file cannot be read: {why}.", "Check the path and the permissions of the file.");

    /// <summary>Not YAML.</summary>
    public static Finding Syntax(FileLocation at, string why) => Make(
        1101, at, $"This is not valid YAML: {why}.",
        "Look at this line and the one above it: indentation, a missing ':' or a quote that is not closed are the usual causes.");

    /// <summary>A tab where YAML wants spaces.</summary>
    public static Finding Tab(FileLocation at) => Make(
        1102, at, "The line is indented with a tab, which YAML does not allow.", "Replace the tab by spaces.");

    /// <summary>The same key twice in one block.</summary>
    public static Finding DuplicateKey(FileLocation at, string key, FileLocation first) => Make(
        1103, at, $"'{key}' stands here for the second time; the first is in line {first.Line}.", "Remove or rename one of the two.");

    /// <summary>Larger than anything a person writes.</summary>
    public static Finding TooLarge(FileLocation at, string what, string limit) => Make(
        1104, at, $"The configuration {what}; the limit is {limit}.", "Split it into several files, each with a Leat of its own.");

    /// <summary>An alias that stands for nothing, or for itself.</summary>
    public static Finding Alias(FileLocation at, string name, bool isInsideItself) => Make(
        1105, at, isInsideItself ? $"The alias '*{name}' stands inside the block that it repeats." : $"The alias '*{name}' has no anchor '&{name}' above it.",
        "Write the value out instead.");

    /// <summary>Legal YAML that Leat does not take.</summary>
    public static Finding Unsupported(FileLocation at, string what, string remedy) => Make(1106, at, what, remedy);

    /// <summary>An environment variable that is not set.</summary>
    public static Finding VariableMissing(FileLocation at, string name) => Make(
        1107, at, $"The environment variable {name} is not set.",
        $"Set it before starting Leat, or give a default as \"${{env:{name}:-value}}\".");

    /// <summary>A file of a <c>${file:…}</c> reference that cannot be read.</summary>
    public static Finding SecretFileUnreadable(FileLocation at, string path, string why) => Make(
        1108, at, $"The file {path} that this value refers to cannot be read: {why}.", "Check the path and the permissions of the file.");

    /// <summary>A <c>${…}</c> of no known form.</summary>
    public static Finding BadReference(FileLocation at, string reference, string? meant) => Make(
        1109, at, $"'{reference}' is not a reference that Leat knows.",
        meant is null
            ? "Write \"${env:NAME}\", \"${env:NAME:-default}\" or \"${file:/path}\"; a plain '${' is written '$${'."
            : $"Did you mean \"{meant}\"?");

    /// <summary>Nothing in the file, or not a block of keys.</summary>
    public static Finding NotAConfiguration(FileLocation at, string got) => Make(
        1110, at, $"The file holds {got}, not a configuration.", "Start with the blocks 'sources:' and 'pipelines:'; docs/operating/configuration.md shows the smallest file.");

    /// <summary>A name that cannot be a name.</summary>
    public static Finding BadName(FileLocation at, string what, string name, string form) => Make(
        1111, at, $"'{name}' cannot be the name of a {what}.", $"Use {form}, at most 64 characters.");

    /// <summary>A pipeline from nowhere.</summary>
    public static Finding UnknownSource(FileLocation at, string pipeline, string source, string? nearest, IEnumerable<string> known) => Make(
        1112, at, $"Pipeline '{pipeline}' reads from '{source}', which is not one of the sources.",
        nearest is not null ? $"Did you mean '{nearest}'?" : known.Any() ? $"Sources of this file: {string.Join(", ", known)}." : "Add it under 'sources:'.");

    /// <summary>A kind of connector that this program was not built with.</summary>
    public static Finding UnknownKind(FileLocation at, string path, string what, string kind, string? nearest, IEnumerable<string> known) => Make(
        1113, at, $"{path}: '{kind}' is not a kind of {what}.",
        nearest is null ? $"Known kinds: {string.Join(", ", known)}." : $"Did you mean '{nearest}'?");

    /// <summary>No kind, or more than one.</summary>
    public static Finding OneKind(FileLocation at, string path, string what, IReadOnlyList<string> got, IEnumerable<string> known) => Make(
        1114, at, got.Count == 0 ? $"{path} does not say which kind of {what} it is." : $"{path} is of {got.Count} kinds at once: {string.Join(", ", got)}.",
        $"Give exactly one of: {string.Join(", ", known)}.");

    /// <summary>Not <c>database.table</c>.</summary>
    public static Finding BadTable(FileLocation at, string path, string got) => Make(
        1115, at, $"{path}: '{got}' does not name a table.", "Write database.table, for example shop.orders; patterns are allowed in the source's 'tables:' only.");

    /// <summary>One source table under two aliases.</summary>
    public static Finding TableTwice(FileLocation at, string pipeline, string table, string alias) => Make(
        1116, at, $"Pipeline '{pipeline}' already has the table {table}, under the name '{alias}'.", "Remove one of the two, or put it into a pipeline of its own.");

    /// <summary>A block that must not be empty.</summary>
    public static Finding Empty(FileLocation at, string path, string example) => Make(
        1117, at, $"{path} is empty.", $"Add at least one entry, for example `{example}`.");

    /// <summary>A column listed twice.</summary>
    public static Finding ColumnTwice(FileLocation at, string path, string column) => Make(
        1118, at, $"{path} names the column '{column}' twice.", "Remove one of the two.");

    /// <summary>Bytes that are not UTF-8 text.</summary>
    public static Finding NotUtf8(FileLocation at) => Make(
        1119, at, "The file is not UTF-8 text from here on.", "Save it as UTF-8.");

    /// <summary>A setting one block too far out.</summary>
    public static Finding Beside(FileLocation at, string path, string key, string kind) => Make(
        1120, at, $"'{key}' stands beside '{kind}' in {path}.", $"Settings of the connector go inside: move it into the block '{kind}:', or remove it.");

    /// <summary>A word that is none of the few that are possible.</summary>
    public static Finding UnknownChoice(FileLocation at, string path, string got, string? nearest, string form) => Make(
        1160, at, $"{path}: '{got}' is not possible.", nearest is null ? $"Use one of: {form}." : $"Did you mean '{nearest}'? Possible are: {form}.");

    /// <summary>A limit that nothing makes room under.</summary>
    public static Finding QuotaAlone(FileLocation at, string path) => Make(
        1161, at, $"{path} has a quota, but neither 'age' nor 'size': nothing would ever be deleted, and capture would stop at the quota for good.",
        "Add 'age' or 'size', or remove 'quota'.");

    /// <summary>A limit that is reached before anything is deleted.</summary>
    public static Finding QuotaTooSmall(FileLocation at, string path, long quota, long? size, long segment) => Make(
        1162, at,
        size is { } kept && kept > segment
            ? $"{path}: a quota of {Units.FormatSize(quota)} is reached before a size of {Units.FormatSize(kept)} and the segment that is written, {Units.FormatSize(segment)}."
            : $"{path}: a quota of {Units.FormatSize(quota)} is less than two segments of {Units.FormatSize(segment)}: the one that is written, and one that may be deleted.",
        $"Give a quota of at least {Units.FormatSize(Math.Max(size ?? 0, segment) + segment)}.");

    /// <summary>A condition that cannot be understood; the code is the expression's own.</summary>
    public static Finding Condition(FileLocation at, string path, ErrorCode code, string problem, string remedy) => new()
    {
        Severity = Severity.Error, Check = "configuration", Code = code, Message = $"{path}: {problem}", Remedy = remedy, Location = at,
    };

    private static Finding Make(int code, FileLocation at, string message, string remedy) => new()
    {
        Severity = Severity.Error, Check = "configuration", Code = new(code), Message = message, Remedy = remedy, Location = at,
    };
}
