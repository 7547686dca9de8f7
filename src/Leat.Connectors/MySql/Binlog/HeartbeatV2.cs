using System.Buffers.Binary;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>The heartbeat that MySQL 8.0.26 and later send for files beyond 4 GiB: tagged fields, of which later versions may have more.</summary>
/// <remarks>Each field is its number, its length and its bytes, ended by number 0. Source: MySQL server, libs/mysql/binlog/event/control_events.h, Heartbeat_event_v2.</remarks>
internal static class HeartbeatV2
{
    private const ulong EndOfFields = 0;
    private const ulong Offset = 2;

    /// <summary>Where the server is in its file; 0 when it does not say.</summary>
    /// <exception cref="MySqlFormatException">Malformed.</exception>
    public static long OffsetIn(ReadOnlySpan<byte> body)
    {
        var fields = new WireReader(body);
        while (fields.RemainingBytes > 0)
        {
            var number = fields.ReadLength();
            if (number == EndOfFields)
                break;
            var value = fields.ReadLengthBytes();
            if (number == Offset)
                return (long)new WireReader(value).ReadLength();
        }

        return 0;
    }
}
