using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Leat.Log.Compaction;

/// <summary>The newest offset of each key, within a limit of memory. Keys are kept whole: two that share a hash stay two.</summary>
/// <param name="maxBytes">About the most memory to use, half for keys and half for their places; one key always fits.</param>
internal sealed class NewestOffsets(long maxBytes)
{
    // Hash seeds differ from process to process, so that keys from outside cannot be chosen to collide. No result depends on them.
    [StructLayout(LayoutKind.Auto)]
    private struct Slot
    {
        public long Offset;
        public int KeyAt;
        public int KeyBytes; // one more than the length: 0 is a free slot
        public int Hash;
    }

    private readonly int _mostSlots = (int)Math.Clamp(maxBytes / 2 / Unsafe.SizeOf<Slot>(), 2, 1 << 26);
    private readonly int _mostKeyBytes = (int)Math.Clamp(maxBytes / 2, 1, 1 << 30);
    private Slot[] _slots = new Slot[2];
    private byte[] _keys = [];
    private int _keyBytes;

    /// <summary>How many keys it holds.</summary>
    public int Count { get; private set; }

    /// <summary>Takes note of a record; of one key in rising order. False, and nothing changed, when there is no room for another key.</summary>
    public bool TryPut(ReadOnlySpan<byte> key, long offset)
    {
        var hash = HashOf(key);
        ref var slot = ref SlotOf(key, hash);
        if (slot.KeyBytes == 0)
        {
            if (Count > 0 && ((Count + 1) * 2L > _mostSlots || (long)_keyBytes + key.Length > _mostKeyBytes))
                return false;
            if ((Count + 1) * 2 > _slots.Length)
            {
                Grow();
                slot = ref SlotOf(key, hash);
            }

            slot = new() { KeyAt = Keep(key), KeyBytes = key.Length + 1, Hash = hash };
            Count++;
        }

        slot.Offset = offset;
        return true;
    }

    /// <summary>The newest offset of a key; -1 when it is not known.</summary>
    public long Of(ReadOnlySpan<byte> key)
    {
        ref var slot = ref SlotOf(key, HashOf(key));
        return slot.KeyBytes == 0 ? -1 : slot.Offset;
    }

    /// <summary>Forgets all keys.</summary>
    public void Clear()
    {
        Array.Clear(_slots);
        (Count, _keyBytes) = (0, 0);
    }

    private static int HashOf(ReadOnlySpan<byte> key)
    {
        var hash = new HashCode();
        hash.AddBytes(key);
        return hash.ToHashCode();
    }

    // The key's slot, or the free one where it belongs. At most half of the slots are taken, so that there is one.
    private ref Slot SlotOf(ReadOnlySpan<byte> key, int hash)
    {
        var mask = _slots.Length - 1;
        for (var at = hash & mask; ; at = (at + 1) & mask)
        {
            ref var slot = ref _slots[at];
            if (slot.KeyBytes == 0
                || (slot.Hash == hash && slot.KeyBytes == key.Length + 1 && _keys.AsSpan(slot.KeyAt, key.Length).SequenceEqual(key)))
                return ref slot;
        }
    }

    private int Keep(ReadOnlySpan<byte> key)
    {
        if (_keys.Length - _keyBytes < key.Length)
            Array.Resize(ref _keys, (int)Math.Max((long)_keyBytes + key.Length, Math.Min(_keys.Length * 2L, _mostKeyBytes)));
        var at = _keyBytes;
        key.CopyTo(_keys.AsSpan(at));
        _keyBytes += key.Length;
        return at;
    }

    private void Grow()
    {
        var old = _slots;
        _slots = new Slot[old.Length * 2];
        var mask = _slots.Length - 1;
        foreach (var slot in old)
        {
            if (slot.KeyBytes == 0)
                continue;
            var at = slot.Hash & mask;
            while (_slots[at].KeyBytes != 0)
                at = (at + 1) & mask;
            _slots[at] = slot;
        }
    }
}
