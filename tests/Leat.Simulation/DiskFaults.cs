namespace Leat.Simulation;

/// <summary>The machine lost its power, or the process was killed, in the middle of an operation.</summary>
internal sealed class CrashException() : Exception("The simulated process ended here.");

/// <summary>Faults that are planned: each counts down operations of its kind, and strikes once. Negative: none is planned.</summary>
internal sealed class DiskFaults
{
    /// <summary>Operations that change the disk until the process ends.</summary>
    public int CrashAfter { get; set; } = -1;

    /// <summary>Syncs of files and folders until one fails.</summary>
    public int FailSyncAfter { get; set; } = -1;

    /// <summary>Writes until one fails half-way.</summary>
    public int FailWriteAfter { get; set; } = -1;

    /// <summary>Creations, renames and removals until one fails.</summary>
    public int FailNameAfter { get; set; } = -1;

    /// <summary>Reads until one fails.</summary>
    public int FailReadAfter { get; set; } = -1;

    /// <summary>A failed sync says that there is no space, as some file systems do; otherwise an input/output error.</summary>
    public bool SyncSaysFull { get; set; }

    /// <summary>No fault counts down for now.</summary>
    public bool AreSuspended { get; set; }

    /// <summary>Faults that struck.</summary>
    public int Struck { get; private set; }

    /// <summary>Forgets every planned fault.</summary>
    public void Clear() => CrashAfter = FailSyncAfter = FailWriteAfter = FailNameAfter = FailReadAfter = -1;

    /// <summary>Takes note that a fault struck that is not counted down here.</summary>
    public void Strike() => Struck++;

    public bool CrashStrikes() => !AreSuspended && CrashAfter >= 0 && Strikes(CrashAfter--);

    public bool SyncStrikes() => !AreSuspended && FailSyncAfter >= 0 && Strikes(FailSyncAfter--);

    public bool WriteStrikes() => !AreSuspended && FailWriteAfter >= 0 && Strikes(FailWriteAfter--);

    public bool NameStrikes() => !AreSuspended && FailNameAfter >= 0 && Strikes(FailNameAfter--);

    public bool ReadStrikes() => !AreSuspended && FailReadAfter >= 0 && Strikes(FailReadAfter--);

    private bool Strikes(int left)
    {
        if (left > 0)
            return false;
        Struck++;
        return true;
    }
}
