using Leat.Changes;
using Leat.Connectors.Elasticsearch.Wire;
using Microsoft.Extensions.Logging;

namespace Leat.Connectors.Elasticsearch;

/// <summary>Turns what the server says into what the pipeline does, and remembers what takes several answers to tell. Shared by all lanes.</summary>
internal sealed class AnswerJudge(string address, TimeProvider time, ILogger log)
{
    /// <summary>So often an operation with an answer that nobody knows is tried before a person has to look.</summary>
    internal const int UnknownTries = 5;

    /// <summary>So many refusals in a row for a limit of the index are a matter of its settings.</summary>
    internal const int LimitRefusals = 20;

    // One event each so often: what concerns an index concerns every document.
    private static readonly TimeSpan BetweenAlerts = TimeSpan.FromSeconds(30);

    private readonly Dictionary<(int Lane, long Offset, ulong Key), int> _unknown = [];
    private readonly Lock _gate = new();
    private long _alertedAt;
    private bool _alerted;
    private int _limits;
    private volatile bool _anyUnknown;

    /// <summary>A tally for the answer to one request.</summary>
    public AnswerTally Begin(string node) => new(this, node);

    /// <summary>What to throw for a request that was not answered with success.</summary>
    public Exception WholeRequest(in ElasticsearchAnswer head, ReadOnlySpan<byte> body, int actions)
    {
        if (ElasticsearchErrors.ForRequest(head, body) is { } failure)
        {
            if (failure.Code == new ErrorCode(4508))
                AlertBlocked(failure.What);
            return failure;
        }

        const int TooLarge = 413;
        var (type, reason) = ErrorText.Of(head.Status, body);
        if (head.Status == TooLarge)
            return new BatchRefusedException(reason, type.Length > 0 ? type : "413", isTooLarge: true);
        log.RequestRefused(head.Node, actions, reason);
        return new BatchRefusedException(reason, type.Length > 0 ? type : "400");
    }

    /// <summary>What to throw for a success that is none.</summary>
    public RetriableException NotAnAnswer(in ElasticsearchAnswer head, string reason, ReadOnlySpan<byte> body)
    {
        var shown = ErrorText.Shown(head.Status, body);
        log.WrongAnswer(head.Node, head.Status, reason, shown);
        return ElasticsearchErrors.NotAnAnswer(head.Node, reason, shown);
    }

    /// <summary>Notes an answer that nobody knows; an exception once there were too many for the same operation.</summary>
    internal PauseException? Unknown(string node, in Operation operation, int lane, string reason)
    {
        int tries;
        lock (_gate)
        {
            var key = (lane, operation.Offset, operation.KeyHash);
            tries = _unknown.GetValueOrDefault(key) + 1;
            _unknown[key] = tries;
            _anyUnknown = true;
        }

        log.UnknownAnswer(reason, tries, UnknownTries);
        return tries >= UnknownTries ? ElasticsearchErrors.UnknownAnswer(node, tries, reason) : null;
    }

    /// <summary>Notes an answer that is known.</summary>
    internal void Known(in Operation operation, int lane)
    {
        if (!_anyUnknown)
            return;
        lock (_gate)
        {
            _unknown.Remove((lane, operation.Offset, operation.KeyHash));
            _anyUnknown = _unknown.Count > 0;
        }
    }

    /// <summary>Notes a refusal for a limit of the index; an exception once there were too many in a row.</summary>
    internal PauseException? Limit(string reason)
    {
        var refusals = Interlocked.Increment(ref _limits);
        if (ShallAlert())
            log.LimitReached(reason);
        return refusals >= LimitRefusals ? ElasticsearchErrors.LimitReached(address, refusals, reason) : null;
    }

    /// <summary>Notes that a document was taken.</summary>
    internal void Taken()
    {
        if (Volatile.Read(ref _limits) != 0)
            Interlocked.Exchange(ref _limits, 0);
    }

    /// <summary>Tells that the target takes no writes.</summary>
    internal void AlertBlocked(string reason)
    {
        if (ShallAlert())
            log.Blocked(reason);
    }

    private bool ShallAlert()
    {
        lock (_gate)
        {
            if (_alerted && time.GetElapsedTime(_alertedAt) < BetweenAlerts)
                return false;
            (_alerted, _alertedAt) = (true, time.GetTimestamp());
            return true;
        }
    }
}

/// <summary>Judges the answers to one request, action by action, and in the end the request as a whole.</summary>
internal sealed class AnswerTally(AnswerJudge judge, string node)
{
    private LeatException? _pause;
    private string? _blocked;
    private string? _busy;
    private int _count;
    private int _blockedCount;
    private int _busyCount;

    /// <summary>The answer for an operation.</summary>
    public Answer Judge(in Operation operation, int lane, BulkVerdict verdict, in BulkItem item)
    {
        _count++;
        if (verdict != BulkVerdict.Unknown)
            judge.Known(operation, lane);
        switch (verdict)
        {
            case BulkVerdict.Applied:
                judge.Taken();
                return Answer.Applied;
            case BulkVerdict.Stale:
                return Answer.Stale;
        }

        var reason = Reason(item);
        switch (verdict)
        {
            case BulkVerdict.Refused:
                return Answer.Refused(reason, Cause(item));
            case BulkVerdict.RefusedByLimit:
                _pause ??= judge.Limit(reason);
                return Answer.Refused(reason, Cause(item));
            case BulkVerdict.Busy:
                _busyCount++;
                _busy = reason;
                return Answer.Busy(reason);
            case BulkVerdict.Blocked:
                _blockedCount++;
                _blocked = reason;
                return Answer.Retry(reason);
            case BulkVerdict.MissingIndex:
                _pause ??= ElasticsearchErrors.MissingIndex(node, reason);
                return Answer.Retry(reason);
            case BulkVerdict.Forbidden:
                _pause ??= ElasticsearchErrors.NotPermitted(node, reason);
                return Answer.Retry(reason);
            case BulkVerdict.DataStream:
                _pause ??= ElasticsearchErrors.DataStream(node, operation.Shape.Alias, reason);
                return Answer.Retry(reason);
            case BulkVerdict.Unknown:
                _pause ??= judge.Unknown(node, operation, lane, reason);
                return Answer.Retry(reason);
            default:
                return Answer.Retry(reason);
        }
    }

    /// <summary>Throws when the request as a whole tells more than its items do: nothing of it is counted, and all of it is sent again.</summary>
    /// <exception cref="PauseException">A person has to act.</exception>
    /// <exception cref="RetriableException">Every item was refused for a passing condition of the whole target.</exception>
    public void End()
    {
        if (_pause is not null)
            throw _pause;
        if (_blocked is not null)
            judge.AlertBlocked(_blocked);
        if (_blockedCount > 0 && _blockedCount == _count)
            throw ElasticsearchErrors.Blocked(node, _blocked!); // set with the count
        if (_busyCount > 0 && _busyCount == _count)
            throw ElasticsearchErrors.Busy(node, _busy!, after: null); // set with the count
    }

    private static string Reason(in BulkItem item) =>
        string.IsNullOrEmpty(item.Type) ? FormattableString.Invariant($"{item.Status} {item.Reason}").TrimEnd() : $"{item.Type}: {item.Reason}";

    private static string Cause(in BulkItem item) => string.IsNullOrEmpty(item.Type) ? FormattableString.Invariant($"{item.Status}") : item.Type;
}
