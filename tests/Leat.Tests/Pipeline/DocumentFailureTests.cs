using Leat.Changes;
using Leat.Pipeline.Definitions;
using Leat.Transform.Plan.Rules;
using Xunit;

namespace Leat.Tests.Pipeline;

/// <summary>Documents whose rows stop fitting into their memory: nothing that is only half taken in is gone on with.</summary>
public sealed class DocumentFailureTests : IAsyncDisposable
{
    private const int Rows = 3_000;
    private const int Blocked = 3014;

    private static readonly DocumentRule Items = new() { Root = "items", Location = default };

    private static readonly DocumentRule Groups = Items with
    {
        Group = [new("id", new("id", default, IsInline: true))], Set = [new("least", new("min(v)", default, IsInline: true))],
    };

    private readonly TestEngine _engine = new(timeFactor: 1_000);
    private readonly ListedLog _log = new();

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact]
    public async Task A_state_that_does_not_fit_into_a_lower_limit_is_not_gone_on_with_in_part()
    {
        await StartAsync(Items, Rows);
        var bytes = _engine.Pipeline.Documents!.StateBytes;
        await _engine.StopAsync();
        _engine.Sink.Restart();
        var writes = _engine.Sink.Writes.Count;

        _engine.Definition = Definition(Items with { StateBytes = bytes / 2 });
        _engine.Start();
        await _engine.UntilAsync(() => _log.Of(Blocked).Length >= 3);

        Assert.Equal(new ErrorCode(1270), _engine.Pipeline.Failure?.Code);
        await _engine.StopAsync();
        _engine.Definition = Definition(Items);
        _engine.Source.Add(TestChange.Delete(1, 1));
        _engine.Start();
        await _engine.SettledAsync();
        Assert.Equal([(OperationKind.Delete, 1)], _engine.Sink.Writes.Skip(writes).Select(write => (write.Kind, write.Id)));
        Assert.Equal(Rows - 1, _engine.Sink.Target.Count);
    }

    [Fact]
    public async Task Groups_that_do_not_fit_when_all_is_told_are_counted_again_when_they_do()
    {
        var (rows, all) = (await BytesOfAsync(Items), await BytesOfAsync(Groups));

        _engine.Definition = Definition(Groups with { StateBytes = (rows + all) / 2 });
        _engine.Loggers = _log;
        Fill(Rows);
        _engine.Start();
        await _engine.UntilAsync(() => _log.Of(Blocked).Length >= 4);

        Assert.Equal(new ErrorCode(1270), _engine.Pipeline.Failure?.Code);
        Assert.Empty(_engine.Sink.Writes);
        Assert.Equal("loading", _engine.Pipeline.Documents!.Phase);
        await _engine.StopAsync();
        _engine.Definition = Definition(Groups);
        _engine.Start();
        _engine.Source.Add(TestChange.Delete(1, 1)); // a source that tells nothing may have more to tell
        await _engine.UntilAsync(() => _engine.Pipeline.Documents is { Phase: "live", BacklogDocuments: 0 });
        await _engine.SettledAsync();
        Assert.Equal(Rows - 1, _engine.Sink.Target.Count);
    }

    // The rows stay as large as they were: only what is counted of them grows, and that at the end of the transaction.
    [Fact]
    public async Task A_transaction_whose_groups_do_not_fit_is_counted_as_a_whole_when_they_do()
    {
        var rule = Items with
        {
            Group = [new("id", new("v", default, IsInline: true))],
            Set = [.. Enumerable.Range(0, 3).Select(at => new SetRule($"least_{at}", new("min(id)", default, IsInline: true)))],
        };
        _engine.Source.Add([.. Enumerable.Range(0, Rows).Select(id => TestChange.Insert(id, -1))]);
        await StartAsync(rule with { StateBytes = 1_000_000 }, rows: 0);

        _engine.Source.Add([.. Enumerable.Range(0, Rows).Select(id => TestChange.Update(id, -1, id))]);
        _engine.Source.Add(TestChange.Update(1, 1, 2));
        await _engine.UntilAsync(() => _log.Of(Blocked).Length >= 4);

        Assert.Equal(new ErrorCode(1270), _engine.Pipeline.Failure?.Code);
        await _engine.StopAsync();
        _engine.Sink.Restart();
        _engine.Definition = Definition(rule);
        _engine.Start();
        await _engine.SettledAsync();
        Assert.Equal(Enumerable.Range(0, Rows).Where(id => id != 1), _engine.Sink.Target.Values.Select(row => TestTable.IdOf(row)).Order());
        Assert.False(_engine.Pipeline.Documents!.Suspect);
    }

    [Fact]
    public async Task An_order_to_build_anew_tries_again_what_stood_still()
    {
        await StartAsync(Items, Rows);
        var bytes = _engine.Pipeline.Documents!.StateBytes;
        await _engine.StopAsync();
        _engine.Definition = Definition(Items with { StateBytes = bytes / 2 });
        _engine.Start();
        await _engine.UntilAsync(() => _log.Of(Blocked).Length >= 2);

        for (var id = 1; id < Rows; id++)
            _engine.Source.Add(TestChange.Delete(id, id));
        await _engine.Pipeline.RedeliverAsync(reread: true, rebuild: true);

        await _engine.UntilAsync(() => _engine.Pipeline.Documents is { Phase: "live", BacklogDocuments: 0, StateRows: 1 });
    }

    private static PipelineDefinition Definition(DocumentRule rule) => TestEngine.CopyItems with { Document = rule };

    private static async Task<long> BytesOfAsync(DocumentRule rule)
    {
        await using var tests = new DocumentFailureTests();
        await tests.StartAsync(rule, Rows);
        return tests._engine.Pipeline.Documents!.StateBytes;
    }

    private void Fill(int rows)
    {
        if (rows > 0)
            _engine.Source.Add([.. Enumerable.Range(0, rows).Select(id => TestChange.Insert(id, id))]);
    }

    private async Task StartAsync(DocumentRule rule, int rows)
    {
        _engine.Definition = Definition(rule);
        _engine.Loggers = _log;
        Fill(rows);
        _engine.Start();
        await _engine.UntilAsync(() => _engine.Pipeline.Documents is { Phase: "live", BacklogDocuments: 0 });
        await _engine.SettledAsync();
    }
}
