using Leat.Changes;

namespace Leat.Pipeline.Delivery;

/// <summary>Tells rows that can never succeed from a target whose settings are at fault: that one refuses everything, and for one cause.</summary>
/// <remarks>
/// Operations of requests that were refused as a whole wait here for what becomes of the next ones: when those fare better, they go to the
/// dead letters; when not, they are sent again once the target is mended, so that no table ends in the dead letters for a setting.
/// </remarks>
internal sealed class Refusals
{
    /// <summary>So many requests in a row, refused as a whole for one cause, are the target's fault.</summary>
    public const int TellingRequests = 3;

    /// <summary>And so many operations: one bad row sent three times alone is still a bad row.</summary>
    public const int TellingOperations = 20;

    private readonly Queue<(Pending[] Items, Answer[] Answers)> _waiting = [];
    private string? _cause;

    /// <summary>Requests in a row that were refused as a whole for one cause.</summary>
    public int Requests { get; private set; }

    /// <summary>Operations in them.</summary>
    public int Operations { get; private set; }

    /// <summary>Operations that wait for the next answer.</summary>
    public int Waiting { get; private set; }

    /// <summary>Whether the last request was refused as a whole, for the same cause as those before it.</summary>
    public bool Suspected => Requests > 0;

    /// <summary>Whether the target is at fault.</summary>
    public bool IsTarget => Requests >= TellingRequests && Operations >= TellingOperations;

    /// <summary>The lowest that waits; <see cref="long.MaxValue"/> twice when there is none. A repeat that was refused waits behind what came later.</summary>
    public (long Offset, long CommitMicros) Lowest
    {
        get
        {
            var lowest = (Offset: long.MaxValue, CommitMicros: long.MaxValue);
            foreach (var (items, _) in _waiting)
            {
                foreach (ref readonly var item in items.AsSpan())
                {
                    if (item.Operation.Offset < lowest.Offset)
                        lowest = (item.Operation.Offset, item.CommitMicros);
                }
            }

            return lowest;
        }
    }

    /// <summary>Takes note of a request's answers.</summary>
    public void Note(ReadOnlySpan<Answer> answers)
    {
        var cause = CauseOf(answers[0]);
        foreach (ref readonly var answer in answers)
        {
            if (answer.Kind == AnswerKind.Refused && CauseOf(answer) == cause)
                continue;
            Requests = 0;
            Operations = 0;
            return;
        }

        if (cause != _cause)
        {
            Requests = 0;
            Operations = 0;
        }

        _cause = cause;
        Requests++;
        Operations += answers.Length;
    }

    /// <summary>Lets a request's operations wait.</summary>
    public void Wait(LaneBatch batch)
    {
        var items = new Pending[batch.Count];
        for (var i = 0; i < items.Length; i++)
            items[i] = batch[i].Detach() with { Resent = false };
        _waiting.Enqueue((items, batch.Answers.ToArray()));
        Waiting += items.Length;
    }

    /// <summary>What waits of a key, in order.</summary>
    public IEnumerable<Operation> OfKey(ulong keyHash) => Waiting == 0
        ? []
        : _waiting.SelectMany(request => request.Items).Where(item => item.Operation.KeyHash == keyHash).Select(item => item.Operation);

    /// <summary>Takes out what waits: the operations of one request after the other.</summary>
    public IEnumerable<(Pending[] Items, Answer[] Answers)> TakeAll()
    {
        while (_waiting.TryDequeue(out var request))
        {
            Waiting -= request.Items.Length;
            yield return request;
        }
    }

    // What a sink has no name for is told apart by the target's words.
    private static string? CauseOf(in Answer answer) => answer.Cause ?? answer.Reason;
}
