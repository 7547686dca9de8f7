using Microsoft.Extensions.Logging;

namespace Leat.Connectors.Elasticsearch;

/// <summary>All that Elasticsearch sinks log. Event ids 4500 to 4599; an id is never given to a second message.</summary>
internal static partial class ElasticsearchLog
{
    [LoggerMessage(4500, LogLevel.Information, "{Product} answers at {Address}")]
    public static partial void Found(this ILogger log, string product, string address);

    [LoggerMessage(4501, LogLevel.Warning, "Node {Node} failed, the others are asked instead: {Reason}")]
    public static partial void NodeFailed(this ILogger log, string node, string reason);

    [LoggerMessage(4502, LogLevel.Information, "Node {Node} answers again")]
    public static partial void NodeAnswers(this ILogger log, string node);

    [LoggerMessage(4503, LogLevel.Error, "{Node} answered {Status} with something that is no answer to a _bulk request ({Reason}): {Body}")]
    public static partial void WrongAnswer(this ILogger log, string node, int status, string reason, string body);

    [LoggerMessage(4504, LogLevel.Error, "{Node} refused a _bulk request of {Actions} actions as a whole, which should not happen; parts of it are tried: {Reason}")]
    public static partial void RequestRefused(this ILogger log, string node, int actions, string reason);

    [LoggerMessage(4505, LogLevel.Error, "The target takes no writes, they are tried again until it does: {Reason}")]
    public static partial void Blocked(this ILogger log, string reason);

    [LoggerMessage(4506, LogLevel.Error, "A limit of the index is reached, documents go to the dead letters: {Reason}")]
    public static partial void LimitReached(this ILogger log, string reason);

    [LoggerMessage(4507, LogLevel.Warning, "Certificates are not checked (insecure: true): whoever stands between can read and change everything sent to {Address}")]
    public static partial void Insecure(this ILogger log, string address);

    [LoggerMessage(4508, LogLevel.Information, "An index template for table {Alias}, not put in place (template: show): PUT /_index_template/{Name} {Template}")]
    public static partial void TemplateShown(this ILogger log, string alias, string name, string template);

    [LoggerMessage(4509, LogLevel.Information, "The index template {Name} for table {Alias} is in place")]
    public static partial void TemplateApplied(this ILogger log, string name, string alias);

    [LoggerMessage(4510, LogLevel.Warning, "{Reason} is an answer that Leat does not know; the operation is tried again (try {Attempt} of {Attempts})")]
    public static partial void UnknownAnswer(this ILogger log, string reason, int attempt, int attempts);
}
