using System.Text;
using System.Text.Json;
using Leat.Log;
using Leat.Log.Posix;
using Leat.Log.Tools;

namespace Leat.Output;

/// <summary>What <c>leat plan</c> needs to know of a log folder. Only looked into: a Leat may run on it.</summary>
internal sealed class LogStreams
{
    // A marker of keyed state (docs/formats/state.md): "leatset", a version, the source offset, then the note.
    private const int NoteStart = 16;

    private readonly Dictionary<string, (long Start, long End, long Bytes)> _streams = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (string Rows, string Rule)> _fingerprints = new(StringComparer.Ordinal);

    private LogStreams()
    {
    }

    /// <summary>Looks into a folder; <see langword="null"/> when there is no log.</summary>
    public static LogStreams? Read(string folder)
    {
        if (!Directory.Exists(folder))
            return null;
        var streams = new LogStreams();
        using var view = LogView.Open(folder, new PosixDisk());
        foreach (var name in view.Streams)
        {
            var stream = view.Stream(name);
            streams._streams[name] = (stream.StartOffset, stream.EndOffset, stream.SegmentBytes);
            if (name.EndsWith(".state", StringComparison.Ordinal) && Fingerprint(stream) is { } fingerprint)
                streams._fingerprints[name] = fingerprint;
        }

        return streams;
    }

    /// <summary>The offsets of a stream; <see langword="null"/> when there is none, or it is empty.</summary>
    public (long Start, long End)? Find(string stream) => _streams.TryGetValue(stream, out var found) && found.End > found.Start ? (found.Start, found.End) : null;

    /// <summary>Bytes of a stream on disk; <see langword="null"/> when there is none, or it is empty.</summary>
    public long? BytesOf(string stream) => _streams.TryGetValue(stream, out var found) && found.End > found.Start ? found.Bytes : null;

    /// <summary>Whether a pipeline has delivered before.</summary>
    public bool HasCheckpoint(string pipeline) => Find($"{pipeline}.checkpoints") is not null;

    /// <summary>What the rows held for a pipeline's documents depend on, and the rule that documents were made of them by; <see langword="null"/> when none are held.</summary>
    public (string Rows, string Rule)? FingerprintOf(string pipeline) => _fingerprints.TryGetValue($"{pipeline}.state", out var found) ? found : null;

    private static (string Rows, string Rule)? Fingerprint(StreamView stream)
    {
        if (stream.ReadLastCommitted() is not { } block)
            return null;
        using (block)
        {
            (string Rows, string Rule)? found = null;
            var records = block.Records();
            while (records.MoveNext())
            {
                var value = block.Buffer.AsSpan(records.ValueStart, Math.Max(0, records.ValueLength));
                if (records.KeyLength < 0 && value.Length > NoteStart && value.StartsWith("leatset"u8))
                    found = Parse(value[NoteStart..]);
            }

            return found;
        }
    }

    private static (string Rows, string Rule)? Parse(ReadOnlySpan<byte> note)
    {
        try
        {
            using var document = JsonDocument.Parse(Encoding.UTF8.GetString(note));
            return (document.RootElement.GetProperty("fingerprint").GetString() ?? "", document.RootElement.GetProperty("rule").GetString() ?? "");
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return null; // of another version: the pipeline says so itself when it starts
        }
    }
}
