using System.Globalization;
using Leat.Log;

namespace Leat.Simulation.Log;

/// <summary>The disk of a scenario.</summary>
internal sealed record DiskSetup
{
    /// <summary>What is written as a whole or not at all: 512 or 4096 bytes.</summary>
    public int Sector { get; init; } = 512;

    /// <summary>1: a power cut may leave garbage in a sector that was never durable.</summary>
    public int Spoils { get; init; }

    /// <summary>1: changes of names reach the disk in the order in which they were made.</summary>
    public int Ordered { get; init; }

    /// <summary>1: a failed sync says that the disk is full.</summary>
    public int SyncSaysFull { get; init; }

    /// <summary>Longest time that a write or a sync takes, in ms.</summary>
    public int Latency { get; init; }

    /// <summary>Bytes of the file that is given up when the disk is full; 0: none.</summary>
    public int Reserve { get; init; }

    /// <summary>How often other threads go on while the log waits for the disk, in percent.</summary>
    public int Meanwhile { get; init; }
}

/// <summary>A stream of a scenario.</summary>
internal sealed record StreamSetup
{
    public int Segment { get; init; } = 4096;
    public int Sync { get; init; }
    public int Interval { get; init; } = 1000;

    /// <summary>The codec, by Kafka's number.</summary>
    public int Compression { get; init; }

    /// <summary>Bytes kept in memory for readers at the tail.</summary>
    public int Tail { get; init; }

    /// <summary>How many keys there are; 0: records have none.</summary>
    public int Keys { get; init; }

    /// <summary>Age in ms at which closed segments may go; 0: never.</summary>
    public int Age { get; init; }

    /// <summary>Bytes above which the oldest closed segments may go; 0: never.</summary>
    public int Most { get; init; }

    /// <summary>Bytes at which writers wait for retention; 0: never.</summary>
    public int Quota { get; init; }

    /// <summary>1: writers wait when the disk gets full.</summary>
    public int Intake { get; init; }

    /// <summary>1: only the newest record of each key is kept.</summary>
    public int Compact { get; init; }

    /// <summary>Age in ms at which a compacted stream may forget that a key is gone.</summary>
    public int Tombstone { get; init; } = 86_400_000;

    /// <summary>Whether anything may be deleted.</summary>
    public bool Retains => Age > 0 || Most > 0;

    /// <summary>The same stream with one thing less about it, for each such thing.</summary>
    public StreamSetup[] Plainer() => [
        this with { Sync = 0 }, this with { Segment = 4096 }, this with { Interval = 1000 }, this with { Compression = 0 }, this with { Tail = 0 }, this with { Keys = 0 },
        this with { Age = 0 }, this with { Most = 0 }, this with { Quota = 0 }, this with { Intake = 0 },
        this with { Compact = 0 }, this with { Tombstone = 86_400_000 }];

    /// <summary>The stream with one setting changed.</summary>
    public StreamSetup Altered(int setting, int value) => setting switch
    {
        0 => this with { Segment = 4096 << (value % 3) },
        1 => this with { Compression = value % 5 },
        2 => this with { Age = value },
        3 => this with { Most = value },
        4 => this with { Quota = value },
        5 => this with { Tail = value },
        _ => this with { Sync = value % 3 },
    };

    public StreamOptions ToOptions() => new()
    {
        SegmentBytes = Segment, Sync = (SyncMode)Sync, SyncInterval = TimeSpan.FromMilliseconds(Interval),
        Compression = (Compression)Compression, TailBytes = Tail, IsIntake = Intake != 0,
        Compact = Compact != 0, TombstoneAge = TimeSpan.FromMilliseconds(Tombstone),
        RetentionAge = Age > 0 ? TimeSpan.FromMilliseconds(Age) : null, RetentionBytes = Most > 0 ? Most : null, QuotaBytes = Quota > 0 ? Math.Max(Quota, 2 * Segment) : null,
    };
}

/// <summary>A run of the log that is written down: how disk and streams are, and every operation. As text it can be read, and pasted into a test.</summary>
internal sealed record Scenario
{
    public DiskSetup Disk { get; init; } = new();
    public IReadOnlyList<StreamSetup> Streams { get; init; } = [new()];
    public IReadOnlyList<Op> Ops { get; init; } = [];

    public static Scenario Parse(string text)
    {
        var disk = new DiskSetup();
        var streams = new List<StreamSetup>();
        var ops = new List<Op>();
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (line.StartsWith("disk", StringComparison.Ordinal))
                Set(disk, line);
            else if (line.StartsWith("stream", StringComparison.Ordinal))
                streams.Add(Set(new StreamSetup(), line));
            else
                ops.Add(Op.Parse(line));
        }

        return new() { Disk = disk, Streams = streams, Ops = ops };
    }

    public override string ToString()
    {
        var lines = new List<string> { "disk" + Text(Disk) };
        lines.AddRange(Streams.Select(stream => "stream" + Text(stream)));
        lines.AddRange(Ops.Select(op => op.ToString()));
        return string.Join('\n', lines);
    }

    // Only what differs from the default: the shorter, the easier to read.
    private static string Text<T>(T setup) where T : new()
    {
        var fresh = new T();
        return string.Concat(from property in typeof(T).GetProperties()
                             where property.PropertyType == typeof(int) && !Equals(property.GetValue(setup), property.GetValue(fresh))
                             select string.Create(CultureInfo.InvariantCulture, $" {property.Name.ToLowerInvariant()}={property.GetValue(setup)}"));
    }

    private static T Set<T>(T setup, string line)
    {
        foreach (var word in line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1))
        {
            var pair = word.Split('=');
            var property = typeof(T).GetProperties().Single(property => property.Name.Equals(pair[0], StringComparison.OrdinalIgnoreCase));
            property.SetValue(setup, int.Parse(pair[1], CultureInfo.InvariantCulture));
        }

        return setup;
    }
}
