using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>Applies the diffs of a partially updated JSON document, and writes what comes of it as text. For one document after the other; allocates only while it grows.</summary>
/// <remarks>
/// <code>
/// diff   operation (1 byte: 0 replace, 1 insert, 2 remove), path and (but for remove) binary value, each behind its length-encoded length
/// </code>
/// Containers that a path goes through become nodes; all else stays binary until it is written. Source: MySQL server, <c>Json_diff_vector::read_binary</c>.
/// </remarks>
internal sealed class JsonEditor
{
    private const byte Replace = 0;
    private const byte Insert = 1;
    private const byte Remove = 2;
    private const int None = -1;

    private Node[] _nodes = new Node[64];
    private byte[] _keys = new byte[256];
    private byte[] _room = new byte[256];
    private int _count;
    private int _keyBytes;

    /// <summary>Where the bytes of a node or key stand.</summary>
    private enum Place : byte
    {
        Document = 0,
        Diffs = 1,
        Keys = 2,
    }

    /// <summary>Writes the text of a document after its diffs, and returns its length; -1 when a diff does not fit the document.</summary>
    /// <param name="document">Binary JSON before the update.</param>
    /// <param name="diffs">What was changed, in order.</param>
    /// <param name="target">At least <see cref="JsonText.MaxBytes"/> of the lengths of both.</param>
    /// <exception cref="MySqlFormatException">Malformed.</exception>
    public int Apply(ReadOnlySpan<byte> document, ReadOnlySpan<byte> diffs, Span<byte> target)
    {
        (_count, _keyBytes) = (0, 0);
        var root = Add(JsonValue.Of(document), Place.Document, document, document.Length + diffs.Length);
        if (_room.Length < diffs.Length)
            _room = new byte[diffs.Length];
        var fields = new WireReader(diffs);
        while (fields.RemainingBytes > 0)
        {
            var operation = fields.ReadByte();
            if (operation > Remove)
                throw MySqlFormatException.Unexpected("JSON diff operation", "0 to 2", operation);
            var path = new JsonPath(fields.ReadLengthBytes(), _room);
            var value = operation == Remove ? default : JsonValue.Of(fields.ReadLengthBytes());
            if (!Apply(root, operation, path, value, document, diffs))
                return None;
        }

        var text = new JsonSink(target);
        Write(root, ref text, document, diffs, depth: 0);
        return text.WrittenBytes;
    }

    private bool Apply(int node, byte operation, JsonPath path, JsonValue value, ReadOnlySpan<byte> document, ReadOnlySpan<byte> diffs)
    {
        // The root itself is never replaced by a diff: the server writes a whole document then.
        for (var depth = 0; path.HasMore; depth++)
        {
            if (depth >= JsonValue.MaxDepth)
                throw MySqlFormatException.Unexpected("legs of a JSON path", $"at most {JsonValue.MaxDepth}", depth + 1);
            var leg = path.Next();
            if (!Expand(node, leg.IsMember, document, diffs))
                return false;
            var found = Find(node, leg, document, diffs, out var before);
            if (path.HasMore)
            {
                if (found == None)
                    return false;
                node = found;
                continue;
            }

            return operation switch
            {
                Replace => found != None && Put(found, value, diffs),
                Remove => found != None && Unlink(node, before, found),
                _ => (found == None || !leg.IsMember) && Link(node, before, Add(value, Place.Diffs, diffs, document.Length + diffs.Length), leg),
            };
        }

        return false;
    }

    // Makes nodes of a container's members, once.
    private bool Expand(int node, bool isObject, ReadOnlySpan<byte> document, ReadOnlySpan<byte> diffs)
    {
        var container = ValueOf(_nodes[node], document, diffs);
        if (isObject ? !container.IsObject : !container.IsArray)
            return false;
        if (_nodes[node].IsExpanded)
            return true;
        _nodes[node].IsExpanded = true;
        var place = _nodes[node].Place;
        var bytes = place == Place.Document ? document : diffs;
        var last = None;
        for (var i = 0; i < container.Count; i++)
        {
            var child = Add(container.Value(i), place, bytes, document.Length + diffs.Length);
            if (isObject)
                (_nodes[child].KeyPlace, _nodes[child].Key) = (place, RangeOf(bytes, container.Key(i)));
            if (last == None)
                _nodes[node].Child = child;
            else
                _nodes[last].Next = child;
            last = child;
        }

        return true;
    }

    // The member or element, or none; and the one before the place where it is or would be.
    private int Find(int node, JsonLeg leg, ReadOnlySpan<byte> document, ReadOnlySpan<byte> diffs, out int before)
    {
        before = None;
        var child = _nodes[node].Child;
        if (leg.IsMember)
        {
            for (; child != None; before = child, child = _nodes[child].Next)
            {
                var order = Compare(KeyOf(_nodes[child], document, diffs), leg.Key);
                if (order == 0)
                    return child;
                if (order > 0)
                    return None;
            }

            return None;
        }

        var index = leg.Index;
        if (leg.FromEnd)
        {
            var count = 0;
            for (var one = child; one != None; one = _nodes[one].Next)
                count++;
            index = count - 1 - index;
        }

        if (index < 0)
            return None;
        for (; child != None && index > 0; index--)
            (before, child) = (child, _nodes[child].Next);
        return child;
    }

    // The server's order of keys: the shorter first, then by their bytes.
    private static int Compare(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b) => a.Length != b.Length ? a.Length - b.Length : a.SequenceCompareTo(b);

    private bool Put(int node, JsonValue value, ReadOnlySpan<byte> diffs)
    {
        ref var one = ref _nodes[node];
        (one.Type, one.Place, one.Data, one.IsExpanded, one.Child) = (value.Type, Place.Diffs, RangeOf(diffs, value.Data), false, None);
        return true;
    }

    private bool Unlink(int parent, int before, int node)
    {
        if (before == None)
            _nodes[parent].Child = _nodes[node].Next;
        else
            _nodes[before].Next = _nodes[node].Next;
        return true;
    }

    private bool Link(int parent, int before, int node, JsonLeg leg)
    {
        ref var next = ref before == None ? ref _nodes[parent].Child : ref _nodes[before].Next;
        _nodes[node].Next = next;
        next = node;
        if (!leg.IsMember)
            return true;
        if (_keys.Length - _keyBytes < leg.Key.Length)
            Array.Resize(ref _keys, Math.Max(_keys.Length * 2, _keyBytes + leg.Key.Length));
        leg.Key.CopyTo(_keys.AsSpan(_keyBytes));
        (_nodes[node].KeyPlace, _nodes[node].Key) = (Place.Keys, new(_keyBytes, leg.Key.Length));
        _keyBytes += leg.Key.Length;
        return true;
    }

    private int Add(JsonValue value, Place place, ReadOnlySpan<byte> bytes, int mostNodes)
    {
        // Each member takes bytes; more members than bytes are members that share theirs.
        if (_count > mostNodes)
            throw MySqlFormatException.Unexpected("number of JSON members", $"at most {mostNodes}", _count);
        if (_count == _nodes.Length)
            Array.Resize(ref _nodes, _nodes.Length * 2);
        _nodes[_count] = new() { Type = value.Type, Place = place, Data = RangeOf(bytes, value.Data), Child = None, Next = None };
        return _count++;
    }

    private void Write(int node, ref JsonSink text, ReadOnlySpan<byte> document, ReadOnlySpan<byte> diffs, int depth)
    {
        var value = ValueOf(_nodes[node], document, diffs);
        if (!_nodes[node].IsExpanded)
        {
            JsonText.Write(value, ref text, depth);
            return;
        }

        if (depth >= JsonValue.MaxDepth)
            throw MySqlFormatException.Unexpected("depth of a JSON document", $"at most {JsonValue.MaxDepth}", depth + 1);
        text.Put(value.IsObject ? (byte)'{' : (byte)'[');
        for (var child = _nodes[node].Child; child != None; child = _nodes[child].Next)
        {
            if (child != _nodes[node].Child)
                text.Put(", "u8);
            if (value.IsObject)
            {
                text.PutQuoted(KeyOf(_nodes[child], document, diffs));
                text.Put(": "u8);
            }

            Write(child, ref text, document, diffs, depth + 1);
        }

        text.Put(value.IsObject ? (byte)'}' : (byte)']');
    }

    private static JsonValue ValueOf(in Node node, ReadOnlySpan<byte> document, ReadOnlySpan<byte> diffs) =>
        node.Place == Place.Document && document.IsEmpty ? JsonValue.Of(document)
            : new(node.Type, (node.Place == Place.Document ? document : diffs).Slice(node.Data.Start, node.Data.Length));

    private ReadOnlySpan<byte> KeyOf(in Node node, ReadOnlySpan<byte> document, ReadOnlySpan<byte> diffs) =>
        (node.KeyPlace switch { Place.Document => document, Place.Diffs => diffs, _ => _keys.AsSpan() }).Slice(node.Key.Start, node.Key.Length);

    private static Extent RangeOf(ReadOnlySpan<byte> whole, ReadOnlySpan<byte> part) => whole.Overlaps(part, out var offset) ? new(offset, part.Length) : default;

    /// <summary>Some of the bytes.</summary>
    private readonly record struct Extent(int Start, int Length);

    /// <summary>A value, and its place among the members of its container.</summary>
    private struct Node
    {
        public byte Type;
        public bool IsExpanded;
        public Place Place;
        public Place KeyPlace;
        public Extent Data;
        public Extent Key;
        public int Child;
        public int Next;
    }
}
