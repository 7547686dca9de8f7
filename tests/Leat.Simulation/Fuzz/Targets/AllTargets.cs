using Leat.Log;

namespace Leat.Simulation.Fuzz.Targets;

/// <summary>Everything that is fuzzed.</summary>
internal static class AllTargets
{
    /// <summary>Decoders of the log's own files.</summary>
    public static IReadOnlyList<Func<FuzzTarget>> Log { get; } =
    [
        () => new ActiveSegmentTarget(), () => new ClosedSegmentTarget(isCompacted: false), () => new ClosedSegmentTarget(isCompacted: true), () => new ManifestTarget(), () => new LogFolderTarget(),
        () => new LogIdentityTarget(), () => new IndexTarget(), () => new TimeIndexTarget(), () => new KeysTarget(),
        () => new CodecTarget(Compression.Gzip), () => new CodecTarget(Compression.Snappy), () => new CodecTarget(Compression.Lz4), () => new CodecTarget(Compression.Zstd),
    ];

    /// <summary>Decoders of what others send, and of what log records hold.</summary>
    public static IReadOnlyList<Func<FuzzTarget>> Others { get; } =
    [
        () => new ChangeTarget(), () => new SchemaTarget(), () => new BinlogTarget(), () => new RowImageTarget(), () => new PacketTarget(), () => new AnswerTarget(), () => new SignInTarget(), () => new RespTarget(),
        () => new CompressedEventTarget(), () => new PayloadTarget(), () => new JsonTarget(), () => new PartialUpdateTarget(),
        () => new DdlTarget(), () => new ExpressionTarget(),
    ];

    public static FuzzTarget Of(string name) =>
        Log.Concat(Others).Select(make => make()).First(target => target.Name == name);
}
