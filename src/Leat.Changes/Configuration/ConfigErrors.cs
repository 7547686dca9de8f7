namespace Leat.Changes.Configuration;

/// <summary>Everything that can be wrong with a value of the configuration file. Codes 1000 to 1099.</summary>
public static class ConfigErrors
{
    /// <summary>A key that nobody reads.</summary>
    public static Finding UnknownKey(FileLocation at, string path, string key, string? nearest, IEnumerable<string> known) => Make(
        1001, at, $"'{key}' is not a setting of {path}.",
        nearest is null ? $"Known settings: {string.Join(", ", known)}." : $"Did you mean '{nearest}'?");

    /// <summary>A required key is absent.</summary>
    public static Finding Missing(FileLocation at, string path, string key, string example) => Make(
        1002, at, $"{path} has no '{key}'.", $"Add it, for example `{key}: {example}`.");

    /// <summary>A value of the wrong form.</summary>
    public static Finding Invalid(FileLocation at, string path, string got, string expected) => Make(
        1003, at, $"{path}: expected {expected}, got {got}.", "Correct the value.");

    /// <summary>A secret written into the file.</summary>
    public static Finding PlainSecret(FileLocation at, string path) => Make(
        1004, at, $"{path} is written into the file in plain text.",
        "Put it into an environment variable or a file and refer to it as \"${env:NAME}\" or \"${file:/path}\".", Severity.Warning);

    /// <summary>A setting for a table that the pipeline does not have.</summary>
    public static Finding NotDelivered(FileLocation at, string path, string table, string? nearest, IEnumerable<string> known) => Make(
        1005, at, $"{path}: '{table}' is not a table that the pipeline delivers.",
        nearest is null ? $"It delivers: {string.Join(", ", known)}." : $"Did you mean '{nearest}'?");

    private static Finding Make(int code, FileLocation at, string message, string remedy, Severity severity = Severity.Error) => new()
    {
        Severity = severity, Check = "configuration", Code = new(code), Message = message, Remedy = remedy, Location = at,
    };
}
