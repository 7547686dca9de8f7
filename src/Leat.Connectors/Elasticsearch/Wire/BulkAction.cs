namespace Leat.Connectors.Elasticsearch.Wire;

/// <summary>What one action of a <c>_bulk</c> request asks for; decides what its answer means.</summary>
internal enum BulkActionKind : byte
{
    /// <summary><c>index</c> with an external version: the whole document.</summary>
    Index = 1,

    /// <summary><c>delete</c> with an external version.</summary>
    Delete = 2,

    /// <summary><c>update</c> with <c>doc_as_upsert</c>, or of a document that has to be there.</summary>
    Update = 3,

    /// <summary><c>delete</c> without a version, beside updates, which have none.</summary>
    PlainDelete = 4,

    /// <summary><c>update</c> that marks a document as deleted; one that is not there needs no mark.</summary>
    Mark = 5,
}

/// <summary>What the answer to one action means for its operation, in rising order: of several actions of one operation the highest counts.</summary>
internal enum BulkVerdict : byte
{
    /// <summary>The target holds it.</summary>
    Applied = 0,

    /// <summary>The target is already newer.</summary>
    Stale = 1,

    /// <summary>This document can never be taken.</summary>
    Refused = 2,

    /// <summary>The same, because of a limit that belongs to the index (number of fields, length of ids): a run of them is a matter of settings.</summary>
    RefusedByLimit = 3,

    /// <summary>Somebody else wrote the document in between; sent again at once.</summary>
    Conflict = 4,

    /// <summary>A passing condition.</summary>
    Retry = 5,

    /// <summary>Too much to do.</summary>
    Busy = 6,

    /// <summary>The index takes no writes now: a disk is full, or somebody made it read-only.</summary>
    Blocked = 7,

    /// <summary>Not known: tried again some times, then a person has to look.</summary>
    Unknown = 8,

    /// <summary>There is no such index, and it may not be made by writing to it.</summary>
    MissingIndex = 9,

    /// <summary>Our user may not.</summary>
    Forbidden = 10,

    /// <summary>It is a data stream, which takes neither a version nor a second write of a document.</summary>
    DataStream = 11,
}

/// <summary>Tells what answers mean: the table of docs/connectors/elasticsearch.md.</summary>
internal static class BulkAnswers
{
    private const int ConflictStatus = 409;
    private const int TooManyStatus = 429;

    /// <summary>Classifies the answer to one action.</summary>
    /// <param name="kind">What was asked for.</param>
    /// <param name="status">The item's HTTP status.</param>
    /// <param name="type">The error's type; <see langword="null"/> when there was none.</param>
    /// <param name="reason">The error's reason with those behind it.</param>
    public static BulkVerdict Classify(BulkActionKind kind, int status, string? type, string? reason)
    {
        if (status is >= 200 and < 300)
            return BulkVerdict.Applied;
        switch (type)
        {
            case "version_conflict_engine_exception":
                return Conflicting(kind);
            case "index_not_found_exception":
                // Where there is no index there is no document.
                return kind is BulkActionKind.Delete or BulkActionKind.PlainDelete or BulkActionKind.Mark ? BulkVerdict.Applied : BulkVerdict.MissingIndex;
            case "document_missing_exception":
                return kind == BulkActionKind.Mark ? BulkVerdict.Applied : BulkVerdict.Refused;
            case "cluster_block_exception":
                return BulkVerdict.Blocked; // with status 403, or 429 when a disk is over its flood stage
            case "es_rejected_execution_exception" or "rejected_execution_exception" or "circuit_breaking_exception":
                return BulkVerdict.Busy;
            case "unavailable_shards_exception" or "process_cluster_event_timeout_exception":
                return BulkVerdict.Retry;
            case "index_closed_exception":
                return BulkVerdict.Blocked; // until somebody opens it
            case "security_exception":
                return BulkVerdict.Forbidden;
            case "illegal_argument_exception" when reason?.Contains("op_type of create are allowed in data streams", StringComparison.Ordinal) is true:
                return BulkVerdict.DataStream;
            case "mapper_parsing_exception" or "document_parsing_exception" or "strict_dynamic_mapping_exception" or "illegal_argument_exception"
                or "action_request_validation_exception" or "invalid_index_name_exception" or "routing_missing_exception" or "fail_processor_exception" or "ingest_processor_exception":
                return IsLimit(reason) ? BulkVerdict.RefusedByLimit : BulkVerdict.Refused;
            default:
                return ByStatus(kind, status, type);
        }
    }

    private static BulkVerdict ByStatus(BulkActionKind kind, int status, string? type) => status switch
    {
        ConflictStatus => Conflicting(kind),
        404 when type is null && kind is BulkActionKind.Delete or BulkActionKind.PlainDelete => BulkVerdict.Applied, // "result": "not_found"
        TooManyStatus => BulkVerdict.Busy,
        >= 500 => BulkVerdict.Retry,
        _ => BulkVerdict.Unknown,
    };

    private static BulkVerdict Conflicting(BulkActionKind kind) => kind is BulkActionKind.Index or BulkActionKind.Delete ? BulkVerdict.Stale : BulkVerdict.Conflict;

    // In the servers' own words: "Limit of total fields [1000] has been exceeded", the same of "mapping depth", "nested fields" and "field name length",
    // and "id [...] is too long, must be no longer than 512 bytes but was: 600".
    private static bool IsLimit(string? reason) =>
        reason is not null
        && ((reason.Contains("Limit of ", StringComparison.OrdinalIgnoreCase) && reason.Contains("has been exceeded", StringComparison.Ordinal))
            || reason.Contains("is too long, must be no longer", StringComparison.Ordinal));
}
