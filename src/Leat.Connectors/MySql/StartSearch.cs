using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

/// <summary>Finds the place in a server's binlog where the first transaction at or after a time begins.</summary>
internal sealed class StartSearch(string source, MySqlEndpoint endpoint, ServerFacts facts, MySqlConnection control, BinlogProbe probe)
{
    /// <summary>The position before that transaction.</summary>
    /// <exception cref="Leat.Changes.LeatException">The binlog begins later, or ends earlier.</exception>
    public async ValueTask<MySqlPosition> FindAsync(DateTimeOffset wanted, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (wanted > now)
            throw MySqlErrors.TimeToCome(source, wanted, now);
        var files = await ServerState.FilesAsync(control, cancellationToken);
        if (files.Count == 0)
            return await ServerState.CurrentAsync(control, facts, cancellationToken);
        var file = await LastBeforeAsync(files, wanted, cancellationToken);
        return await ScanAsync(files[file].Name, wanted, cancellationToken);
    }

    // The last file that was begun in an earlier second than that time: the ones after it begin with what came at it or later.
    private async ValueTask<int> LastBeforeAsync(IReadOnlyList<BinlogFile> files, DateTimeOffset wanted, CancellationToken cancellationToken)
    {
        var second = DateTimeOffset.FromUnixTimeSeconds(wanted.ToUnixTimeSeconds());
        var (low, high) = (-1, files.Count);
        while (high - low > 1)
        {
            var middle = (low + high) / 2;
            if (await probe.BegunAsync(files[middle].Name, cancellationToken) < second)
                low = middle;
            else
                high = middle;
        }

        if (low >= 0)
            return low;
        var before = await probe.BeforeAsync(files[0].Name, cancellationToken);
        if (before is { IsEmpty: false } || !IsFirst(files[0].Name))
            throw MySqlErrors.TimePurged(source, endpoint, wanted, await probe.BegunAsync(files[0].Name, cancellationToken));
        return 0; // the server's first file: nothing was before it
    }

    // Reads on from the front of the file, beyond its end if need be, until a transaction is late enough.
    private async ValueTask<MySqlPosition> ScanAsync(string file, DateTimeOffset wanted, CancellationToken cancellationToken)
    {
        var position = new MySqlPosition { ServerId = facts.ServerId, Gtids = facts.Product == Product.MariaDb ? new MariaDbGtids() : facts.HasGtid ? new MySqlGtids() : null };
        position.SetServerUuid(facts.ServerUuid);
        position.SetFile(file, DumpRequest.FileHeadBytes);
        var scan = new Scan(position, (wanted - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond);
        var isFound = false;
        await probe.ReadAsync(file, DumpRequest.FileHeadBytes, (header, _, body) => !(isFound = !scan.Look(header, body)), cancellationToken);
        if (!isFound)
            scan.End();
        return position;
    }

    private static bool IsFirst(string file) => file.EndsWith(".000001", StringComparison.Ordinal);

    // What is passed is noted at the beginning of the next transaction: then it has ended, however it did.
    private sealed class Scan(MySqlPosition position, long wantedMicros)
    {
        private readonly CurrentTransaction _transaction = new();
        private readonly FilePlace _place = new();
        private bool _isOpen;

        public bool Look(EventHeader header, ReadOnlySpan<byte> body)
        {
            if (header.Type == EventType.Rotate)
            {
                var fields = new WireReader(body);
                _place.Set((long)fields.ReadUInt64(), isKnown: true);
                position.SetFile(fields.Rest);
                position.Offset = _place.End;
                return true;
            }

            if ((header.Flags & EventHeader.Artificial) != 0 || header.Type is EventType.Heartbeat or EventType.HeartbeatV2)
                return true;
            _place.Pass(header);
            if (position.Gtids is { IsEmpty: true } && BinlogProbe.TransactionsBefore(header, body) is { } before)
                position.Gtids = before;
            return header.Type switch
            {
                var type when EventType.BeginsGroup(type) => GoesPast(header, body),
                EventType.Query => GoesPastQuery(header, body),
                EventType.Xid => Ended(),
                _ => true,
            };
        }

        /// <summary>The binlog has ended: all of it is passed.</summary>
        public void End()
        {
            _transaction.PassTo(position);
            position.Offset = _place.IsKnown ? _place.End : 0;
        }

        private bool GoesPast(EventHeader header, ReadOnlySpan<byte> body)
        {
            _transaction.PassTo(position);
            position.Offset = _place.End - header.SizeBytes;
            if (header.Type == EventType.Gtid)
                _transaction.BeginMariaDb(body, header);
            else if (header.Type == EventType.TaggedGtid)
                _transaction.BeginTagged(body, header);
            else
                _transaction.BeginMySql(body, header, position.File, position.Offset);
            _isOpen = true;
            return _transaction.CommittedAtMicros < wantedMicros;
        }

        // Where the server names no transactions, a statement outside of one begins one.
        private bool GoesPastQuery(EventHeader header, ReadOnlySpan<byte> body)
        {
            var isBegin = body.EndsWith("\0BEGIN"u8);
            if (!_isOpen)
            {
                position.Offset = _place.End - header.SizeBytes;
                _isOpen = isBegin;
                return header.TimestampSeconds * 1_000_000L < wantedMicros;
            }

            _isOpen = !body.EndsWith("\0COMMIT"u8) && !body.EndsWith("\0ROLLBACK"u8);
            return true;
        }

        private bool Ended()
        {
            _isOpen = false;
            return true;
        }
    }
}
