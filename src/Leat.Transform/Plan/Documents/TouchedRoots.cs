using System.Runtime.InteropServices;

namespace Leat.Transform.Plan.Documents;

/// <summary>A root that the open transaction touched.</summary>
internal struct TouchedRoot
{
    /// <summary>Its slot.</summary>
    public int Slot;

    /// <summary>The change that touched it last.</summary>
    public Touch Touch;

    /// <summary>Whether it was deleted.</summary>
    public bool IsGone;

    /// <summary>Where what it was before stands: its document, or what it contributed to its group; a length of 0 when there is none.</summary>
    public (int At, int Length) Before;
}

/// <summary>The roots that a transaction touched, each once. Allocates nothing once it has grown.</summary>
internal sealed class TouchedRoots : IComparer<TouchedRoot>
{
    /// <summary>Bytes that one takes at most, as the list and what finds them in it double.</summary>
    public const int BytesEach = 128;

    private const int Few = 16;
    private const int Many = 4096;

    private readonly List<TouchedRoot> _roots = [];
    private Dictionary<int, int> _bySlot = [];

    /// <summary>How many.</summary>
    public int Count => _roots.Count;

    /// <summary>One of them.</summary>
    public ref TouchedRoot this[int index] => ref CollectionsMarshal.AsSpan(_roots)[index];

    /// <summary>Adds one.</summary>
    public void Add(TouchedRoot root)
    {
        _roots.Add(root);
        if (_roots.Count < Few)
            return;
        for (var at = _roots.Count == Few ? 0 : _roots.Count - 1; at < _roots.Count; at++)
            _bySlot[_roots[at].Slot] = at;
    }

    /// <summary>The one of a slot, which is there.</summary>
    public ref TouchedRoot Of(int slot)
    {
        if (_roots.Count >= Few)
            return ref this[_bySlot[slot]];
        var at = _roots.Count - 1;
        while (_roots[at].Slot != slot)
            at--;
        return ref this[at];
    }

    /// <summary>Orders them as they are emitted: by the change that touched each last; of one change the deleted first, so that what they held is free.</summary>
    public void Sort()
    {
        if (_roots.Count > 1)
            CollectionsMarshal.AsSpan(_roots).Sort(this);
    }

    /// <summary>Forgets them.</summary>
    public void Clear()
    {
        if (_roots.Count > Many)
            _bySlot = [];
        else if (_roots.Count >= Few)
            _bySlot.Clear();
        _roots.Clear();
        if (_roots.Capacity > Many)
            _roots.Capacity = Few;
    }

    /// <inheritdoc/>
    public int Compare(TouchedRoot x, TouchedRoot y)
    {
        var order = x.Touch.Offset.CompareTo(y.Touch.Offset);
        if (order != 0)
            return order;
        return x.IsGone == y.IsGone ? x.Slot.CompareTo(y.Slot) : x.IsGone ? -1 : 1;
    }
}
