namespace Leat.Transform.Plan.Documents;

/// <summary>Where the rows that documents are made of are kept through a restart.</summary>
public interface IStateTarget
{
    /// <summary>Keeps a row in place of the one with the same key.</summary>
    void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);

    /// <summary>Forgets a row; it may not be there.</summary>
    void Delete(ReadOnlySpan<byte> key);
}
