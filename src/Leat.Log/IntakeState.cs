namespace Leat.Log;

/// <summary>Whether a stream takes what is new.</summary>
public enum Intake
{
    /// <summary>It does.</summary>
    Open,

    /// <summary>Not until there is space on the disk again.</summary>
    DiskFull,

    /// <summary>Not until its size is below <see cref="StreamOptions.QuotaBytes"/> again: what is held is never deleted.</summary>
    OverQuota,
}

/// <summary>Whether a stream takes what is new, and why not.</summary>
/// <param name="Intake">Open, or what is waited for.</param>
/// <param name="Bytes">Free bytes of the disk when it is full, size of the stream when it is over its quota, else 0.</param>
/// <param name="Holder">Over its quota: the <see cref="RetentionHold.Who"/> that is furthest behind; null when no retention is set that could delete.</param>
/// <param name="HolderOffset">The holder's offset.</param>
public sealed record IntakeState(Intake Intake, long Bytes = 0, string? Holder = null, long HolderOffset = 0)
{
    /// <summary>The stream takes what is new.</summary>
    public static IntakeState Open { get; } = new(Intake.Open);
}
