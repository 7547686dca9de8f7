using Leat.Changes;

namespace Leat.Connectors.JsonLines;

/// <summary>Everything that can go wrong with JSON lines files. Codes 4300 to 4399.</summary>
public static class JsonLinesErrors
{
    /// <summary>The system refused to create, write, cut or sync.</summary>
    public static PauseException CannotWrite(string path, string reason, Exception? cause) => new(
        new(4300), $"{path} cannot be written: {reason.TrimEnd('.')}.",
        "Give Leat's user the right to write there, or free some space; nothing is dropped, and delivery goes on from the same place.", cause);

    /// <summary>The file has lines, but none is Leat's.</summary>
    public static PauseException NotOurs(string path) => new(
        new(4301), $"{path} exists, and its lines were not written by Leat.", "Move it away, or choose another folder; Leat does not overwrite what it did not write.");

    /// <summary>A table's name in the pipeline cannot be a file's name.</summary>
    public static PauseException BadFileName(string alias) => new(
        new(4302), $"The table '{alias}' of the pipeline cannot be the name of a file.",
        "Rename it under `tables:` to letters, digits, '-', '_' and '.', not starting with a '.'.");

    /// <summary>Parts of documents, which a file of lines cannot put together.</summary>
    public static PauseException NoParts(string alias, string table) => new(
        new(4303), $"The documents '{alias}' are of `mode: field_groups`, and a line of a file holds a whole row: what '{table}' writes would not come together with the rest.",
        "Take out `mode`, for documents that are made whole; or write them to Elasticsearch, hashes of Redis, MySQL or PostgreSQL.");
}
