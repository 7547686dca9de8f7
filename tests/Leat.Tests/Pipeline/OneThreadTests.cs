using System.Collections.Concurrent;
using Leat.Pipeline;
using Xunit;
using static Leat.Tests.Pipeline.TestChange;

namespace Leat.Tests.Pipeline;

/// <summary>Whoever runs an engine decides what runs it: a simulation needs everything on one thread.</summary>
public sealed class OneThreadTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("leat-thread-").FullName;

    [Fact]
    public async Task Capture_and_delivery_stay_on_the_scheduler_that_they_are_started_on()
    {
        using var one = new OneThread();
        var seen = new ConcurrentDictionary<int, bool>();
        var source = new ScriptedSource { Fault = _ => seen.TryAdd(Environment.CurrentManagedThreadId, true) };
        var sink = new ScriptedSink
        {
            Before = async (_, token) =>
            {
                seen.TryAdd(Environment.CurrentManagedThreadId, true);
                await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, token);
                seen.TryAdd(Environment.CurrentManagedThreadId, true);
            },
        };
        await using var engine = Engine.Open(
            new()
            {
                Path = "leat.yaml",
                Sources = [new("shop", "scripted", _ => source, default)],
                Pipelines = [TestEngine.CopyItems with { OpenSink = _ => sink }],
                Log = new() { Folder = _folder, ReserveBytes = 0 },
            },
            new ListedLog(), new FastTime());
        using var stop = new CancellationTokenSource();

        var running = Task.Factory.StartNew(() => engine.RunAsync(stop.Token), CancellationToken.None, TaskCreationOptions.None, one).Unwrap();
        for (var id = 0; id < 200; id++)
            source.Add(Insert(id, id), Update(id, id, id + 1));
        await engine.UntilAsync(running, _ => sink.Target.Count == 200);
        await stop.CancelAsync();
        await running;

        Assert.Equal([one.ThreadId], seen.Keys);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private sealed class OneThread : TaskScheduler, IDisposable
    {
        private readonly BlockingCollection<Task> _tasks = [];
        private readonly Thread _thread;

        public OneThread()
        {
            _thread = new(() =>
            {
                foreach (var task in _tasks.GetConsumingEnumerable())
                    TryExecuteTask(task);
            });
            _thread.Start();
        }

        public int ThreadId => _thread.ManagedThreadId;

        public override int MaximumConcurrencyLevel => 1;

        public void Dispose()
        {
            _tasks.CompleteAdding();
            _thread.Join();
            _tasks.Dispose();
        }

        protected override IEnumerable<Task> GetScheduledTasks() => _tasks;

        protected override void QueueTask(Task task) => _tasks.Add(task);

        protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) =>
            Environment.CurrentManagedThreadId == ThreadId && !taskWasPreviouslyQueued && TryExecuteTask(task);
    }
}
