using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>What a transaction of MariaDB says of an ALTER that is logged twice (<c>binlog_alter_two_phase</c>): its text comes when it starts and when it has ended.</summary>
internal enum AlterPhase : byte
{
    /// <summary>Nothing: a statement that has happened.</summary>
    None = 0,

    /// <summary>It starts; whether it succeeds is not known.</summary>
    Start,

    /// <summary>It has succeeded.</summary>
    Commit,

    /// <summary>It has failed.</summary>
    Rollback,
}

/// <summary>Reads the phase out of the rest of a GTID event.</summary>
/// <remarks>Source: MariaDB server, sql/log_event.h, Gtid_log_event: a commit id with flag 2, an XID with flags 64 and 128, then flags of their own.</remarks>
internal static class AlterPhases
{
    private const byte HasCommitId = 2;
    private const byte HasXid = 64 | 128;
    private const byte StartBit = 2;
    private const byte CommitBit = 4;
    private const byte RollbackBit = 8;

    /// <summary>The phase.</summary>
    /// <param name="fields">Stands behind the event's flags.</param>
    /// <param name="flags">The event's flags.</param>
    public static AlterPhase Read(ref WireReader fields, byte flags)
    {
        if ((flags & HasCommitId) != 0)
            fields.ReadBytes(sizeof(ulong));
        if ((flags & HasXid) != 0)
        {
            fields.ReadUInt32();
            int bytes = fields.ReadByte();
            bytes += fields.ReadByte();
            fields.ReadBytes(bytes);
        }

        var extra = fields.RemainingBytes > 0 ? fields.ReadByte() : 0;
        return (extra & CommitBit) != 0 ? AlterPhase.Commit
            : (extra & RollbackBit) != 0 ? AlterPhase.Rollback
            : (extra & StartBit) != 0 ? AlterPhase.Start
            : AlterPhase.None;
    }
}
