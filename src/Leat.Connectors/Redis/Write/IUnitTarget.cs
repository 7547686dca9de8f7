using Leat.Connectors.Redis.Wire;

namespace Leat.Connectors.Redis.Write;

/// <summary>Where the commands of an operation go: to the node that owns the key, with what has to stand around them.</summary>
internal interface IUnitTarget
{
    /// <summary>Begins commands for a key that come after all before them for the same key.</summary>
    /// <param name="key">The key, by which a cluster's node is chosen.</param>
    /// <param name="together">Whether no reader may see what is between them.</param>
    RespWriter Begin(ReadOnlySpan<byte> key, bool together);

    /// <summary>Ends them.</summary>
    /// <param name="commands">How many were written.</param>
    /// <param name="check">What the last number in the answers means.</param>
    /// <param name="expected">What that number has to be.</param>
    void End(int commands, UnitCheck check = UnitCheck.None, int expected = 0);

    /// <summary>Refuses the operation without asking the server.</summary>
    void Refuse(string reason, string cause);
}
