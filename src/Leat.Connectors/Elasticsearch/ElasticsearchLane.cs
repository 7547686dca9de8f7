using Leat.Changes;
using Leat.Connectors.Elasticsearch.Wire;

namespace Leat.Connectors.Elasticsearch;

/// <summary>One lane: a batch is one <c>_bulk</c> request after the other, and the answer to every action is looked at.</summary>
internal sealed class ElasticsearchLane(ElasticsearchSinkOptions options, ElasticsearchClient client, ElasticsearchSearch search, AnswerJudge judge, LaneIdentity identity) : ISinkLane
{
    /// <summary>So often an update that met another write is sent again at once.</summary>
    internal const int ConflictRetries = 3;

    private readonly BulkBatch _request = new(options, identity);
    private readonly AnswerBuffer _answer = new();
    private readonly BatchKeys _keys = new();
    private readonly string _path = PathOf(options);

    private Dictionary<int, List<FoundPlace>>? _found;
    private bool _conflicts;

    /// <inheritdoc/>
    public long? CommittedOffset => null;

    /// <inheritdoc/>
    public async ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
    {
        answers.Span[..batch.Length].Clear();
        _keys.Look(batch.Span, coalesce: options.Write == WriteMode.Index, _request);
        _found = await search.PlacesAsync(batch, _request, cancellationToken);
        for (var pass = 0; ; pass++)
        {
            _conflicts = false;
            var sent = await SendPassAsync(batch, answers, pass, cancellationToken);
            if (_conflicts)
                SendFollowersAgain(batch.Span, answers.Span);
            var uncovered = _keys.Settle(answers.Span[..batch.Length]);
            if (!sent && !uncovered)
                break;
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    // The server gives up on a shard that is away before we give up on the server: then the other documents have their answers.
    private static string PathOf(ElasticsearchSinkOptions options) =>
        FormattableString.Invariant($"/_bulk?timeout={Math.Max(1, (int)(options.Timeout.TotalSeconds / 2))}s")
        + (options.ShortAnswers ? "&filter_path=errors,items.*.status,items.*.error" : "")
        + (options.Pipeline is null ? "" : "&pipeline=" + Uri.EscapeDataString(options.Pipeline));

    // Sends every operation that has no answer and waits for none; false when there was none.
    private async ValueTask<bool> SendPassAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, int pass, CancellationToken cancellationToken)
    {
        var any = false;
        var from = 0;
        while (from < batch.Length)
        {
            from = Encode(batch.Span, answers.Span, from);
            if (_request.Actions.Count == 0)
                break;
            any = true;
            var head = await client.SendAsync(HttpMethod.Post, _path, _request.Body, ElasticsearchClient.NdJson, _answer, cancellationToken);
            if (!head.IsSuccess)
                throw judge.WholeRequest(head, _answer.Written, _request.Actions.Count);
            Settle(head, batch.Span, answers.Span, pass);
        }

        return any;
    }

    // Fills a request up to its limits and returns the operation to go on with.
    private int Encode(ReadOnlySpan<Operation> batch, Span<Answer> answers, int from)
    {
        _request.Cut();
        var i = from;
        for (; i < batch.Length && _request.Actions.Count < options.MaxOperations; i++)
        {
            if (answers[i].Kind != AnswerKind.None || _keys.IsCovered(i))
                continue;
            var (bytes, before) = (_request.Body.Length, _request.Actions.Count);
            if (_request.Add(batch[i], i, _found?.GetValueOrDefault(i)) is { } refused)
                answers[i] = refused;
            else if (_request.Actions.Count == before)
                answers[i] = Answer.Applied; // a delete of what is nowhere
            if (_request.Body.Length <= options.MaxBytes || before == 0)
                continue;
            _request.Cut(bytes, before); // begins the next one
            break;
        }

        return i;
    }

    // Several actions of one operation stand side by side; the answer that asks for most counts.
    private void Settle(in ElasticsearchAnswer head, ReadOnlySpan<Operation> batch, Span<Answer> answers, int pass)
    {
        var actions = _request.Actions;
        var tally = judge.Begin(head.Node);
        var worst = BulkVerdict.Applied;
        BulkItem worstItem = default;
        var count = 0;
        try
        {
            var items = new BulkReader(_answer.Written);
            while (items.TryRead(out var item))
            {
                if (count == actions.Count)
                    throw new BulkFormatException($"more than the {actions.Count} items that it should have");
                var action = actions[count++];
                var verdict = BulkAnswers.Classify(action.Kind, item.Status, item.Type, item.Reason);
                var isLast = count == actions.Count || actions[count].Operation != action.Operation;
                if (verdict >= worst && (isLast || verdict != BulkVerdict.Stale)) // whether a move found its old place says nothing of the new one
                    (worst, worstItem) = (verdict, item);
                if (!isLast)
                    continue;
                answers[action.Operation] = AnswerOf(tally, batch[action.Operation], worst, worstItem, pass);
                (worst, worstItem) = (BulkVerdict.Applied, default);
            }

            if (count != actions.Count)
                throw new BulkFormatException($"{count} items instead of {actions.Count}");
        }
        catch (BulkFormatException wrong)
        {
            throw judge.NotAnAnswer(head, wrong.Message, _answer.Written);
        }

        tally.End();
    }

    private Answer AnswerOf(AnswerTally tally, in Operation operation, BulkVerdict verdict, in BulkItem item, int pass)
    {
        if (verdict != BulkVerdict.Conflict || pass >= ConflictRetries)
            return tally.Judge(operation, identity.Lane, verdict, item);
        _conflicts = true;
        return default;
    }

    // What came after a write that is repeated comes after it again.
    private static void SendFollowersAgain(ReadOnlySpan<Operation> batch, Span<Answer> answers)
    {
        HashSet<ulong>? repeated = null;
        for (var i = 0; i < batch.Length; i++)
        {
            if (answers[i].Kind == AnswerKind.None)
                (repeated ??= []).Add(batch[i].OrderHash);
            else if (answers[i].Kind != AnswerKind.Refused && repeated?.Contains(batch[i].OrderHash) is true)
                answers[i] = default;
        }
    }
}
