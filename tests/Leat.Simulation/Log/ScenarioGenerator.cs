namespace Leat.Simulation.Log;

/// <summary>Makes a scenario of a seed. A swarm: each seed has its own few kinds of fault, its own rates and its own mixture of operations.</summary>
internal sealed class ScenarioGenerator
{
    private const int MostLives = 26;

    private static readonly OpKind[] PlannedFaults =
        [OpKind.PlanSyncError, OpKind.PlanWriteError, OpKind.PlanNameError, OpKind.PlanReadError, OpKind.Space];

    private readonly SimRandom _random;
    private readonly List<Op> _ops = [];
    private readonly List<OpKind> _faults = [];
    private readonly bool _cuts, _kills;
    private readonly int _mostOps, _append, _begin, _step, _advance, _read, _jump, _large, _hold, _alter, _delete, _outside;
    private readonly int _streams;

    private ScenarioGenerator(ulong seed)
    {
        _random = new(seed);
        // One seed in three has power cuts alone; nearly all the others have them, too.
        var only = _random.Below(12);
        (_cuts, _kills) = (only != 4, only == 4 || (only > 4 && _random.Chance(40)));
        if (only is > 4 and < 10)
            _faults.Add(PlannedFaults[only - 5]);
        else if (only >= 10)
            _faults.AddRange(PlannedFaults.Where(_ => _random.Chance(60)));
        _mostOps = _random.Pick(8, 20, 20, 40);
        (_append, _begin, _step) = (_random.Between(5, 40), _random.Chance(30) ? 0 : _random.Between(1, 15), _random.Between(5, 40));
        (_advance, _read, _jump) = (_random.Below(8), _random.Below(15), _random.Below(3));
        _large = _random.Pick(0, 5, 10, 30);
        _hold = _random.Pick(0, 2, 8);
        _outside = _random.Pick(0, 0, 3);
        _alter = _random.Pick(0, 0, 0, 3);
        _delete = _random.Pick(0, 0, 0, 0, 1);
        _streams = _random.Pick(1, 1, 1, 2, 3);
    }

    /// <summary>The scenario of a seed: the same for ever.</summary>
    public static Scenario Of(ulong seed) => new ScenarioGenerator(seed).Make();

    private Scenario Make()
    {
        var disk = new DiskSetup
        {
            Sector = _random.Pick(512, 512, 4096), Spoils = _random.Below(2), Ordered = _random.Chance(30) ? 1 : 0,
            SyncSaysFull = _random.Chance(25) ? 1 : 0, Latency = _random.Pick(0, 0, 0, 5, 10_000),
            Meanwhile = _random.Pick(0, 0, 5, 20), Reserve = _random.Pick(0, 0, 0, 8_000, 40_000),
        };
        var streams = new List<StreamSetup>();
        for (var i = 0; i < _streams; i++)
            streams.Add(MakeStream());

        for (var life = 0; life < MostLives; life++)
            AddLife();
        return new() { Disk = disk, Streams = streams, Ops = _ops };
    }

    private StreamSetup MakeStream()
    {
        var stream = new StreamSetup
        {
            Segment = 4096 << _random.Below(3), Sync = _random.Pick(0, 0, 0, 0, 0, 0, 1, 1, 2), Interval = _random.Pick(1, 200, 1000),
            Compression = _random.Chance(75) ? 0 : _random.Between(1, 4), Tail = _random.Pick(0, 0, 2000, 1_000_000), Keys = _random.Pick(0, 3, 20),
            Age = _random.Pick(0, 0, 0, 500, 5_000, 60_000), Most = _random.Pick(0, 0, 0, 0, 10_000, 30_000),
            Quota = _random.Pick(0, 0, 0, 0, 0, 20_000), Intake = _random.Below(2),
        };
        return _random.Chance(70) ? stream : stream with
        {
            Compact = 1, Tombstone = _random.Pick(100, 5_000, 86_400_000), Keys = _random.Pick(3, 3, 20), Age = 0, Most = 0,
        };
    }

    private void AddLife()
    {
        // A start that is cut off, up to three times in a row.
        for (var level = 0; level < 3 && _random.Chance(level == 0 ? 25 : 50); level++)
        {
            AddCrash(30);
            Add(OpKind.Start);
        }

        if (_random.Chance(20) && _faults.Count > 0)
            AddFault(8);
        Add(OpKind.Start);
        if (_random.Chance(20))
        {
            Add(OpKind.Kill); // a start right after a start finds nothing left to do
            Add(OpKind.Start);
        }

        if (_random.Chance(60))
            AddCrash(_random.Pick(10, 40, 100));
        if (_random.Chance(60) && _faults.Count > 0)
            AddFault(30);
        for (var left = _random.Below(_mostOps); left > 0; left--)
            AddOp();
        if (_random.Chance(25))
            Add(OpKind.Close);
        if (_cuts && (!_kills || _random.Chance(50)))
            Add(OpKind.Cut);
    }

    private void AddCrash(int within) =>
        Add(_cuts && (!_kills || _random.Chance(50)) ? OpKind.PlanCut : OpKind.PlanKill, _random.Below(within));

    private void AddFault(int within)
    {
        var fault = _faults[_random.Below(_faults.Count)];
        Add(fault, fault == OpKind.Space ? _random.Below(_random.Pick(1_000, 10_000, 40_000)) : _random.Below(within));
    }

    private void AddOp()
    {
        var all = _append + _begin + _step + _advance + _read + _jump + _hold + _alter + _delete + _outside;
        var choice = _random.Below(all);
        var stream = _random.Below(_streams);
        if ((choice -= _append) < 0)
            AddBatch(OpKind.Append, stream);
        else if ((choice -= _begin) < 0)
            AddTransaction(stream);
        else if ((choice -= _step) < 0)
            Add(OpKind.Step);
        else if ((choice -= _advance) < 0)
            Add(OpKind.Advance, _random.Below(2000));
        else if ((choice -= _read) < 0)
            Add(OpKind.Read, stream, 1 + _random.Below(_random.Pick(100, 3000, 8000)));
        else if ((choice -= _hold) < 0)
            Add(_random.Chance(70) ? OpKind.Hold : OpKind.Release, stream, _random.Below(60));
        else if ((choice -= _alter) < 0)
            Add(OpKind.Alter, stream, _random.Below(7), _random.Pick(0, 1, 2, 3, 4, 500, 20_000));
        else if ((choice -= _outside) < 0)
            Add(OpKind.Outside, stream);
        else if ((choice -= _delete) < 0)
            Add(OpKind.Delete, stream);
        else
            Add(OpKind.Jump, _random.Between(-1, 1) * _random.Pick(1000, 3_600_000, 100_000_000));
    }

    // A transaction may be torn apart by whatever comes next, and goes on where it is not.
    private void AddTransaction(int stream)
    {
        switch (_random.Below(5))
        {
            case < 2: AddBatch(OpKind.Begin, stream); break;
            case 2: Add(OpKind.Abort, stream); break;
            default: Add(OpKind.Commit, stream); break;
        }
    }

    private void AddBatch(OpKind kind, int stream) =>
        Add(kind, stream, 1 + _random.Below(4), _random.Chance(_large) ? _random.Below(3000) : _random.Below(200));

    private void Add(OpKind kind, int a = 0, int b = 0, int c = 0) => _ops.Add(new(kind, a, b, c, (uint)_random.Next() | 1));
}
