using Leat.Log;
using Leat.Simulation.Log;

namespace Leat.Simulation.Delivery;

/// <summary>A disk at which a process can be killed before and after it writes a checkpoint or a dead letter.</summary>
internal sealed class WatchedDisk(FakeDisk disk, IDisk files, Faults faults, World world) : LyingDisk(disk)
{
    public override IDiskFile Open(string path, DiskOpen mode) => Wrap(path, files.Open(path, mode));

    protected override IDiskFile Wrap(string path, IDiskFile file) => path switch
    {
        _ when !PlantedBugs.IsSegment(path) => file,
        _ when path.Contains(".checkpoints-", StringComparison.Ordinal) =>
            new WatchedFile(this, file, KillPoint.BeforeCheckpoint, KillPoint.CheckpointWritten, KillPoint.CheckpointSynced),
        _ when path.Contains(".deadletters-", StringComparison.Ordinal) =>
            new WatchedFile(this, file, KillPoint.BeforeDeadLetter, KillPoint.DeadLetterWritten, KillPoint.DeadLetterSynced),
        _ when path.Contains(".state-", StringComparison.Ordinal) => new WatchedFile(this, file, KillPoint.BeforeState, KillPoint.StateWritten, KillPoint.StateSynced),
        _ when path.Contains("/source-", StringComparison.Ordinal) => new WatchedFile(this, file, null, KillPoint.ChangesWritten, null),
        _ => file,
    };

    private void Pass(KillPoint? point)
    {
        if (point is not { } here || !faults.Reaches(here))
            return;
        world.Kill();
        Disk.Die();
    }

    private sealed class WatchedFile(WatchedDisk disk, IDiskFile file, KillPoint? before, KillPoint? written, KillPoint? synced) : LyingFile(file)
    {
        public override void Write(long position, ReadOnlySpan<byte> bytes)
        {
            disk.Pass(before);
            base.Write(position, bytes);
            disk.Pass(written);
        }

        public override void SyncData()
        {
            base.SyncData();
            disk.Pass(synced);
        }
    }
}
