using System.Globalization;
using System.Text;
using Leat.Changes;
using Leat.Connectors.Redis.Wire;

namespace Leat.Connectors.Redis;

/// <summary>Up to which offset each lane's operations are in the server, kept there in the transaction of the rows.</summary>
/// <remarks>
/// <code>
/// leat:positions:PIPELINE       hash: lane number -> "lanes log-id epoch offset"
/// leat:claim:PIPELINE:LANE      number: how often the lane was taken; whoever took it last writes
/// </code>
/// A lane's connection watches the lane's claim: when another connection has taken it since, the server discards the transaction as a whole. So a request
/// that arrives late is either seen by whoever took the lane, or does nothing.
/// </remarks>
internal sealed class RedisPositions(RedisConnection connection, LaneIdentity identity)
{
    private readonly byte[] _claim = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"leat:claim:{identity.Pipeline}:{identity.Lane}"));
    private readonly byte[] _positions = Encoding.UTF8.GetBytes($"leat:positions:{identity.Pipeline}");
    private byte[] _token = [];

    /// <summary>Takes the lane: from now on no other connection can write as it.</summary>
    /// <returns>Every operation of the lane up to there is in the server; -1 when none is known to be.</returns>
    /// <exception cref="PauseException">The server is not the one that acknowledged.</exception>
    public async ValueTask<long> ClaimAsync(CancellationToken cancellationToken)
    {
        var claim = await connection.NeedAsync(cancellationToken, "INCR"u8.ToArray(), _claim);
        _token = Encoding.ASCII.GetBytes(claim.Number.ToString(CultureInfo.InvariantCulture));
        var found = await connection.NeedAsync(cancellationToken, "HGETALL"u8.ToArray(), _positions);
        var rows = new SortedDictionary<int, Row>();
        for (var i = 0; i + 1 < found.Items.Count; i += 2)
        {
            if (int.TryParse(found.Items[i].Text, NumberStyles.None, CultureInfo.InvariantCulture, out var lane) && Row.TryParse(found.Items[i + 1].Text, out var row))
                rows[lane] = row;
        }

        var isOurs = rows.Count == identity.Lanes && rows.All(row => row.Key < identity.Lanes && row.Value.Lanes == identity.Lanes && row.Value.IsOf(identity));
        if (identity.LaneOffset >= 0)
            Refuse(rows, isOurs);
        var offset = isOurs ? rows[identity.Lane].Offset : CommonOffset(rows);
        if (!isOurs)
            await WriteAllAsync(offset, cancellationToken);
        await WatchAsync(cancellationToken);
        return offset;
    }

    /// <summary>Writes the command that sets the lane's offset; part of the rows' transaction.</summary>
    public void Write(long offset, RespWriter commands) => commands.WriteCommand(
        "HSET"u8.ToArray(), _positions, Encoding.ASCII.GetBytes(identity.Lane.ToString(CultureInfo.InvariantCulture)), Encoding.ASCII.GetBytes(new Row(identity, offset).ToString()));

    /// <summary>Writes the commands that make the next transaction depend on the lane's claim.</summary>
    public void WriteWatch(RespWriter commands)
    {
        commands.WriteCommand("WATCH"u8.ToArray(), _claim);
        commands.WriteCommand("GET"u8.ToArray(), _claim);
    }

    /// <summary>Reads the replies to those.</summary>
    /// <exception cref="RetriableException">Another connection has taken the lane.</exception>
    public void Confirm(RespReply watched, RespReply held)
    {
        foreach (var reply in new[] { watched, held })
        {
            if (reply.Kind == RespKind.Error)
                throw RedisErrors.Classify(connection.Address, reply.Text) ?? RedisErrors.NotPermitted(connection.Address, reply.Text);
        }

        if (!held.Bytes.AsSpan().SequenceEqual(_token))
            throw RedisErrors.TakenOver(connection.Address, identity.Pipeline, identity.Lane);
    }

    private async ValueTask WatchAsync(CancellationToken cancellationToken)
    {
        var commands = new RespWriter();
        WriteWatch(commands);
        var replies = await connection.AskAsync(commands, 2, cancellationToken);
        Confirm(replies[0], replies[1]);
    }

    private void Refuse(SortedDictionary<int, Row> rows, bool isOurs)
    {
        if (rows.Count == 0)
            throw RedisErrors.PositionsGone(connection.Address, identity.Pipeline, identity.LaneOffset);

        // One less is in order: a write whose last offset may be continued by the next one stays one behind.
        if (isOurs && rows[identity.Lane].Offset + 1 < identity.LaneOffset)
            throw RedisErrors.TargetOlder(connection.Address, identity.Pipeline, identity.Lane, rows[identity.Lane].Offset, identity.LaneOffset);
    }

    // New lanes, a new epoch or a first start: one offset that holds for every key, whichever lane it took before.
    private long CommonOffset(SortedDictionary<int, Row> rows)
    {
        if (rows.Count == 0 || rows.Values.Any(row => row.Lanes != rows.Count || row.LogId != identity.LogId))
            return -1;
        var offset = rows.Values.Min(row => row.Offset);
        return rows.Values.Any(row => row.Epoch != identity.Epoch) ? Math.Min(offset, identity.Checkpoint - 1) : offset;
    }

    private async ValueTask WriteAllAsync(long offset, CancellationToken cancellationToken)
    {
        var text = Encoding.ASCII.GetBytes(new Row(identity, offset).ToString());
        var fields = Enumerable.Range(0, identity.Lanes).SelectMany(lane => new[] { Encoding.ASCII.GetBytes(lane.ToString(CultureInfo.InvariantCulture)), text });
        await connection.NeedAsync(cancellationToken, "DEL"u8.ToArray(), _positions);
        await connection.NeedAsync(cancellationToken, ["HSET"u8.ToArray(), _positions, .. fields]);
    }

    private readonly record struct Row(int Lanes, Guid LogId, uint Epoch, long Offset)
    {
        public Row(LaneIdentity identity, long offset)
            : this(identity.Lanes, identity.LogId, identity.Epoch, offset)
        {
        }

        public static bool TryParse(string text, out Row row)
        {
            row = default;
            var parts = text.Split(' ');
            if (parts.Length != 4 || !int.TryParse(parts[0], CultureInfo.InvariantCulture, out var lanes) || !Guid.TryParse(parts[1], out var log)
                || !uint.TryParse(parts[2], CultureInfo.InvariantCulture, out var epoch) || !long.TryParse(parts[3], CultureInfo.InvariantCulture, out var offset))
                return false;
            row = new(lanes, log, epoch, offset);
            return true;
        }

        public bool IsOf(LaneIdentity identity) => LogId == identity.LogId && Epoch == identity.Epoch;

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Lanes} {LogId} {Epoch} {Offset}");
    }
}
