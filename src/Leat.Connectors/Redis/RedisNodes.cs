using System.Globalization;
using System.Text;
using Leat.Changes;
using Leat.Connectors.Redis.Wire;

namespace Leat.Connectors.Redis;

/// <summary>One server that a lane or a reader talks to, with the commands that wait to be sent there.</summary>
internal sealed class RedisNode(RedisConnection connection, RedisAddress address)
{
    /// <summary>The connection.</summary>
    public RedisConnection Connection { get; } = connection;

    /// <summary>Where it listens.</summary>
    public RedisAddress Address { get; } = address;

    /// <summary>Commands of the next request.</summary>
    public RespWriter Commands { get; } = new();

    /// <summary>What is to be answered to them.</summary>
    public UnitReplies Replies { get; } = new();
}

/// <summary>The server, or the nodes of a cluster, that one lane or reader is connected to, and which of them owns a key.</summary>
internal sealed class RedisNodes : IAsyncDisposable
{
    private readonly RedisSinkOptions _options;
    private readonly TimeProvider _time;
    private readonly string? _name;
    private readonly List<RedisNode> _nodes = [];
    private RedisNode?[]? _owners;

    private RedisNodes(RedisSinkOptions options, TimeProvider time, string? name)
    {
        _options = options;
        _time = time;
        _name = name;
    }

    /// <summary>Whether it is a cluster.</summary>
    public bool IsCluster => _owners is not null;

    /// <summary>All that are connected, the first one first. In a cluster each owns, or owned, some slots.</summary>
    public IReadOnlyList<RedisNode> All => _nodes;

    /// <summary>In a cluster those that own slots now.</summary>
    public IEnumerable<RedisNode> Owners => _owners is null ? _nodes : _owners.OfType<RedisNode>().Distinct();

    /// <summary>Connects to the server; when it is a node of a cluster, to every node that owns slots.</summary>
    /// <param name="options">Where.</param>
    /// <param name="time">The clock.</param>
    /// <param name="name">Name that each connection takes, closing those that bore it before; <see langword="null"/>: none.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="RetriableException">Nobody there, or not ready.</exception>
    /// <exception cref="PauseException">Refused.</exception>
    public static async Task<RedisNodes> OpenAsync(RedisSinkOptions options, TimeProvider time, string? name, CancellationToken cancellationToken)
    {
        var nodes = new RedisNodes(options, time, name);
        try
        {
            var connection = await RedisConnection.OpenPrimaryAsync(options, time, cancellationToken);
            nodes._nodes.Add(new(connection, RedisAddress.Parse(connection.Address)));
            if (name is not null)
                await connection.TakeNameAsync(name, cancellationToken);
            await nodes.LoadAsync(nodes._nodes[0], cancellationToken);
            return nodes;
        }
        catch
        {
            await nodes.DisposeAsync();
            throw;
        }
    }

    /// <summary>Who owns a key.</summary>
    /// <exception cref="RetriableException">In a cluster nobody, now.</exception>
    public RedisNode NodeOf(ReadOnlySpan<byte> key)
    {
        if (_owners is null)
            return _nodes[0];
        var slot = KeySlot.Of(key);
        return _owners[slot] ?? throw RedisErrors.Busy(_options.Address, string.Create(CultureInfo.InvariantCulture, $"CLUSTERDOWN no node owns slot {slot}"));
    }

    /// <summary>Connects to a node that the cluster named, unless that is done.</summary>
    /// <exception cref="RetriableException">Nobody there, or not ready.</exception>
    public async ValueTask<RedisNode> AtAsync(RedisAddress address, CancellationToken cancellationToken)
    {
        if (_nodes.Find(node => node.Address == address) is { } known)
            return known;
        var connection = await RedisConnection.OpenAsync(_options.At(address), _time, cancellationToken);
        var node = new RedisNode(connection, address);
        _nodes.Add(node);
        if (_name is not null)
            await connection.TakeNameAsync(_name, cancellationToken);
        return node;
    }

    /// <summary>Whether a node is known to own a slot.</summary>
    public bool Owns(RedisAddress address, int slot) => _owners?[slot]?.Address == address;

    /// <summary>Learns that a slot has another owner, and asks that one who owns the others.</summary>
    public async ValueTask MovedAsync(int slot, RedisAddress address, CancellationToken cancellationToken)
    {
        var owner = await AtAsync(address, cancellationToken);
        await LoadAsync(owner, cancellationToken);
        if (_owners is null)
            throw RedisErrors.NotPermitted(owner.Address.ToString(), "it is a node of a cluster, but does not tell the cluster's slots");
        _owners[slot] = owner; // whatever the list says: it may be older than the answer
    }

    /// <summary>Reads the address in an answer such as <c>MOVED 3999 127.0.0.1:6381</c>; an empty host means the one that answered.</summary>
    public static bool TryReadRedirect(string answer, RedisAddress answered, out int slot, out RedisAddress address)
    {
        (slot, address) = (0, default);
        var parts = answer.Split(' ');
        if (parts.Length < 3 || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out slot) || slot >= KeySlot.Count)
            return false;
        var read = RedisAddress.Parse(parts[2]);
        address = read.Host.Length == 0 ? read with { Host = answered.Host } : read;
        return read.Port > 0;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
            await node.Connection.DisposeAsync();
    }

    // A server that is no cluster, or a user who may not ask, answers with an error: then there is one server.
    private async ValueTask LoadAsync(RedisNode from, CancellationToken cancellationToken)
    {
        var slots = await from.Connection.AskAsync(cancellationToken, "CLUSTER"u8.ToArray(), "SLOTS"u8.ToArray());
        if (slots.Kind != RespKind.Array)
            return;
        var owners = new RedisNode?[KeySlot.Count];
        foreach (var range in slots.Items)
        {
            if (range.Items.Count < 3 || range.Items[2].Items.Count < 2)
                continue;
            var host = Encoding.UTF8.GetString(range.Items[2].Items[0].Bytes);
            var address = new RedisAddress(host.Length == 0 ? from.Address.Host : host, (int)range.Items[2].Items[1].Number);
            var owner = await AtAsync(address, cancellationToken);
            for (var slot = Math.Max(0, range.Items[0].Number); slot <= Math.Min(KeySlot.Count - 1, range.Items[1].Number); slot++)
                owners[slot] = owner;
        }

        _owners = owners;
    }
}
