using System.Globalization;
using Leat.Changes;
using Leat.Log;
using Leat.Pipeline.Capture;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;
using StreamWriter = Leat.Pipeline.Capture.StreamWriter;

namespace Leat.Simulation.Capture;

/// <summary>Prepared transactions through crashes: whatever is lost of the disk, each is told once when it was committed, and never when not.</summary>
public sealed class ParkedTests(ITestOutputHelper output)
{
    private static readonly Act[] Script =
    [
        new(ActKind.Commit, 1, 1), new(ActKind.Prepare, 2, 2), new(ActKind.Commit, 3, 1), new(ActKind.Prepare, 4, 3), new(ActKind.Release, 2), new(ActKind.OnePhase, 5, 2),
        new(ActKind.Discard, 4), new(ActKind.Prepare, 4, 1), new(ActKind.Prepare, 6, 2), new(ActKind.Release, 4), new(ActKind.Commit, 7, 1), new(ActKind.Release, 6),
    ];

    // Beyond the size from which a transaction has batches of its own.
    private static readonly Act[] Large =
    [
        new(ActKind.Prepare, 1, 6), new(ActKind.Commit, 2, 1), new(ActKind.Release, 1), new(ActKind.OnePhase, 3, 6), new(ActKind.Prepare, 4, 6), new(ActKind.Discard, 4),
        new(ActKind.Commit, 5, 1),
    ];

    [Theory]
    [Trait("case", "5")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Every_cut_leaves_each_transaction_once(bool isKill)
    {
        var cuts = 0;
        for (var point = 0; ; point++)
        {
            var disk = new FakeDisk(new((ulong)point + 1));
            if (!await RunAsync(disk, Script, rowBytes: 10, point))
                break;
            cuts++;
            if (isKill)
                disk.Kill();
            else
                disk.Cut(new RandomCut(new((ulong)point * 77), spoils: true));
            await RunAsync(disk, Script, rowBytes: 10, crashAfter: -1);
            Assert.Equal(ToldBy(Script), Read(disk));
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{cuts} crash points"));
        Assert.True(cuts > 50);
    }

    [Fact]
    [Trait("case", "5")]
    public async Task Every_cut_leaves_each_large_transaction_once()
    {
        var cuts = 0;
        for (var point = 0; ; point += 8)
        {
            var disk = new FakeDisk(new((ulong)point + 1));
            if (!await RunAsync(disk, Large, rowBytes: 1_000_000, point))
                break;
            cuts++;
            disk.Cut(new RandomCut(new((ulong)point * 77), spoils: true));
            await RunAsync(disk, Large, rowBytes: 1_000_000, crashAfter: -1);
            Assert.Equal(ToldBy(Large), Read(disk));
        }

        Assert.True(cuts > 5);
    }

    // Transactions in the order of their commits: act and number of rows.
    private static List<string> ToldBy(Act[] script)
    {
        var told = new List<string>();
        var prepared = new Dictionary<int, int>();
        foreach (var act in script)
        {
            if (act.Kind == ActKind.Prepare)
                prepared[act.Id] = act.Rows;
            else if (act.Kind != ActKind.Discard)
                told.Add($"t{act.Id}: {(act.Kind == ActKind.Release ? prepared[act.Id] : act.Rows)}");
        }

        return told;
    }

    private static List<string> Read(FakeDisk disk)
    {
        var told = new List<string>();
        using var log = Open(disk);
        var stream = log.OpenStream("shop", new());
        using var reader = stream.NewReader(stream.StartOffset);
        var rows = 0;
        while (reader.Read(1024 * 1024) is { } block)
        {
            using (block)
            {
                var records = block.Records();
                while (records.MoveNext())
                {
                    var change = new EncodedChange(block.Buffer.AsSpan(records.ValueStart, records.ValueLength));
                    if (change.Kind == ChangeKind.Position)
                        continue;
                    Assert.Equal((uint)rows, change.IndexInTransaction);
                    rows++;
                    if (!change.Marks.HasFlag(ChangeMarks.LastOfTransaction))
                        continue;
                    told.Add($"{System.Text.Encoding.ASCII.GetString(change.TransactionId)}: {rows}");
                    rows = 0;
                }
            }
        }

        Assert.Equal(0, rows);
        return told;
    }

    private static LogDirectory Open(FakeDisk disk) => LogDirectory.Open("/log", disk, new SimTimeProvider(), new SimScheduler(), NullLogger.Instance);

    // Plays the script from the position in the log's tail; false when it came to its end.
    private static async Task<bool> RunAsync(FakeDisk disk, Act[] script, int rowBytes, int crashAfter)
    {
        disk.Faults.CrashAfter = crashAfter;
        try
        {
            var scheduler = new SimScheduler();
            var time = new SimTimeProvider();
            using var log = LogDirectory.Open("/log", disk, time, scheduler, NullLogger.Instance);
            var player = new Player(log, scheduler, time, rowBytes);
            await player.PlayAsync(script);
            return false;
        }
        catch (CrashException)
        {
            return true;
        }
        finally
        {
            disk.Faults.Clear();
        }
    }

    private enum ActKind
    {
        Commit,
        Prepare,
        Release,
        Discard,
        OnePhase,
    }

    private sealed record Act(ActKind Kind, int Id, int Rows = 0);

    /// <summary>A source: its position is the number of acts played, and where what is prepared was parked.</summary>
    private sealed class Player : IPosition
    {
        private static readonly TableSchema Schema = new(new("d", "t"), [new() { Name = "v", Kind = ColumnKind.Binary }], []);

        private readonly SimScheduler _scheduler;
        private readonly SimRandom _random = new(9);
        private readonly StreamWriter _writer;
        private readonly StreamPartition _stream;
        private readonly SortedDictionary<int, long> _parked = [];
        private readonly int _rowBytes;
        private int _next;

        public Player(LogDirectory log, SimScheduler scheduler, SimTimeProvider time, int rowBytes)
        {
            _scheduler = scheduler;
            _rowBytes = rowBytes;
            var schemas = SchemaRegistry.Open("shop", log);
            _stream = log.OpenStream("shop", new());
            _writer = new(_stream, schemas, new(time), time, new("shop", log));
            using var last = _stream.ReadLastCommittedBatch();
            if (last is null)
                return;
            var records = last.Records();
            while (records.MoveNext())
            {
                var value = last.Buffer.AsSpan(records.ValueStart, records.ValueLength);
                if (value[1] == (byte)ChangeKind.Position)
                    Resume(System.Text.Encoding.ASCII.GetString(value[2..]));
            }
        }

        public async Task PlayAsync(Act[] script)
        {
            for (; _next < script.Length;)
            {
                var act = script[_next++];
                byte[] id = System.Text.Encoding.ASCII.GetBytes($"t{act.Id}");
                switch (act.Kind)
                {
                    case ActKind.Commit:
                        _writer.Begin(id, 1);
                        WriteRows(act.Rows);
                        await DriveAsync(_writer.CommitAsync(this, moreInput: _random.Chance(50), CancellationToken.None).AsTask());
                        break;
                    case ActKind.Prepare:
                        _writer.BeginParked(id, 1);
                        WriteRows(act.Rows);
                        _parked[act.Id] = await DriveAsync(_writer.ParkAsync(id, CancellationToken.None).AsTask());
                        await AdvanceAsync();
                        break;
                    case ActKind.OnePhase:
                        _writer.BeginParked(id, 1);
                        WriteRows(act.Rows);
                        await DriveAsync(_writer.UnparkAsync(id, CancellationToken.None).AsTask());
                        await DriveAsync(_writer.CommitAsync(this, moreInput: false, CancellationToken.None).AsTask());
                        break;
                    case ActKind.Release:
                        await DriveAsync(_writer.ReleaseAsync(_parked[act.Id], id, id, 2, CancellationToken.None).AsTask());
                        _parked.Remove(act.Id);
                        Keep();
                        await DriveAsync(_writer.CommitAsync(this, moreInput: _random.Chance(50), CancellationToken.None).AsTask());
                        break;
                    default:
                        _parked.Remove(act.Id);
                        Keep();
                        await AdvanceAsync();
                        break;
                }

                if (_random.Chance(30))
                    _scheduler.Step(_random);
            }

            await DriveAsync(_writer.FlushAsync(CancellationToken.None).AsTask());
            await DriveAsync(_stream.WaitSyncedAsync(_stream.EndOffset, CancellationToken.None).AsTask());
        }

        public void WriteTo(System.Buffers.IBufferWriter<byte> target)
        {
            var text = $"{_next} {string.Join(' ', _parked.Select(one => $"{one.Key}:{one.Value}"))}";
            var bytes = System.Text.Encoding.ASCII.GetBytes(text);
            bytes.CopyTo(target.GetSpan(bytes.Length));
            target.Advance(bytes.Length);
        }

        private void Resume(string position)
        {
            var parts = position.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            _next = int.Parse(parts[0], CultureInfo.InvariantCulture);
            _parked.Clear();
            foreach (var part in parts[1..])
                _parked[int.Parse(part.Split(':')[0], CultureInfo.InvariantCulture)] = long.Parse(part.Split(':')[1], CultureInfo.InvariantCulture);
        }

        private void Keep() => _writer.KeepParked(_parked.Count == 0 ? long.MaxValue : _parked.Values.Min());

        private Task AdvanceAsync() => DriveAsync(_writer.AdvanceAsync(this, moreInput: _random.Chance(50), CancellationToken.None).AsTask());

        private void WriteRows(int rows)
        {
            var schema = _writer.Define(Schema);
            for (var i = 0; i < rows; i++)
            {
                var row = new RowWriter(_writer.BeginRow(_rowBytes + 10), 1);
                row.WriteBytes(new byte[_rowBytes]);
                _writer.EndRow(ChangeKind.Insert, schema, 0, row.WrittenBytes);
            }
        }

        private async Task DriveAsync(Task task)
        {
            while (!task.IsCompleted)
            {
                if (!_scheduler.Step(_random))
                    await Task.Yield();
            }

            await task;
        }

        private async Task<T> DriveAsync<T>(Task<T> task)
        {
            await DriveAsync((Task)task);
            return await task;
        }
    }
}
