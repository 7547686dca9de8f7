namespace Leat.Simulation;

/// <summary>A folder: the names that programs see in it, and those that are on the platter.</summary>
internal sealed class FakeFolder : FakeNode
{
    private Dictionary<string, FakeNode> _durable = new(StringComparer.Ordinal);

    /// <summary>The names that programs see.</summary>
    public Dictionary<string, FakeNode> Names { get; private set; } = new(StringComparer.Ordinal);

    /// <summary>Makes one change of a name durable: the node gets the name, or the name goes.</summary>
    public void MakeDurable(string name, FakeNode? node)
    {
        if (node is null)
            _durable.Remove(name);
        else
            _durable[name] = node;
    }

    /// <summary>Programs see what is durable, here and below.</summary>
    public void Cut(Action<FakeFile> cutFile)
    {
        Names = new(_durable, StringComparer.Ordinal);
        foreach (var (_, node) in Sorted())
        {
            if (node is FakeFolder folder)
                folder.Cut(cutFile);
            else
                cutFile((FakeFile)node);
        }
    }

    /// <summary>Names and nodes by the names' bytes: the order must not depend on a hash.</summary>
    public KeyValuePair<string, FakeNode>[] Sorted()
    {
        var all = Names.ToArray();
        Array.Sort(all, static (one, other) => string.CompareOrdinal(one.Key, other.Key));
        return all;
    }

    public override FakeNode Clone(Dictionary<FakeNode, FakeNode> clones)
    {
        if (clones.TryGetValue(this, out var known))
            return known;
        var clone = new FakeFolder();
        clones.Add(this, clone);
        foreach (var (name, node) in Names)
            clone.Names.Add(name, node.Clone(clones));
        foreach (var (name, node) in _durable)
            clone._durable.Add(name, node.Clone(clones));
        return clone;
    }
}
