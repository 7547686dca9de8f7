namespace Leat.Simulation.Delivery;

/// <summary>When faults strike, and where a process is to be killed.</summary>
internal sealed class Faults(SimRandom random)
{
    private KillPoint _killAt;
    private int _killAfter = -1;

    public SimRandom Random => random;

    /// <summary>Whether there are faults now; at the end there are none, and everything has to come right.</summary>
    public bool AreOn { get; set; } = true;

    /// <summary>Whether the target takes what was poison to it.</summary>
    public bool IsHealed { get; set; }

    /// <summary>Has the process killed when it is at a place for the n-th time; 0: the first.</summary>
    public void KillAt(KillPoint point, int after) => (_killAt, _killAfter) = (point, after);

    /// <summary>Whether the process ends here.</summary>
    public bool Reaches(KillPoint point) => AreOn && point == _killAt && _killAfter >= 0 && _killAfter-- == 0;

    public bool Strikes(int perMille) => perMille > 0 && random.Below(1000) < perMille;
}
