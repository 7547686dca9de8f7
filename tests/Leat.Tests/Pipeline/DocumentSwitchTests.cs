using Leat.Changes;
using Leat.Output;
using Leat.Pipeline.Definitions;
using Leat.Transform.Plan.Rules;
using Xunit;

namespace Leat.Tests.Pipeline;

/// <summary>A pipeline that gets documents, or loses them, delivers what it has not delivered in that form.</summary>
public sealed class DocumentSwitchTests : IAsyncDisposable
{
    private static readonly PipelineDefinition Documents = TestEngine.CopyItems with
    {
        Document = new() { Root = "items", Where = new("v > 1", default, IsInline: true), Location = default },
    };

    private readonly TestEngine _engine = new();

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Tables_that_were_made_documents_of_are_delivered_as_a_whole(bool isKilled)
    {
        _engine.Definition = Documents;
        _engine.Source.Add(TestChange.Insert(1, 1), TestChange.Insert(2, 2), TestChange.Insert(3, 3));
        _engine.Start();
        await _engine.UntilAsync(() => _engine.Pipeline.Documents is { Phase: "live", BacklogDocuments: 0 });
        await _engine.SettledAsync();
        Assert.Equal([2, 3], Ids());
        await (isKilled ? _engine.KillAsync() : _engine.StopAsync());
        Assert.Equal("rebuilt", PlanApplication.Of(TestEngine.CopyItems, LogStreams.Read(_engine.Folder), fingerprint: null, rule: null, rows: 4).Word);

        _engine.Sink.Restart();
        _engine.Definition = TestEngine.CopyItems;
        _engine.Source.Add(TestChange.Insert(4, 4));
        _engine.Start();
        await _engine.SettledAsync();

        Assert.Equal([1, 2, 3, 4], Ids());
        Assert.DoesNotContain("copy.state", _engine.Log.Streams);
        Assert.Equal(2u, _engine.Pipeline.Epoch);
        await _engine.StopAsync();
        var writes = _engine.Sink.Writes.Count;
        _engine.Start();
        await _engine.SettledAsync();
        Assert.Equal(writes, _engine.Sink.Writes.Count);
    }

    [Fact]
    public async Task Documents_of_tables_that_were_delivered_as_they_are_are_all_sent()
    {
        _engine.Source.Add(TestChange.Insert(1, 1), TestChange.Insert(2, 2), TestChange.Insert(3, 3));
        _engine.Start();
        await _engine.SettledAsync();
        await _engine.StopAsync();
        _engine.Sink.Restart();
        _engine.Sink.Target.Clear();

        _engine.Definition = Documents;
        _engine.Source.Add(TestChange.Insert(4, 4));
        _engine.Start();
        await _engine.UntilAsync(() => _engine.Pipeline.Documents is { Phase: "live", BacklogDocuments: 0 });
        await _engine.SettledAsync();

        Assert.Equal([2, 3, 4], Ids());
    }

    // Rows that were held before the tables were delivered as they are know nothing of what happened since.
    [Fact]
    public async Task Documents_are_made_anew_after_tables_were_delivered_in_between()
    {
        foreach (var definition in new[] { Documents, TestEngine.CopyItems, Documents })
        {
            _engine.Definition = definition;
            var id = 2 + _engine.Source.State().Count;
            _engine.Source.Add(TestChange.Insert(id, id));
            _engine.Start();
            await _engine.UntilAsync(() => definition.Document is null || _engine.Pipeline.Documents is { Phase: "live", BacklogDocuments: 0 });
            await _engine.SettledAsync();
            await _engine.StopAsync();
            _engine.Sink.Restart();
        }

        Assert.Equal([2, 3, 4], Ids());
        Assert.Equal((3, 2, 1), (WritesOf(2), WritesOf(3), WritesOf(4)));
    }

    private int WritesOf(int id) => _engine.Sink.Writes.Count(write => write.Id == id);

    private int[] Ids() => [.. _engine.Sink.Target.Values.Select(row => TestTable.IdOf(row)).Order()];
}
