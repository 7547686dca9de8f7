using System.Globalization;
using System.Text;
using Leat.Changes;

namespace Leat.Connectors.Redis;

/// <summary>A pipeline's marker: the hash <c>leat:marker:PIPELINE</c> with the fields <c>log_id</c>, <c>epoch</c> and <c>offset</c>.</summary>
internal static class RedisMarker
{
    /// <summary>Reads it; <see langword="null"/> when there is none.</summary>
    /// <exception cref="PauseException">Something else stands there.</exception>
    public static async ValueTask<TargetMarker?> ReadAsync(RedisNodes nodes, string pipeline, CancellationToken cancellationToken)
    {
        var key = KeyOf(pipeline);
        var node = nodes.NodeOf(key);
        var reply = await node.Connection.AskAsync(cancellationToken, "HGETALL"u8.ToArray(), key);
        if (reply.Kind == Wire.RespKind.Error)
        {
            throw RedisErrors.Classify(node.Connection.Address, reply.Text)
                ?? RedisErrors.BadMarker(node.Connection.Address, Encoding.UTF8.GetString(key), reply.Text);
        }

        if (reply.Items.Count == 0)
            return null;
        var fields = new Dictionary<string, string>();
        for (var i = 0; i + 1 < reply.Items.Count; i += 2)
            fields[reply.Items[i].Text] = reply.Items[i + 1].Text;
        return Guid.TryParse(fields.GetValueOrDefault("log_id"), out var log)
            && uint.TryParse(fields.GetValueOrDefault("epoch"), NumberStyles.None, CultureInfo.InvariantCulture, out var epoch)
            && long.TryParse(fields.GetValueOrDefault("offset"), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var offset)
            ? new(log, epoch, offset)
            : throw RedisErrors.BadMarker(node.Connection.Address, Encoding.UTF8.GetString(key), string.Join(", ", fields.Select(field => $"{field.Key}={field.Value}")));
    }

    /// <summary>Writes it.</summary>
    public static async ValueTask WriteAsync(RedisNodes nodes, string pipeline, TargetMarker marker, CancellationToken cancellationToken)
    {
        var key = KeyOf(pipeline);
        await nodes.NodeOf(key).Connection.NeedAsync(
            cancellationToken,
            "HSET"u8.ToArray(), key,
            "log_id"u8.ToArray(), Encoding.ASCII.GetBytes(marker.LogId.ToString()),
            "epoch"u8.ToArray(), Encoding.ASCII.GetBytes(marker.Epoch.ToString(CultureInfo.InvariantCulture)),
            "offset"u8.ToArray(), Encoding.ASCII.GetBytes(marker.Offset.ToString(CultureInfo.InvariantCulture)));
    }

    private static byte[] KeyOf(string pipeline) => Encoding.UTF8.GetBytes($"leat:marker:{pipeline}");
}
