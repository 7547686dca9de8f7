using System.Buffers.Binary;
using System.Text;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>Asks a MariaDB server for its binlog from a GTID position on.</summary>
/// <remarks>Source: MariaDB knowledge base, "Replication Protocol": "Replica Registration", "COM_BINLOG_DUMP", "GTID".</remarks>
internal static class DumpRequest
{
    private const byte ComBinlogDump = 0x12;
    private const byte ComRegisterReplica = 0x15;

    /// <summary>Capability 4: GTID events as they are.</summary>
    private const string Capability = "SET @mariadb_slave_capability = 4";

    /// <summary>Registers and starts the stream; from then on the connection carries events only.</summary>
    /// <param name="connection">A fresh connection.</param>
    /// <param name="position">After which to begin.</param>
    /// <param name="serverId">Our number.</param>
    /// <param name="name">How we appear in SHOW SLAVE HOSTS.</param>
    /// <param name="heartbeat">How often a silent server shall speak.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async ValueTask StartAsync(
        MySqlConnection connection, GtidPosition position, uint serverId, string name, TimeSpan heartbeat, CancellationToken cancellationToken)
    {
        var nanoseconds = Sql.Number((long)heartbeat.TotalMilliseconds * 1_000_000);
        await connection.ExecuteAsync(
            $"SET @master_binlog_checksum = @@global.binlog_checksum, @master_heartbeat_period = {nanoseconds}, "
            + $"@slave_connect_state = {Sql.Text(position.ToString())}, @slave_gtid_strict_mode = 0, @slave_gtid_ignore_duplicates = 0, "
            + "net_write_timeout = 600", cancellationToken);
        await connection.ExecuteAsync(Capability, cancellationToken);
        await connection.SendAsync(ComRegisterReplica, Register(serverId, name), cancellationToken);
        ServerAnswer.ThrowIfError((await connection.ReadPacketAsync(cancellationToken)).Span);
        await connection.SendAsync(ComBinlogDump, Dump("", 4, waitAtEnd: true, serverId), cancellationToken);
    }

    /// <summary>Starts the stream of one file from its beginning, ending with the last file: for measuring.</summary>
    public static async ValueTask StartFileAsync(MySqlConnection connection, string file, uint serverId, CancellationToken cancellationToken)
    {
        await connection.ExecuteAsync("SET @master_binlog_checksum = @@global.binlog_checksum", cancellationToken);
        await connection.ExecuteAsync(Capability, cancellationToken);
        await connection.SendAsync(ComBinlogDump, Dump(file, 4, waitAtEnd: false, serverId), cancellationToken);
    }

    private static byte[] Dump(string file, uint offset, bool waitAtEnd, uint serverId)
    {
        const ushort EndAtLastEvent = 1;
        var fixedPart = new byte[10];
        BinaryPrimitives.WriteUInt32LittleEndian(fixedPart, offset);
        BinaryPrimitives.WriteUInt16LittleEndian(fixedPart.AsSpan(4), waitAtEnd ? (ushort)0 : EndAtLastEvent);
        BinaryPrimitives.WriteUInt32LittleEndian(fixedPart.AsSpan(6), serverId);
        return [.. fixedPart, .. Encoding.UTF8.GetBytes(file)];
    }

    // Number, host, user, password, port, rank, source's number: only number and host say anything.
    private static byte[] Register(uint serverId, string name)
    {
        const int MostNameBytes = 60;
        var number = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(number, serverId);
        var host = Encoding.UTF8.GetBytes(name);
        host = host[..Math.Min(host.Length, MostNameBytes)];
        return [.. number, (byte)host.Length, .. host, 0, 0, 0, 0, .. new byte[8]];
    }
}
