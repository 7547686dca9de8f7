using System.Text;

namespace Leat.Connectors.Redis.Wire;

/// <summary>A whole reply, kept: for reads and for signing in, not for the hot path.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Number">The number of an Integer; 0 otherwise.</param>
/// <param name="Bytes">The text of a Simple, Error or Bulk; empty otherwise.</param>
/// <param name="Items">The items of an Array; empty otherwise.</param>
public sealed record RespReply(RespKind Kind, long Number, byte[] Bytes, IReadOnlyList<RespReply> Items)
{
    /// <summary>The text as a string.</summary>
    public string Text => Encoding.UTF8.GetString(Bytes);

    /// <summary>Reads one whole reply; false, with the reader's place not to be used on, when it has not arrived whole.</summary>
    /// <exception cref="RespFormatException">Not the protocol, or nested deeper than any reply that is asked for.</exception>
    public static bool TryRead(ref RespReader reader, out RespReply? reply) => TryRead(ref reader, 0, out reply);

    private static bool TryRead(ref RespReader reader, int depth, out RespReply? reply)
    {
        reply = null;
        if (!reader.TryRead(out var item))
            return false;
        if (depth > 4)
            throw RespFormatException.Unexpected(item.Kind);
        if (item.Kind != RespKind.Array)
        {
            reply = new(item.Kind, item.Number, item.Text.ToArray(), []);
            return true;
        }

        // Room grows with what arrives, not with what is announced.
        var items = new List<RespReply>();
        for (var i = 0L; i < item.Number; i++)
        {
            if (!TryRead(ref reader, depth + 1, out var inner) || inner is null)
                return false;
            items.Add(inner);
        }

        reply = new(RespKind.Array, 0, [], items);
        return true;
    }
}
