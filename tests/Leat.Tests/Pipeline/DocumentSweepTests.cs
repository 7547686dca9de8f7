using Leat.Changes;
using Leat.Pipeline.Definitions;
using Xunit;

namespace Leat.Tests.Pipeline;

/// <summary>Documents whose table was read again: rows that the source does not have go, and nothing is doubted that need not be.</summary>
public sealed class DocumentSweepTests : IAsyncDisposable
{
    private const int StateLoaded = 3027;

    private static readonly PipelineDefinition Documents = TestEngine.CopyItems with { Document = new() { Root = "items", Location = default } };

    private static readonly TestChange Sweep = new(ChangeKind.Sweep, null, null);

    private readonly TestEngine _engine = new() { Definition = Documents };
    private readonly ListedLog _log = new();

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact]
    public async Task A_row_that_goes_while_the_source_is_asked_leaves_no_doubt()
    {
        await StartAsync();
        _engine.Source.OnExisting = () =>
        {
            _engine.Source.OnExisting = null;
            _engine.Source.Add(TestChange.Update(1, 1, 5));
            _engine.Source.Add(TestChange.Delete(1, 5));
            _engine.Source.Add(TestChange.Delete(2, 2));
        };

        _engine.Source.Add(Sweep);
        await _engine.UntilAsync(() => _engine.Source.OnExisting is null);
        await _engine.SettledAsync();

        Assert.Equal([3], Ids());
        Assert.Equal((0L, false), (_engine.Pipeline.Documents!.RetractionsMissedTotal, _engine.Pipeline.Documents.Suspect));
    }

    [Fact]
    public async Task A_source_that_cannot_be_asked_has_no_rows_loaded_again()
    {
        await StartAsync();
        _engine.Source.Lost.Add(2);
        var asked = 0;
        _engine.Source.OnExisting = () =>
        {
            if (++asked < 4)
                throw new RetriableException(new(1), "away", "wait");
        };

        _engine.Source.Add(Sweep);
        await _engine.UntilAsync(() => asked >= 4);
        await _engine.SettledAsync();

        Assert.Equal([1, 3], Ids());
        Assert.Empty(_log.Of(StateLoaded));
    }

    // More rows than go in one portion.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_large_table_that_is_emptied_has_no_documents_left(bool isSwept)
    {
        _engine.Source.Add([.. Enumerable.Range(10, 140_000).Select(id => TestChange.Insert(id, id))]);
        await StartAsync();
        Assert.Equal(140_003, _engine.Sink.Target.Count);

        if (isSwept)
            _engine.Source.Lost.UnionWith(Enumerable.Range(0, 141_000));
        _engine.Source.Add(isSwept ? Sweep : new(ChangeKind.Truncate, null, null));
        _engine.Source.Add(TestChange.Insert(150_000, 1));
        await _engine.SettledAsync();

        Assert.Equal([150_000], Ids());
        var account = _engine.Pipeline.Account();
        Assert.True(account.Balanced, account.ToString());
        Assert.False(_engine.Pipeline.Documents!.Suspect);
    }

    private async Task StartAsync()
    {
        _engine.Loggers = _log;
        _engine.Source.Add(TestChange.Insert(1, 1), TestChange.Insert(2, 2), TestChange.Insert(3, 3));
        _engine.Start();
        await _engine.UntilAsync(() => _engine.Pipeline.Documents is { Phase: "live", BacklogDocuments: 0 });
        await _engine.SettledAsync();
    }

    private int[] Ids() => [.. _engine.Sink.Target.Values.Select(row => TestTable.IdOf(row)).Order()];
}
