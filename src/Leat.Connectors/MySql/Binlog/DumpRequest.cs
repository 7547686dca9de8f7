using System.Buffers.Binary;
using System.Text;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>Asks a server for its binlog: from a GTID position on, or from a place in a file.</summary>
/// <remarks>
/// Sources: MariaDB knowledge base, "Replication Protocol": "Replica Registration", "COM_BINLOG_DUMP", "GTID"; MySQL server, sql/rpl_source.cc, com_binlog_dump_gtid.
/// </remarks>
internal static class DumpRequest
{
    /// <summary>Where a file's first event begins: behind four bytes that tell what it is.</summary>
    public const int FileHeadBytes = 4;

    private const byte ComBinlogDump = 0x12;
    private const byte ComRegisterReplica = 0x15;
    private const byte ComBinlogDumpGtid = 0x1E;

    // Flags of a dump: the second bit means something else to each product.
    private const ushort EndAtLastEvent = 1;
    private const ushort MariaDbAnnotations = 2;
    private const ushort MySqlHeartbeatV2 = 2;
    private const ushort ThroughGtid = 4;

    /// <summary>Capability 4: GTID events as they are.</summary>
    private const string Capability = "SET @mariadb_slave_capability = 4";

    // Events as they stand in the file, with their checksums where they have them. Newer MySQL asks for the second name.
    private const string Checksums = "SET @master_binlog_checksum = 'CRC32', @source_binlog_checksum = 'CRC32'";

    /// <summary>Registers and starts the stream; from then on the connection carries events only.</summary>
    /// <param name="connection">A fresh connection.</param>
    /// <param name="facts">The server.</param>
    /// <param name="position">After which to begin: by its GTIDs, or at its place when it has none.</param>
    /// <param name="serverId">Our number.</param>
    /// <param name="name">How we appear in the list of replicas.</param>
    /// <param name="heartbeat">How often a silent server shall speak.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async ValueTask StartAsync(
        MySqlConnection connection, ServerFacts facts, MySqlPosition position, uint serverId, string name, TimeSpan heartbeat, CancellationToken cancellationToken)
    {
        var nanoseconds = Sql.Number((long)heartbeat.TotalMilliseconds * 1_000_000);
        await connection.ExecuteAsync($"{Checksums}, @master_heartbeat_period = {nanoseconds}, @source_heartbeat_period = {nanoseconds}, net_write_timeout = 600", cancellationToken);
        if (facts.Product == Product.MariaDb)
        {
            await connection.ExecuteAsync(
                $"SET @slave_connect_state = {Sql.Text(position.Gtids?.ToString() ?? "")}, @slave_gtid_strict_mode = 0, @slave_gtid_ignore_duplicates = 0", cancellationToken);
            await connection.ExecuteAsync(Capability, cancellationToken);
        }

        await connection.SendAsync(ComRegisterReplica, Register(serverId, name), cancellationToken);
        ServerAnswer.ThrowIfError((await connection.ReadPacketAsync(cancellationToken)).Span);
        if (facts.Product == Product.MariaDb)
            await connection.SendAsync(ComBinlogDump, Dump("", FileHeadBytes, FlagsOf(facts), serverId), cancellationToken);
        else if (position.Gtids is MySqlGtids gtids)
            await connection.SendAsync(ComBinlogDumpGtid, DumpGtid(gtids, FlagsOf(facts), serverId), cancellationToken);
        else
            await connection.SendAsync(ComBinlogDump, Dump(position.File, (uint)Math.Max(FileHeadBytes, position.Offset), FlagsOf(facts), serverId), cancellationToken);
    }

    /// <summary>Starts the stream from a place in one file on, ending with the last file: for looking, and for measuring.</summary>
    public static async ValueTask StartFileAsync(MySqlConnection connection, string file, uint serverId, CancellationToken cancellationToken, uint offset = FileHeadBytes)
    {
        await connection.ExecuteAsync(Checksums, cancellationToken);
        if (connection.Server.IsMariaDb)
            await connection.ExecuteAsync(Capability, cancellationToken);
        await connection.SendAsync(ComBinlogDump, Dump(file, offset, EndAtLastEvent, serverId), cancellationToken);
    }

    // MariaDB 11.4 and later do not say where events inside a transaction end, so that none may be left out. MySQL tells places beyond 4 GiB when asked.
    private static ushort FlagsOf(ServerFacts facts) => facts.Product == Product.MariaDb
        ? facts.Version >= new Version(11, 4) ? MariaDbAnnotations : (ushort)0
        : facts.Version >= new Version(8, 0, 26) ? MySqlHeartbeatV2 : (ushort)0;

    private static byte[] Dump(string file, uint offset, ushort flags, uint serverId)
    {
        var fixedPart = new byte[10];
        BinaryPrimitives.WriteUInt32LittleEndian(fixedPart, offset);
        BinaryPrimitives.WriteUInt16LittleEndian(fixedPart.AsSpan(4), flags);
        BinaryPrimitives.WriteUInt32LittleEndian(fixedPart.AsSpan(6), serverId);
        return [.. fixedPart, .. Encoding.UTF8.GetBytes(file)];
    }

    // Flags, our number, length and name of a file (none), place in it, length and bytes of the set.
    private static byte[] DumpGtid(MySqlGtids gtids, ushort flags, uint serverId)
    {
        var set = gtids.Encode();
        var fixedPart = new byte[22];
        BinaryPrimitives.WriteUInt16LittleEndian(fixedPart, (ushort)(flags | ThroughGtid));
        BinaryPrimitives.WriteUInt32LittleEndian(fixedPart.AsSpan(2), serverId);
        BinaryPrimitives.WriteUInt64LittleEndian(fixedPart.AsSpan(10), FileHeadBytes);
        BinaryPrimitives.WriteInt32LittleEndian(fixedPart.AsSpan(18), set.Length);
        return [.. fixedPart, .. set];
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
