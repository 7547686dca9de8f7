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

    /// <summary>The same stream with one thing less about it, for each such thing.</summary>
    public StreamSetup[] Plainer() =>
        [this with { Sync = 0 }, this with { Segment = 4096 }, this with { Interval = 1000 }, this with { Compression = 0 }, this with { Tail = 0 }, this with { Keys = 0 }];

    public StreamOptions ToOptions() => new()
    {
        SegmentBytes = Segment, Sync = (SyncMode)Sync, SyncInterval = TimeSpan.FromMilliseconds(Interval),
        Compression = (Compression)Compression, TailBytes = Tail,
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
