namespace Leat.Simulation.Fuzz;

/// <summary>One decoder, or several behind one door, and what it promises for any bytes at all.</summary>
internal abstract class FuzzTarget
{
    /// <summary>Name of the target and of its corpus file.</summary>
    public abstract string Name { get; }

    /// <summary>Good inputs, as the product's own encoders write them.</summary>
    public abstract IEnumerable<byte[]> Seeds();

    /// <summary>Words of the format.</summary>
    public virtual IReadOnlyList<byte[]> Dictionary => [];

    /// <summary>Most bytes of an input.</summary>
    public virtual int MaxBytes => 4096;

    /// <summary>Bytes that a run may allocate whatever its input.</summary>
    public virtual long FixedBytes => 64 * 1024;

    /// <summary>Bytes that a run may allocate for each byte of input.</summary>
    public virtual long BytesEach => 64;

    /// <summary>Blocks of code that a run may go through whatever its input.</summary>
    public virtual long FixedSteps => 20_000;

    /// <summary>Blocks of code that a run may go through for each byte of input.</summary>
    public virtual long StepsEach => 200;

    /// <summary>Makes checksums and such agree again after a mutation, so that more than the check of the checksum is tried.</summary>
    public virtual byte[] Repair(byte[] input, SimRandom random) => input;

    /// <summary>Decodes. Exceptions that the decoder declares end here; any other is a finding, and so is a broken promise.</summary>
    public abstract void Run(byte[] input);

    /// <summary>Fails the execution.</summary>
    protected static void Promise(bool kept, string promise)
    {
        if (!kept)
            throw new BrokenPromiseException(promise);
    }
}

/// <summary>A decoder answered, but not as it should.</summary>
internal sealed class BrokenPromiseException(string promise) : Exception(promise);
