using Leat.Log;
using Leat.Transform.Plan.Documents;

namespace Leat.Pipeline.Delivery;

/// <summary>Keeps the rows that documents are made of in the stream <c>&lt;pipeline&gt;.state</c>. Used by the dispatcher; <see cref="Durable"/> from any thread.</summary>
/// <param name="pipeline">The pipeline's name.</param>
/// <param name="log">The log folder.</param>
internal sealed class StateStore(string pipeline, LogDirectory log) : IStateTarget, IDisposable
{
    /// <summary>Settings of the stream: replay of the source's stream makes up for what a power cut takes.</summary>
    public static StreamOptions StreamOptions { get; } = new() { Sync = SyncMode.Interval, Compact = true };

    private readonly Lock _gate = new();
    private readonly Queue<(long End, long SourceOffset)> _unsynced = [];
    private StreamPartition? _stream;
    private StateWriter? _writer;
    private long _durable = -1;

    /// <summary>The stream's name.</summary>
    public string Name { get; } = NameOf(pipeline);

    /// <summary>The source offset of the newest marker that a power cut would leave; -1 when there is none. Who restarts begins there.</summary>
    public long Durable
    {
        get
        {
            lock (_gate)
            {
                while (_unsynced.TryPeek(out var next) && _stream is not null && next.End <= _stream.SyncedOffset)
                    _durable = _unsynced.Dequeue().SourceOffset;
                return _durable;
            }
        }
    }

    /// <summary>The stream of a pipeline; it is there as long as the pipeline makes documents.</summary>
    public static string NameOf(string pipeline) => $"{pipeline}.state";

    private StreamPartition Stream => _stream ??= log.OpenStream(Name, StreamOptions);

    private StateWriter Writer => _writer ??= new(Stream);

    /// <summary>The last marker; <see langword="null"/> for a new stream.</summary>
    /// <exception cref="LogException">The stream is damaged.</exception>
    public StateMarker? Peek()
    {
        LetGo();
        return StateReader.Last(Stream);
    }

    /// <summary>Hands over all rows up to the last marker.</summary>
    /// <exception cref="LogException">The stream is damaged.</exception>
    public void Load(IStateHandler into, CancellationToken cancellationToken)
    {
        LetGo();
        if (StateReader.Load(Stream, into, cancellationToken) is not { } marker)
            return;
        lock (_gate)
            _unsynced.Enqueue((Stream.EndOffset, marker.SourceOffset));
    }

    /// <inheritdoc/>
    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => Writer.Put(key, value);

    /// <inheritdoc/>
    public void Delete(ReadOnlySpan<byte> key) => Writer.Delete(key);

    /// <summary>Ends the set: what was put belongs to the source's records below an offset.</summary>
    public void Close(long sourceOffset, StateNote note)
    {
        var set = Writer.Close(sourceOffset, note.ToJson().Span);
        lock (_gate)
            _unsynced.Enqueue((set.NextOffset, sourceOffset));
    }

    /// <summary>Completes while the stream takes more.</summary>
    public ValueTask WhenRoomAsync(CancellationToken cancellationToken) => Writer.WhenRoomAsync(cancellationToken);

    /// <summary>Completes when everything that was closed is durable: at once, not within a second.</summary>
    public async Task SyncAsync(CancellationToken cancellationToken)
    {
        Stream.Alter(StreamOptions with { Sync = SyncMode.Commit });
        try
        {
            await Stream.WaitSyncedAsync(Stream.EndOffset, cancellationToken);
        }
        finally
        {
            Stream.Alter(StreamOptions);
        }
    }

    /// <summary>Gives the state up, with all its records.</summary>
    public void Drop()
    {
        LetGo();
        log.DeleteStream(Name);
        _stream = null;
    }

    /// <summary>Drops what was put since the last marker: the state is to be loaded again.</summary>
    public void LetGo()
    {
        _writer?.Abandon();
        _writer?.Dispose();
        _writer = null;
        lock (_gate)
        {
            _unsynced.Clear();
            _durable = -1;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _writer?.Dispose();
}
