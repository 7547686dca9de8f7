using Leat.Changes;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Compression;
using Leat.Connectors.MySql.Wire;
using Microsoft.Extensions.Logging;

namespace Leat.Connectors.MySql;

/// <summary>Parks the rows of XA transactions that were prepared before the stream began and are committed in it: they stand earlier in the binlog.</summary>
/// <remarks>
/// What is prepared keeps its tables locked, so that their rows still have today's shape. Source: MySQL reference manual, "XA Transaction States";
/// MariaDB knowledge base, "XA Transactions".
/// </remarks>
internal sealed class EarlierTransactions(
    string source, MySqlEndpoint endpoint, ServerFacts facts, SourceServer server, ITableShapes shapes, IChangeWriter writer, TimeProvider time, ILogger log)
{
    private readonly BinlogProbe _probe = new(server.OpenAsync);

    /// <summary>How long the server may say nothing.</summary>
    public required TimeSpan Silence { get; init; }

    /// <summary>Reads the shape that a decoder wants.</summary>
    public required Func<BinlogDecoder, ValueTask> ReadShapeAsync { get; init; }

    /// <summary>Gives a decoder the prepared transaction that the statement it stands at commits.</summary>
    /// <exception cref="PauseException">The server does not have it any more.</exception>
    public async ValueTask ParkAsync(BinlogDecoder decoder, CancellationToken cancellationToken)
    {
        var xid = decoder.Prepared.Unknown ?? throw new InvalidOperationException("no transaction is missing");
        log.LooksForPrepared(source, decoder.TransactionName, xid);
        if (await FindAsync(xid, decoder.Position.File, decoder.TransactionOffset, cancellationToken) is not { } found)
        {
            if (decoder.Unread?.TryPassAll(decoder.TransactionName, "it was prepared before the binlog begins") is not true)
                throw MySqlErrors.XaCommit(source, decoder.TransactionName, xid);
            decoder.Prepared.Remember(new(xid, decoder.TransactionName, At: -1));
            return;
        }

        decoder.Prepared.Remember(await ParkAsync(decoder.Position, found.File, found.Offset, cancellationToken));
        log.FoundPrepared(source, xid, found.File, found.Offset);
    }

    // The newest with that name before the one that commits it: names are given again. Places beyond 4 GiB cannot be asked for.
    private async ValueTask<(string File, uint Offset)?> FindAsync(string xid, string lastFile, long end, CancellationToken cancellationToken)
    {
        if (end < 0)
            return null;
        await using var control = await server.OpenAsync(cancellationToken);
        foreach (var file in (await ServerState.FilesAsync(control, cancellationToken)).Reverse())
        {
            var order = MySqlPosition.CompareFiles(file.Name, lastFile);
            if (order <= 0 && await LastAsync(xid, file.Name, order < 0 ? long.MaxValue : end, cancellationToken) is { } offset)
                return offset <= uint.MaxValue ? (file.Name, (uint)offset) : null;
        }

        return null;
    }

    private async ValueTask<long?> LastAsync(string xid, string file, long end, CancellationToken cancellationToken)
    {
        using var search = new Search(source, xid, end);
        await _probe.ReadAsync(file, DumpRequest.FileHeadBytes, (header, _, body) => search.Look(header, body), cancellationToken);
        return search.Found;
    }

    private async ValueTask<PreparedTransaction> ParkAsync(MySqlPosition now, string file, uint offset, CancellationToken cancellationToken)
    {
        var position = new MySqlPosition();
        position.CopyFrom(now);
        position.SetPrepared([]);
        position.SetFile(file, offset);
        await using var stream = await server.OpenAsync(cancellationToken);
        await DumpRequest.StartFileAsync(stream, file, BinlogProbe.NoServerId, cancellationToken, offset);
        using var decoder = new BinlogDecoder(source, position, shapes, writer, checksums: facts.Checksum == "CRC32");
        await using var events = new EventStream(source, endpoint, stream, writer, Silence, time, cancellationToken);
        while (position.Prepared.IsEmpty)
        {
            var decoded = await events.NextAsync(decoder, oneOnly: false);
            if (decoded == Decoded.NeedShape)
                await ReadShapeAsync(decoder);
            else if (decoded == Decoded.Prepared)
                await decoder.Prepared.FinishAsync(cancellationToken);
        }

        return position.Prepared[0];
    }

    // Through one file, up to a place.
    private sealed class Search : IDisposable
    {
        private readonly FilePlace _place = new();
        private readonly TransactionPayload _payload = new();
        private readonly string _source;
        private readonly string _xid;
        private readonly long _end;
        private long _begin;

        public Search(string source, string xid, long end)
        {
            (_source, _xid, _end) = (source, xid, end);
            _place.Set(DumpRequest.FileHeadBytes, isKnown: true);
        }

        /// <summary>Where the last transaction begins that prepares under the name; <see langword="null"/>: there is none so far.</summary>
        public long? Found { get; private set; }

        public bool Look(EventHeader header, ReadOnlySpan<byte> body)
        {
            var isArtificial = (header.Flags & EventHeader.Artificial) != 0;
            if (header.Type == EventType.Rotate)
                return isArtificial && _place.End == DumpRequest.FileHeadBytes; // else another file begins
            if (isArtificial)
                return true;
            _place.Pass(header);
            switch (header.Type)
            {
                case var type when EventType.BeginsGroup(type):
                    _begin = _place.End - header.SizeBytes;
                    break;
                case EventType.XaPrepare when Names(body):
                case EventType.TransactionPayload when HasIt(body):
                    Found = _begin;
                    break;
            }

            return _place.End < _end;
        }

        public void Dispose() => _payload.Dispose();

        private bool Names(ReadOnlySpan<byte> body) => XaName.Read(body, out var onePhase).Text == _xid && !onePhase;

        private bool HasIt(ReadOnlySpan<byte> body)
        {
            try
            {
                _payload.Open(body);
                var has = false;
                while (_payload.TryNext(body, out var inner))
                    has |= EventHeader.Read(inner).Type == EventType.XaPrepare && Names(inner[EventHeader.Bytes..]);
                return has;
            }
            catch (DllNotFoundException)
            {
                throw MySqlErrors.NoZstd(_source, ZstdNative.Library);
            }
            finally
            {
                _payload.Close();
            }
        }
    }
}
