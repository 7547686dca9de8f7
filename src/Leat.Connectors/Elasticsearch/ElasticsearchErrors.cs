using Leat.Changes;
using Leat.Connectors.Elasticsearch.Wire;

namespace Leat.Connectors.Elasticsearch;

/// <summary>Everything that can go wrong with Elasticsearch and OpenSearch. Codes 4500 to 4599.</summary>
public static class ElasticsearchErrors
{
    /// <summary>Nobody answers at the address.</summary>
    public static RetriableException Unreachable(string address, string reason, Exception cause) => new(
        new(4500), $"{address} cannot be reached: {reason.TrimEnd('.')}.", "Start the server, or correct `url`; Leat tries again by itself.", cause);

    /// <summary>The connection broke, or no answer came in time.</summary>
    public static RetriableException Lost(string address, string reason, Exception cause) => new(
        new(4501), $"A request to {address} was not answered: {reason.TrimEnd('.')}.",
        "Leat sends it again by itself; writing twice changes nothing. Look at the server when this goes on.", cause);

    /// <summary>Too much to do.</summary>
    public static RetriableException Busy(string address, string reason, TimeSpan? after) => new(
        new(4502), $"{address} has too much to do: {reason.TrimEnd('.')}.", "Leat sends less and tries again by itself; when this goes on, the cluster is too small for what is written.")
    {
        IsBusy = true,
        After = after,
    };

    /// <summary>The server, or what stands before it, cannot answer now.</summary>
    public static RetriableException Unavailable(string address, string reason) => new(
        new(4503), $"{address} cannot answer now: {reason.TrimEnd('.')}.", "Leat tries again by itself; look at the server when this goes on.");

    /// <summary>A success that proves nothing.</summary>
    public static RetriableException NotAnAnswer(string address, string reason, string body) => new(
        new(4504), $"{address} answered with success, but not to what it was asked ({reason}): {body.TrimEnd('.')}.",
        "Something between Leat and the server answers in its place: look at proxies and at `url`. Leat tries again by itself.");

    /// <summary>User, password, key or token are wrong or missing.</summary>
    public static PauseException SignInRefused(string address, string reason) => new(
        new(4505), $"{address} refused to sign in: {reason.TrimEnd('.')}.", "Correct `user` and `password`, `api_key` or `bearer_token` of the sink.");

    /// <summary>The user may not do something.</summary>
    public static PauseException NotPermitted(string address, string reason) => new(
        new(4506), $"{address} does not permit what the sink needs: {reason.TrimEnd('.')}.",
        "Grant the user `monitor` on the cluster and `read`, `write`, `create_index`, `maintenance` on the sink's indexes and on `leat-markers`.");

    /// <summary>Nothing of the kind at this path.</summary>
    public static PauseException WrongPath(string address, string reason) => new(
        new(4507), $"{address} does not know the path that was asked for: {reason.TrimEnd('.')}.", "Correct `url`: it is the address that `GET /` answers at, with the path that a proxy wants.");

    /// <summary>Index or cluster take no writes.</summary>
    public static RetriableException Blocked(string address, string reason) => new(
        new(4508), $"{address} takes no writes: {reason.TrimEnd('.')}.",
        "Make room on the disks of the cluster, lift the block (`index.blocks.*`), or open the index; Leat tries again by itself and drops nothing.");

    /// <summary>No such index, and writing does not make one.</summary>
    public static PauseException MissingIndex(string address, string reason) => new(
        new(4509), $"{address} has no such index, and writing to it does not create it: {reason.TrimEnd('.')}.", "Create the index, or allow it in `action.auto_create_index`.");

    /// <summary>Answered again and again in a way that nobody knows.</summary>
    public static PauseException UnknownAnswer(string address, int attempts, string reason) => new(
        new(4510), $"{address} answered an operation {attempts} times in a way that Leat does not know: {reason.TrimEnd('.')}.",
        "Look the answer up at the server and lift its cause; nothing is dropped, and delivery goes on from the same place.");

    /// <summary>One document after another is refused for a limit of the index.</summary>
    public static PauseException LimitReached(string address, int refusals, string reason) => new(
        new(4511), $"{address} refused {refusals} documents in a row for a limit of the index: {reason.TrimEnd('.')}.",
        "Raise the limit (`index.mapping.total_fields.limit`), or deliver less: `columns`, `id`. The refused documents are in the dead letters.");

    /// <summary>Something else answers.</summary>
    public static PauseException NotElasticsearch(string address, string reason) => new(
        new(4512), $"What answers at {address} is neither Elasticsearch nor OpenSearch: {reason.TrimEnd('.')}.", "Correct `url`.");

    /// <summary>A file of the TLS settings.</summary>
    public static PauseException UnreadableFile(string setting, string path, Exception cause) => new(
        new(4513), $"The file of `{setting}`, {path}, cannot be read: {cause.Message.TrimEnd('.')}.", "Correct the path, or give Leat's user the right to read it; it has to be PEM.", cause);

    /// <summary>TLS failed.</summary>
    public static PauseException TlsRefused(string address, string reason, Exception cause) => new(
        new(4514), $"No secure connection to {address}: {reason.TrimEnd('.')}.",
        "Name the authority of the server's certificate in `tls_ca` or `tls_ca_fingerprint`, and the host as the certificate does in `url`.", cause);

    /// <summary>A server from before document types went away.</summary>
    public static PauseException TooOld(string address, string product) => new(
        new(4515), $"{product} at {address} is too old.", "Use Elasticsearch 7 or newer, or OpenSearch.");

    /// <summary>A table without an index.</summary>
    public static PauseException NoIndex(string alias) => new(
        new(4520), $"The table '{alias}' of the pipeline has no index.", "Add it under `index:`.");

    /// <summary>A text that cannot be the name of an index.</summary>
    public static PauseException BadIndexName(string alias, string name) => new(
        new(4521), $"'{name}' cannot be the name of the index of table '{alias}'.",
        "Use small letters, digits, '-', '_' and '.', at most 255, and begin with a letter or digit.");

    /// <summary>A template with a column that is not delivered.</summary>
    public static PauseException NoSuchColumn(string alias, string template, string column) => new(
        new(4522), $"The template '{template}' of table '{alias}' uses {column}, which is none of the table's delivered columns.", "Correct the name, or add the column to `columns`.");

    /// <summary>A template that wants a date of a column without dates.</summary>
    public static PauseException NoDate(string alias, string template, string column) => new(
        new(4523), $"The template '{template}' of table '{alias}' wants the date of {column}, whose type is no date.", "Use a column of type DATE, DATETIME or TIMESTAMP, or leave the form out.");

    /// <summary>Parts that cannot be told apart.</summary>
    public static PauseException NothingBetween(string alias, string template) => new(
        new(4524), $"The template '{template}' of table '{alias}' has two columns with nothing between: (1, 23) and (12, 3) would share one id.", "Put a ':' between them.");

    /// <summary>Two rows would get one id.</summary>
    public static PauseException IdLacksColumn(string alias, string template, string column) => new(
        new(4525), $"The id '{template}' of table '{alias}' lacks the key column {column}: several rows would share one document.", $"Put `{{{column}}}` into it.");

    /// <summary>A column that can change without the row's key.</summary>
    public static PauseException IdNotOfKey(string alias, string template, string column) => new(
        new(4526), $"The id '{template}' of table '{alias}' uses {column}, which is not a column of its primary key.", $"Take `{{{column}}}` out: when it changed, the old document would stay.");

    /// <summary>Documents of two tables that cannot be told apart.</summary>
    public static PauseException SharedIndex(string alias, string other, string index) => new(
        new(4527), $"The tables '{alias}' and '{other}' share the index '{index}', and their ids could be the same.",
        "Give them indexes of their own, or ids that begin differently: `id: { orders: \"o{id}\", order_items: \"i{id}\" }`.");

    /// <summary>A table beside a join.</summary>
    public static PauseException NotInJoin(string alias) => new(
        new(4528), $"The table '{alias}' has no place in the sink's `join`.", "Add it under `join.tables`, or deliver it by a pipeline of its own.");

    /// <summary>Partial writes at an address that can change.</summary>
    public static PauseException MovingUpsert(string alias) => new(
        new(4529), $"Index or routing of table '{alias}' depend on columns beside its key, but `write: upsert` cannot move a document.",
        "Use columns of the primary key only, or `write: index`.");

    /// <summary>The marker is there and makes no sense.</summary>
    public static PauseException MarkerUnreadable(string address, string pipeline, string found) => new(
        new(4530), $"The marker of pipeline '{pipeline}' at {address} (document '{pipeline}' of index leat-markers) cannot be read: {found.TrimEnd('.')}.",
        "Find out who changed it. When the documents are to be written anew in any case, delete it and deliver again: `leat redeliver`.");

    /// <summary>The server does not take our index template.</summary>
    public static PauseException TemplateRefused(string address, string name, string reason) => new(
        new(4531), $"{address} refused the index template {name}: {reason.TrimEnd('.')}.", "Grant `manage_index_templates`, remove the template it conflicts with, or set `template: show` and make your own.");

    /// <summary>Nobody checks certificates.</summary>
    public static Finding Insecure(string address) => Finding.Warning(
        new(4532), "insecure", $"Certificates are not checked (`insecure: true`): whoever stands between can read and change everything sent to {address}.",
        "Name the authority in `tls_ca` or `tls_ca_fingerprint` instead.");

    /// <summary>No such ingest pipeline.</summary>
    public static PauseException NoPipeline(string address, string pipeline) => new(
        new(4533), $"{address} has no ingest pipeline '{pipeline}'.", "Create it, or take `pipeline` out.");

    /// <summary>A request that the server refuses, other than writes.</summary>
    public static PauseException RequestRefused(string address, string reason) => new(
        new(4534), $"{address} refused a request: {reason.TrimEnd('.')}.", "Look at the server's version and settings; when they are right, report the answer.");

    /// <summary>A user in the address, where everything that shows it would show the password.</summary>
    public static Finding UserInAddress(string host) => Finding.Error(
        new(4535), "url", $"The address of {host} in `url` has a user in it.", "Take it out, and use `user` and `password`.");

    /// <summary>Partial writes and a setting that needs whole documents.</summary>
    public static PauseException NoParts(string alias, string setting) => new(
        new(4536), $"The documents '{alias}' are of `mode: field_groups`, which `{setting}` does not work with: it needs documents that are written whole.",
        $"Take `{setting}` out of the sink, or `mode` out of the document.");

    /// <summary>A target that only takes documents that are new.</summary>
    public static PauseException DataStream(string address, string alias, string found) => new(
        new(4537), $"Where {address} keeps the documents of table '{alias}' is a data stream, in which no document can be changed or deleted: {found.TrimEnd('.')}.",
        "Write to another `index`, one that no index template with `data_stream` matches.");

    /// <summary>A field of the sink's own that a column has as well.</summary>
    public static PauseException FieldTaken(string alias, string setting, string field) => new(
        new(4538), $"The field '{field}' of `{setting}` is also a column of table '{alias}': a document cannot have it twice.",
        "Give the field another name, or the column (`columns: [{ " + field + ": another_name }]`).");

    /// <summary>A column that no document can have.</summary>
    public static PauseException FieldOfServer(string alias, string column) => new(
        new(4539), $"The column {column} of table '{alias}' bears the name of a field that servers keep beside each document: they would refuse all of them.",
        "Deliver it under another name: `columns: [{ " + column + ": another_name }]`.");

    /// <summary>What an answer other than success means for the request that it answers; null for those that refuse what was sent (400, 413).</summary>
    internal static LeatException? ForRequest(in ElasticsearchAnswer answer, ReadOnlySpan<byte> body)
    {
        var (type, reason) = ErrorText.Of(answer.Status, body);
        return answer.Status switch
        {
            _ when type == "cluster_block_exception" => Blocked(answer.Node, reason),
            400 or 413 => null,
            401 => SignInRefused(answer.Node, reason),
            403 => NotPermitted(answer.Node, reason),
            429 => Busy(answer.Node, reason, answer.RetryAfter),
            >= 500 or 408 => Unavailable(answer.Node, reason),
            404 when type is "search_context_missing_exception" or "search_phase_execution_exception" => Unavailable(answer.Node, reason), // a scroll that ended: it is begun again
            _ => WrongPath(answer.Node, reason),
        };
    }
}
