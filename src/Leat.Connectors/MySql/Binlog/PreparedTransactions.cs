using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>A transaction that is prepared and neither committed nor rolled back, as the position names it.</summary>
/// <param name="Xid">The name its owner gave it, e.g. <c>X'6162',X'',1</c>.</param>
/// <param name="Transaction">The server's name of the group that prepared it.</param>
/// <param name="At">Where its rows are parked; -1: it has no captured rows.</param>
internal sealed record PreparedTransaction(string Xid, string Transaction, long At)
{
    /// <summary>What parked rows are labelled with: a name is given again after its transaction ended, the two together are not.</summary>
    public byte[] Name => PreparedTransactions.ToJson(this, static (json, one) =>
    {
        json.WriteStartObject();
        json.WriteString("xid", one.Xid);
        json.WriteString("transaction", one.Transaction);
        json.WriteEndObject();
    });
}

/// <summary>XA: rows come with PREPARE and count only at COMMIT, which may be days and restarts later. Until then they are parked.</summary>
/// <remarks>
/// A group ends with the event XA_PREPARE, which may say that it commits in one step; XA COMMIT and XA ROLLBACK are groups of their own, maybe of
/// another session. What is prepared stands in the position; so a change of it and the change of the log are one.
/// </remarks>
internal sealed class PreparedTransactions(MySqlPosition position, IChangeWriter writer)
{
    private readonly byte[] _id = new byte[byte.MaxValue];
    private Step _step;
    private PreparedTransaction? _current;
    private int _idBytes;
    private long _committedAt;
    private bool _started;

    private enum Step
    {
        None = 0,
        Park,
        Unpark,
        Release,
        Discard,
    }

    /// <summary>Opens the writer's transaction for the first captured row of a group.</summary>
    public void Begin(ReadOnlySpan<byte> transactionId, long committedAtMicros)
    {
        if (_started)
            writer.BeginParked(transactionId, committedAtMicros);
        else
            writer.Begin(transactionId, committedAtMicros);
    }

    /// <summary>A group begins that will be prepared: MariaDB says so in its GTID event, MySQL with the statement XA START.</summary>
    public void Start() => _started = true;

    /// <summary>A group has ended.</summary>
    public void Reset() => _started = false;

    /// <summary>The transaction that a statement commits without having been prepared in what was read: its rows stand earlier. <see langword="null"/>: none.</summary>
    public string? Unknown { get; private set; }

    /// <summary>Takes a statement that begins with XA.</summary>
    /// <param name="sql">The statement.</param>
    /// <param name="id">The server's name of the group.</param>
    /// <param name="committedAtMicros">When it was committed.</param>
    /// <param name="ends">Whether the group ends here; it does not when the transaction is <see cref="Unknown"/>.</param>
    /// <returns>Whether there is something to <see cref="FinishAsync"/>.</returns>
    public bool Statement(ReadOnlySpan<byte> sql, ReadOnlySpan<byte> id, long committedAtMicros, out bool ends)
    {
        ends = false;
        if (sql.StartsWith("XA START "u8))
        {
            Start();
            return false;
        }

        var commits = sql.StartsWith("XA COMMIT "u8);
        if (!commits && !sql.StartsWith("XA ROLLBACK "u8))
            return false;
        var name = XaName.OfStatement(sql).Text;
        _current = position.Prepared.FirstOrDefault(one => one.Xid == name);
        Unknown = _current is null && commits ? name : null;
        ends = Unknown is null;
        if (_current is null)
            return false;
        position.SetPrepared(position.Prepared.Remove(_current));
        if (_current.At < 0)
            return false;
        id.CopyTo(_id);
        (_step, _idBytes, _committedAt) = (commits ? Step.Release : Step.Discard, id.Length, committedAtMicros);
        return true;
    }

    /// <summary>Takes the event that ends a group of XA.</summary>
    /// <param name="body">Its body.</param>
    /// <param name="id">The server's name of the group.</param>
    /// <param name="hasRows">Whether a transaction of the writer is open.</param>
    /// <returns>Whether there is something to <see cref="FinishAsync"/>.</returns>
    public bool Prepare(ReadOnlySpan<byte> body, ReadOnlySpan<byte> id, bool hasRows)
    {
        _current = new(XaName.Read(body, out var onePhase).Text, Encoding.ASCII.GetString(id), At: -1);
        _started = false;
        if (!onePhase && !hasRows)
            Remember(_current);
        _step = onePhase ? Step.Unpark : Step.Park;
        return hasRows;
    }

    /// <summary>Does what takes waiting.</summary>
    /// <returns>Whether a transaction of the writer is open now, to be committed with the position.</returns>
    public async ValueTask<bool> FinishAsync(CancellationToken cancellationToken)
    {
        var one = _current ?? throw new InvalidOperationException("there is nothing to finish");
        switch (_step)
        {
            case Step.Park:
                Remember(one with { At = await writer.ParkAsync(one.Name, cancellationToken) });
                return false;
            case Step.Unpark:
                await writer.UnparkAsync(one.Name, cancellationToken);
                return true;
            case Step.Release:
                await writer.ReleaseAsync(one.At, one.Name, _id.AsMemory(0, _idBytes), _committedAt, cancellationToken);
                Keep();
                return true;
            default:
                Keep();
                return false;
        }
    }

    /// <summary>Tells the writer at the begin of a run what is still parked.</summary>
    public void Keep()
    {
        var parked = position.Prepared.Where(one => one.At >= 0).Select(one => one.At).ToList();
        writer.KeepParked(parked.Count == 0 ? long.MaxValue : parked.Min());
    }

    /// <summary>Notes a transaction that is prepared.</summary>
    public void Remember(PreparedTransaction one) =>
        position.SetPrepared([.. position.Prepared.Where(known => known.Xid != one.Xid), one]);

    /// <summary>The list as JSON, to stand in a position.</summary>
    public static byte[] Write(ImmutableArray<PreparedTransaction> prepared) => ToJson(prepared, static (json, prepared) =>
    {
        json.WriteStartArray();
        foreach (var one in prepared)
        {
            json.WriteStartObject();
            json.WriteString("xid", one.Xid);
            json.WriteString("transaction", one.Transaction);
            if (one.At >= 0)
                json.WriteNumber("at", one.At);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static ImmutableArray<PreparedTransaction> Read(JsonElement json) =>
    [
        .. json.EnumerateArray().Select(one => new PreparedTransaction(
            one.GetProperty("xid").GetString() ?? "", one.GetProperty("transaction").GetString() ?? "", one.TryGetProperty("at", out var at) ? at.GetInt64() : -1)),
    ];

    // Quotes stay quotes, so that a person finds the name in the server's own list.
    internal static byte[] ToJson<T>(T value, Action<Utf8JsonWriter, T> write)
    {
        using var text = new MemoryStream();
        using (var json = new Utf8JsonWriter(text, ChangeJson.Options))
            write(json, value);
        return text.ToArray();
    }
}
