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
        1115, at, $"{path}: '{got}' does not name a table.", "Write database.table, for example shop.orders; several tables that are one stand under 'tables' of the entry, as a regular expression.");

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

    /// <summary>Two things of one name.</summary>
    public static Finding NameTwice(FileLocation at, string path, string name) => Make(
        1122, at, $"{path} gives the name '{name}' twice.", "Give one of the two another name.");

    /// <summary>Two settings that exclude each other.</summary>
    public static Finding NotTogether(FileLocation at, string path, string one, string other, string why) => Make(
        1123, at, $"{path} has both '{one}' and '{other}'.", why);

    /// <summary>A pattern of tables that is no regular expression, or one that only backtracking can match.</summary>
    public static Finding BadPattern(FileLocation at, string path, string pattern, bool isSupported) => Make(
        1124, at, isSupported ? $"{path}: '{pattern}' is not a regular expression." : $"{path}: '{pattern}' needs backtracking, which could take for ever.",
        isSupported ? "It is matched with the whole of database.table; write for example 'shop\\.orders_(\\d+)', between single quotes." : "Leave out what looks around or refers back: (?=…), (?!…), \\1.");

    /// <summary>A condition of a join that is something else than equations of columns.</summary>
    public static Finding BadJoin(FileLocation at, string path, string what, string example) => Make(
        1125, at, $"{path}: tables are joined by columns that are equal; {what}.", $"Write it as `{example}`, with AND between several.");

    /// <summary>A join that names a third table.</summary>
    public static Finding JoinOfOthers(FileLocation at, string path, string name, string joined, string to) => Make(
        1126, at, $"{path}: '{name}' is not one of the two tables that are joined here.",
        joined == to ? $"Call the row that is joined by the name under 'as', and the other '{to}'." : $"They are '{joined}' and '{to}', and each side of an equation is a column of one of them.");

    /// <summary>A table that the pipeline does not have.</summary>
    public static Finding UnknownAlias(FileLocation at, string path, string alias, string? nearest, IEnumerable<string> known) => Make(
        1127, at, $"{path}: '{alias}' is not one of the pipeline's tables.",
        nearest is not null ? $"Did you mean '{nearest}'?" : $"Its tables are: {string.Join(", ", known)}.");

    /// <summary>A table that its pipeline does nothing with.</summary>
    public static Finding UnusedTable(FileLocation at, string path, string alias) => Make(
        1128, at, $"The table '{alias}' is used by nothing in {path}: nothing of it is delivered.",
        "Add it to 'nest' or 'merge', remove it, or deliver it by a pipeline of its own.") with { Severity = Severity.Warning };

    /// <summary>Collections deeper than is supported.</summary>
    public static Finding NestTooDeep(FileLocation at, string path) => Make(
        1129, at, $"{path} is a collection at the third level; there are two at most.", "Deliver the inner ones as documents of their own, by another pipeline.");

    /// <summary>Groups without a field.</summary>
    public static Finding GroupOfNothing(FileLocation at, string path) => Make(
        1130, at, $"{path} groups rows, but computes nothing of them.", "Add 'set' with aggregates, for example `set: { orders: count(*), total: sum(total) }`.");

    /// <summary>A step of a test that is none of the possible ones, or several at once.</summary>
    public static Finding BadStep(FileLocation at, string path, string key, string example, IEnumerable<string> known) => Make(
        1131, at, $"{path} does not say which {key} it is, or says several.", $"Give exactly one of {string.Join(", ", known)}, for example `{example}`.");

    /// <summary>A type that no column has.</summary>
    public static Finding UnknownType(FileLocation at, string path, string type, string? nearest) => Make(
        1132, at, $"{path}: '{type}' is not a type of a column.",
        nearest is not null ? $"Did you mean '{nearest}'?" : "Write it as in CREATE TABLE: bigint, int unsigned, decimal(10,2), varchar(20), datetime(3), json.");

    /// <summary>Two tests of one name.</summary>
    public static Finding TestTwice(FileLocation at, string pipeline, string name) => Make(
        1133, at, $"Pipeline '{pipeline}' has two tests with the name '{name}'.", "Give each a name of its own: reports and `--filter` go by it.");

    /// <summary>A row without columns.</summary>
    public static Finding EmptyRow(FileLocation at, string path, string example) => Make(
        1134, at, $"{path} holds no columns.", $"Write column and value, for example `{example}`.");

    /// <summary>Something of documents that field groups do not have.</summary>
    public static Finding NotInFieldGroups(FileLocation at, string path, string why) => Make(
        1135, at, $"{path}: documents of `mode: field_groups` have none of this: {why}.", "Take it out; or take out `mode`, for documents that are made of rows kept in memory.");

    /// <summary>A rule of a table that cannot be one of field groups.</summary>
    public static Finding NotOfFieldGroups(FileLocation at, string alias, string why) => Make(
        1136, at, $"The table '{alias}' is part of a document of `mode: field_groups`: {why}.", "Take it out of the table's entry; or take out `mode`, for documents that are made of rows kept in memory.");

    /// <summary>A table with two groups of fields.</summary>
    public static Finding MergedTwice(FileLocation at, string path, string alias, bool isRoot) => Make(
        1137, at, isRoot ? $"{path}: '{alias}' is the root, and its fields are in the document already." : $"{path}: '{alias}' is merged already; a table owns one group of fields.",
        isRoot ? "Take this entry out, or merge another table." : "Put all its fields into one entry.");

    /// <summary>What field groups do not promise.</summary>
    public static Finding FieldGroupsAreWeak(FileLocation at, string path, string root) => Make(
        1138, at, $"{path}: field groups promise less than documents do by default: writes carry no version, so old values are seen while changes are delivered again; fields of a table may be there "
        + $"before the row of '{root}' is; and fields of a table are not there when its row was written before the document was deleted and made again.",
        "Nothing has to be done where that is enough: docs/operating/field-groups.md. Otherwise take out `mode`.") with { Severity = Severity.Warning };

    /// <summary>The first ones of no order.</summary>
    public static Finding LimitWithoutOrder(FileLocation at, string path) => Make(
        1150, at, $"{path} has a limit, but no 'order' that says which rows come first.", "Add 'order', for example `order: [\"created desc\"]`; `order: id` for those with the lowest keys.");

    /// <summary>A limit of what is no list.</summary>
    public static Finding LimitOfForm(FileLocation at, string path, string form) => Make(
        1151, at, $"{path}: a collection of the form '{form}' has no limit; only an array has one.", "Take out 'limit', or 'form'.");

    private static Finding Make(int code, FileLocation at, string message, string remedy) => new()
    {
        Severity = Severity.Error, Check = "configuration", Code = new(code), Message = message, Remedy = remedy, Location = at,
    };
}
