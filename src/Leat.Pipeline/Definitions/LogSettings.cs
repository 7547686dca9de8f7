using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Log;

namespace Leat.Pipeline.Definitions;

/// <summary>Reads the <c>log:</c> block of the file, and the one of a source, which changes for its stream what it names and leaves the rest.</summary>
internal static class LogSettings
{
    private const string Off = "none";
    private const string SyncForm = "commit, interval, interval(200ms) or os";

    private static readonly TimeSpan LongestInterval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ShortestInterval = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan ShortestAge = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestAge = TimeSpan.FromDays(36_500);

    private static readonly (string Word, Compression Value)[] Compressions =
    [
        ("none", Compression.None), ("lz4", Compression.Lz4), ("zstd", Compression.Zstd), ("snappy", Compression.Snappy), ("gzip", Compression.Gzip),
    ];

    /// <summary>The file's own block; without one, the defaults.</summary>
    /// <param name="file">The file's top level.</param>
    /// <param name="folder">The folder against which the log's is relative.</param>
    public static LogDefinition OfFile(ConfigReader file, string folder)
    {
        if (file.Map("log") is not { } config)
            return new() { Folder = Path.Combine(folder, LogDefinition.DefaultFolder) };

        var written = config.Text("folder");
        var log = new LogDefinition
        {
            Folder = Path.Combine(folder, string.IsNullOrEmpty(written) ? LogDefinition.DefaultFolder : written),
            ReserveBytes = config.Size("reserve", LogDefinition.DefaultReserve, 0, 16L << 30),
            Stream = Stream(config, new()),
        };
        config.Done();
        return log;
    }

    /// <summary>What a source's own block changes.</summary>
    public static StreamOptions OfSource(ConfigReader source, StreamOptions file)
    {
        if (source.Map("log") is not { } config)
            return file;
        var options = Stream(config, file);
        config.Done();
        return options;
    }

    private static StreamOptions Stream(ConfigReader config, StreamOptions otherwise)
    {
        var options = SyncOf(config, otherwise) with
        {
            Compression = CompressionOf(config, otherwise.Compression),
            SegmentBytes = config.Size("segment", otherwise.SegmentBytes, 1L << 20, 1L << 30),
        };
        return config.Map("retention") is { } retention ? Retention(retention, options) : options;
    }

    private static StreamOptions Retention(ConfigReader config, StreamOptions otherwise)
    {
        var options = otherwise with
        {
            RetentionAge = IsOff(config, "age") ? null : config.Has("age") ? config.Duration("age", ShortestAge, ShortestAge, LongestAge) : otherwise.RetentionAge,
            RetentionBytes = Bytes(config, "size", otherwise.RetentionBytes),
            QuotaBytes = Bytes(config, "quota", otherwise.QuotaBytes),
        };
        config.Done();
        if (options is { QuotaBytes: not null, RetentionAge: null, RetentionBytes: null })
            config.Problem(DefinitionErrors.QuotaAlone(config.LocationOf("quota"), config.Path));
        if (options.QuotaBytes is { } quota && quota < Math.Max(options.RetentionBytes ?? 0, options.SegmentBytes) + options.SegmentBytes)
            config.Problem(DefinitionErrors.QuotaTooSmall(config.LocationOf("quota"), config.Path, quota, options.RetentionBytes, options.SegmentBytes));
        return options;
    }

    private static long? Bytes(ConfigReader config, string key, long? otherwise) =>
        IsOff(config, key) ? null : config.Has(key) ? config.Size(key, 1L << 20, 1L << 20, 1L << 50) : otherwise;

    // For a source that shall keep everything although the file says otherwise.
    private static bool IsOff(ConfigReader config, string key) => config.Says(key, Off);

    private static StreamOptions SyncOf(ConfigReader config, StreamOptions otherwise)
    {
        if (config.Text("sync") is not { } text)
            return otherwise;
        const string open = "interval(";
        if (text.StartsWith(open, StringComparison.Ordinal) && text.EndsWith(')'))
        {
            if (Units.TryDuration(text[open.Length..^1], out var interval) && interval >= ShortestInterval && interval <= LongestInterval)
                return otherwise with { Sync = SyncMode.Interval, SyncInterval = interval };
            config.Invalid("sync", $"interval(…) with a time from {Units.Format(ShortestInterval)} to {Units.Format(LongestInterval)}, such as interval(200ms)");
            return otherwise;
        }

        switch (text)
        {
            case "commit":
                return otherwise with { Sync = SyncMode.Commit };
            case "interval":
                return otherwise with { Sync = SyncMode.Interval };
            case "os":
                return otherwise with { Sync = SyncMode.Os };
            default:
                config.Problem(Unknown(config, "sync", SyncForm, ["commit", "interval", "os"]));
                return otherwise;
        }
    }

    private static Compression CompressionOf(ConfigReader config, Compression otherwise)
    {
        var words = Compressions.Select(known => known.Word).ToArray();
        if (config.Word("compression", words) is not { } text)
            return otherwise;
        if (Compressions.FirstOrDefault(known => known.Word == text) is { Word: not null } found)
            return found.Value;
        config.Problem(Unknown(config, "compression", string.Join(", ", words), words));
        return otherwise;
    }

    private static Finding Unknown(ConfigReader config, string key, string form, string[] words)
    {
        var shown = config.Node(key) is ConfigScalar { IsSecret: false, Text: { } text } ? text : "${…}";
        return DefinitionErrors.UnknownChoice(config.LocationOf(key), $"{config.Path}.{key}", shown, Nearest.Of(shown, words), form);
    }
}
