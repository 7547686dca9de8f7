using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Leat.Changes;
using Leat.Connectors.Redis.Wire;

namespace Leat.Connectors.Redis.Read;

/// <summary>Reads rows out of the server, or out of all nodes of a cluster.</summary>
internal sealed class RedisReader(RedisNodes nodes, RowView view, bool isGuarded)
{
    private const int KeysPerRead = 500;

    private RedisTable Table => view.Table;

    /// <summary>Every row that is there now, in any order. Of lists and channels none: nothing tells their rows apart.</summary>
    public async IAsyncEnumerable<TargetRow> AllAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (Table.Rule.Structure is RedisStructure.List or RedisStructure.Channel)
            yield break;
        foreach (var node in nodes.Owners.ToList())
        {
            var seen = new HashSet<string>();
            await foreach (var keys in KeysAsync(node, cancellationToken))
            {
                // A scan may tell a key more than once.
                var fresh = keys.Where(key => IsRow(key) && seen.Add(RowView.TextOf(key))).ToList();
                await foreach (var row in RowsAsync(node, fresh, cancellationToken))
                    yield return row;
            }
        }
    }

    /// <summary>What is there for some rows.</summary>
    public async ValueTask<IReadOnlyList<TargetRow?>> FindAsync(IReadOnlyList<ReadOnlyMemory<byte>> rows, CancellationToken cancellationToken)
    {
        foreach (var node in nodes.All)
            node.Commands.Clear();
        var asked = new List<(RedisNode Node, byte[] Key, byte[] Member)>();
        foreach (var row in rows)
            asked.Add(Ask(row.Span));
        var replies = new Dictionary<RedisNode, Queue<RespReply>>();
        foreach (var group in asked.GroupBy(one => one.Node))
            replies[group.Key] = new(await group.Key.Connection.AskAsync(group.Key.Commands, group.Count(), cancellationToken));
        return [.. asked.Select(one => view.Found(one.Key, one.Member, Whole(one.Node, replies[one.Node].Dequeue())))];
    }

    private (RedisNode Node, byte[] Key, byte[] Member) Ask(ReadOnlySpan<byte> row)
    {
        var reader = new RowReader(Table.Shape.Schema, row);
        view.Locate(ref reader);
        var node = nodes.NodeOf(Table.KeyText.WrittenSpan);
        view.WriteFind(node.Commands);
        return (node, Table.KeyText.WrittenSpan.ToArray(), Table.MemberText.WrittenSpan.ToArray());
    }

    private async IAsyncEnumerable<List<byte[]>> KeysAsync(RedisNode node, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (Table.Key.IsConstant)
        {
            var key = Encoding.UTF8.GetBytes(Table.Key.Prefix);
            if (nodes.NodeOf(key) == node && (await AskAsync(node, cancellationToken, "EXISTS"u8.ToArray(), key)).Number > 0)
                yield return [key];
            yield break;
        }

        var pattern = Encoding.UTF8.GetBytes(EscapeGlob(Table.Key.Prefix) + "*");
        var count = Encoding.ASCII.GetBytes(KeysPerRead.ToString(CultureInfo.InvariantCulture));
        var cursor = "0"u8.ToArray();
        do
        {
            var scanned = await AskAsync(node, cancellationToken, "SCAN"u8.ToArray(), cursor, "MATCH"u8.ToArray(), pattern, "COUNT"u8.ToArray(), count);
            cursor = scanned.Items[0].Bytes;
            yield return [.. scanned.Items[1].Items.Select(key => key.Bytes)];
        }
        while (!cursor.AsSpan().SequenceEqual("0"u8));
    }

    private IAsyncEnumerable<TargetRow> RowsAsync(RedisNode node, List<byte[]> keys, CancellationToken cancellationToken) => Table.Rule.Structure switch
    {
        RedisStructure.Set or RedisStructure.SortedSet => MembersAsync(node, keys, cancellationToken),
        RedisStructure.Stream => EntriesAsync(node, keys, cancellationToken),
        _ => ValuesAsync(node, keys, cancellationToken),
    };

    private async IAsyncEnumerable<TargetRow> ValuesAsync(RedisNode node, List<byte[]> keys, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        node.Commands.Clear();
        foreach (var key in keys)
            view.WriteRead(key, node.Commands);
        var values = await node.Connection.AskAsync(node.Commands, keys.Count, cancellationToken);
        for (var i = 0; i < keys.Count; i++)
        {
            if (view.Found(keys[i], [], Whole(node, values[i])) is { } row)
                yield return row;
        }
    }

    private async IAsyncEnumerable<TargetRow> MembersAsync(RedisNode node, List<byte[]> keys, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var isSorted = Table.Rule.Structure == RedisStructure.SortedSet;
        var command = isSorted ? "ZSCAN"u8.ToArray() : "SSCAN"u8.ToArray();
        var count = Encoding.ASCII.GetBytes(KeysPerRead.ToString(CultureInfo.InvariantCulture));
        foreach (var key in keys)
        {
            var seen = new HashSet<string>();
            var cursor = "0"u8.ToArray();
            do
            {
                var scanned = Whole(node, await node.Connection.AskAsync(cancellationToken, command, key, cursor, "COUNT"u8.ToArray(), count));
                if (scanned.Kind == RespKind.Error)
                {
                    yield return view.Foreign(key, scanned.Text);
                    break;
                }

                cursor = scanned.Items[0].Bytes;
                var items = scanned.Items[1].Items;
                for (var i = 0; i < items.Count; i += isSorted ? 2 : 1)
                {
                    if (seen.Add(Convert.ToHexString(items[i].Bytes)))
                        yield return view.MemberRow(key, items[i].Bytes, isSorted ? items[i + 1].Text : null);
                }
            }
            while (!cursor.AsSpan().SequenceEqual("0"u8));
        }
    }

    // What the entries come to: of each row the last, unless that says that it is gone. Right as far back as the stream goes.
    private async IAsyncEnumerable<TargetRow> EntriesAsync(RedisNode node, List<byte[]> keys, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var count = Encoding.ASCII.GetBytes(KeysPerRead.ToString(CultureInfo.InvariantCulture));
        foreach (var key in keys)
        {
            var rows = new Dictionary<string, TargetRow>();
            var from = "-"u8.ToArray();
            while (true)
            {
                var page = Whole(node, await node.Connection.AskAsync(cancellationToken, "XRANGE"u8.ToArray(), key, from, "+"u8.ToArray(), "COUNT"u8.ToArray(), count));
                if (page.Kind == RespKind.Error)
                {
                    yield return view.Foreign(key, page.Text);
                    break;
                }

                foreach (var entry in page.Items)
                {
                    var (row, isRemoval) = view.EntryRow(key, entry);
                    if (isRemoval)
                        rows.Remove(row.Key);
                    else
                        rows[row.Key] = row;
                }

                if (page.Items.Count < KeysPerRead)
                    break;
                from = [(byte)'(', .. page.Items[^1].Items[0].Bytes];
            }

            foreach (var row in rows.Values)
                yield return row;
        }
    }

    private static async ValueTask<RespReply> AskAsync(RedisNode node, CancellationToken cancellationToken, params byte[][] command)
    {
        var reply = Whole(node, await node.Connection.AskAsync(cancellationToken, command));
        return reply.Kind == RespKind.Error ? throw RedisErrors.NotPermitted(node.Connection.Address, reply.Text) : reply;
    }

    // An error that concerns the server or the user ends the reading; what is wrong with one key is told as its row.
    private static RespReply Whole(RedisNode node, RespReply reply) =>
        reply.Kind == RespKind.Error && RedisErrors.Classify(node.Connection.Address, reply.Text) is { } error ? throw error : reply;

    // The pipeline's own notes, and versions beside rows.
    private bool IsRow(byte[] key) =>
        !key.AsSpan().StartsWith("leat:marker:"u8) && !key.AsSpan().StartsWith("leat:positions:"u8) && !key.AsSpan().StartsWith("leat:claim:"u8)
        && !(isGuarded && key.AsSpan().EndsWith(":__v"u8));

    /// <summary>Glob letters of SCAN taken literally.</summary>
    internal static string EscapeGlob(string text) =>
        string.Concat(text.Select(letter => letter is '*' or '?' or '[' or ']' or '\\' or '^' ? $"\\{letter}" : letter.ToString()));
}
