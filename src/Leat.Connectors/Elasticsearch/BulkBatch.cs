using System.Runtime.CompilerServices;
using System.Text;
using Leat.Changes;
using Leat.Connectors.Elasticsearch.Wire;

namespace Leat.Connectors.Elasticsearch;

/// <summary>One action of a request and the operation that it belongs to.</summary>
internal readonly record struct BulkAction(int Operation, BulkActionKind Kind);

/// <summary>A place where a document was found.</summary>
internal readonly record struct FoundPlace(string Index, string Id, string? Routing);

/// <summary>Builds the bodies of <c>_bulk</c> requests from operations. Used again and again; allocates nothing per row.</summary>
internal sealed class BulkBatch(ElasticsearchSinkOptions options, LaneIdentity identity)
{
    /// <summary>Retries that the server itself makes of an update that met another write.</summary>
    private const int ServerRetries = 3;

    private static readonly byte[] UpdateEnd = Encoding.ASCII.GetBytes(FormattableString.Invariant($",\"retry_on_conflict\":{ServerRetries}}}}}\n"));

    private readonly Dictionary<Shape, (DocumentAddress Address, DocumentWriter Writer)> _shapes = new(ReferenceEqualityComparer.Instance);
    private readonly List<BulkAction> _actions = [];
    private readonly JsonBuffer _body = new(64 * 1024);
    private readonly Place _place = new();
    private readonly Place _before = new();

    /// <summary>The body so far.</summary>
    public ReadOnlyMemory<byte> Body => _body.Memory;

    /// <summary>Its actions in order.</summary>
    public IReadOnlyList<BulkAction> Actions => _actions;

    /// <summary>Begins a new body, or takes what was added last out again.</summary>
    public void Cut(int bodyBytes = 0, int actions = 0)
    {
        _body.Cut(bodyBytes);
        _actions.RemoveRange(actions, _actions.Count - actions);
    }

    /// <summary>Where documents of a shape live.</summary>
    public DocumentAddress AddressOf(Shape shape) => Of(shape).Address;

    /// <summary>Adds the actions of an operation.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="number">Its number in the batch.</param>
    /// <param name="found">Where its document was found, if that had to be asked.</param>
    /// <returns>Why it can never be written; <see langword="null"/> when it was added.</returns>
    public Answer? Add(in Operation operation, int number, IReadOnlyList<FoundPlace>? found)
    {
        var (address, writer) = Of(operation.Shape);
        var start = _body.Length;
        var actions = _actions.Count;
        var refused = IsUpsert(operation.Shape) ? AddUpsert(operation, number, address, writer) : AddIndex(operation, number, address, writer, found);
        if (refused is null)
            return null;

        Cut(start, actions);
        return refused;
    }

    private Answer? AddIndex(in Operation operation, int number, DocumentAddress address, DocumentWriter writer, IReadOnlyList<FoundPlace>? found)
    {
        var version = identity.VersionOf(operation);
        if (operation.Kind == OperationKind.Delete && options.SoftDelete is null)
            return AddDelete(operation, number, address, version, found);
        if (operation.Kind == OperationKind.Delete && found is not null)
            return AddMarks(operation, number, writer, version, found);

        if (_place.Fill(address, operation.Row.Span) is { } refused)
            return refused;
        var moved = AddMoves(operation, number, address, version, found);
        BeginAction("{\"index\":{\"_index\":"u8, number, BulkActionKind.Index);
        _body.Raw(",\"version\":"u8);
        _body.Number(version);

        // After a move the deleted place may be of the same version, and even on the same shard.
        _body.Raw(moved ? ",\"version_type\":\"external_gte\"}}\n"u8 : ",\"version_type\":\"external\"}}\n"u8);
        writer.Write(operation.Row.Span, _place.Routing, deleted: operation.Kind == OperationKind.Delete, _body);
        _body.Raw((byte)'\n');
        return null;
    }

    private Answer? AddDelete(in Operation operation, int number, DocumentAddress address, long version, IReadOnlyList<FoundPlace>? found)
    {
        if (found is not null)
        {
            // Where it is not found there is nothing to delete; the operation is answered as applied, having no action.
            foreach (var place in found)
                AddDelete(place, number, version);
            return null;
        }

        if (_place.Fill(address, operation.Row.Span) is { } refused)
            return refused;
        AddDelete(_place, number, version);
        return null;
    }

    // Marks the documents of a row that is gone where they were found.
    private Answer? AddMarks(in Operation operation, int number, DocumentWriter writer, long version, IReadOnlyList<FoundPlace> found)
    {
        foreach (var place in found)
        {
            _before.Fill(place);
            BeginAction("{\"index\":{\"_index\":"u8, number, BulkActionKind.Index, _before);
            _body.Raw(",\"version\":"u8);
            _body.Number(version);
            _body.Raw(",\"version_type\":\"external\"}}\n"u8);
            writer.Write(operation.Row.Span, _before.Routing, deleted: true, _body);
            _body.Raw((byte)'\n');
        }

        return null;
    }

    // Deletes the document where it was, when it moves to another index or routing.
    private bool AddMoves(in Operation operation, int number, DocumentAddress address, long version, IReadOnlyList<FoundPlace>? found)
    {
        if (address.IsFixed)
            return false;
        if (found is not null)
        {
            var moved = false;
            foreach (var place in found.Where(place => !_place.Is(place)))
            {
                AddDelete(place, number, version);
                moved = true;
            }

            return moved;
        }

        // What the row before had no place for was never written.
        if (operation.Before.IsEmpty || _before.Fill(address, operation.Before.Span) is not null || _before.Equals(_place))
            return false;
        AddDelete(_before, number, version);
        return true;
    }

    private Answer? AddUpsert(in Operation operation, int number, DocumentAddress address, DocumentWriter writer)
    {
        if (_place.Fill(address, operation.Row.Span) is { } refused)
            return refused;
        var clears = operation is { Kind: OperationKind.Delete, Shape.Part.IsRoot: false };
        if (operation.Kind == OperationKind.Delete && options.SoftDelete is null && !clears)
        {
            BeginAction("{\"delete\":{\"_index\":"u8, number, BulkActionKind.PlainDelete);
            _body.Raw("}}\n"u8);
            return null;
        }

        BeginAction("{\"update\":{\"_index\":"u8, number, operation.Kind == OperationKind.Delete ? BulkActionKind.Mark : BulkActionKind.Update);
        _body.Raw(UpdateEnd);
        _body.Raw("{\"doc\":"u8);
        if (clears)
            writer.WriteCleared(_body);
        else if (operation.Kind == OperationKind.Delete)
            writer.WriteMark(_body);
        else
            writer.Write(operation.Row.Span, _place.Routing, deleted: false, _body);
        _body.Raw(operation.Kind == OperationKind.Index ? ",\"doc_as_upsert\":true}\n"u8 : "}\n"u8);
        return null;
    }

    // Parts of documents are partial writes whatever the setting: several tables write one document.
    private bool IsUpsert(Shape shape) => options.Write == WriteMode.Upsert || shape.IsPart;

    private void AddDelete(FoundPlace place, int number, long version)
    {
        _before.Fill(place);
        AddDelete(_before, number, version);
    }

    private void AddDelete(Place place, int number, long version)
    {
        BeginAction("{\"delete\":{\"_index\":"u8, number, BulkActionKind.Delete, place);
        _body.Raw(",\"version\":"u8);
        _body.Number(version);
        _body.Raw(",\"version_type\":\"external\"}}\n"u8);
    }

    private void BeginAction(ReadOnlySpan<byte> begin, int number, BulkActionKind kind) => BeginAction(begin, number, kind, _place);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void BeginAction(ReadOnlySpan<byte> begin, int number, BulkActionKind kind, Place place)
    {
        _actions.Add(new(number, kind));
        _body.Raw(begin);
        _body.Text(place.Index);
        _body.Raw(",\"_id\":"u8);
        _body.Text(place.Id);
        if (!place.HasRouting)
            return;
        _body.Raw(",\"routing\":"u8);
        _body.Text(place.Routing);
    }

    private (DocumentAddress Address, DocumentWriter Writer) Of(Shape shape)
    {
        if (!_shapes.TryGetValue(shape, out var entry))
            _shapes[shape] = entry = (new(shape, options), new(shape, options));
        return entry;
    }

    // Index, id and routing of one document.
    private sealed class Place
    {
        private readonly JsonBuffer _index = new(64);
        private readonly JsonBuffer _id = new(64);
        private readonly JsonBuffer _routing = new(64);

        public ReadOnlySpan<byte> Index => _index.Written;

        public ReadOnlySpan<byte> Id => _id.Written;

        public ReadOnlySpan<byte> Routing => _routing.Written;

        public bool HasRouting => _routing.Length > 0;

        public Answer? Fill(DocumentAddress address, ReadOnlySpan<byte> row)
        {
            _index.Cut();
            _id.Cut();
            _routing.Cut();
            var reader = new RowReader(address.Shape.Schema, row);
            if (!address.WriteId(ref reader, _id))
                return Answer.Refused("The document's id would be empty.", "action_request_validation_exception");
            if (!address.WriteIndex(ref reader, _index))
                return Answer.Refused($"'{Encoding.UTF8.GetString(_index.Written)}' cannot be the name of an index.", "invalid_index_name_exception");
            return address.WriteRouting(ref reader, _routing)
                ? null
                : Answer.Refused("The document is a child, and the column that names its parent is NULL.", "routing_missing_exception");
        }

        public void Fill(FoundPlace place)
        {
            _index.Cut();
            _id.Cut();
            _routing.Cut();
            _index.Raw(Encoding.UTF8.GetBytes(place.Index));
            _id.Raw(Encoding.UTF8.GetBytes(place.Id));
            if (place.Routing is not null)
                _routing.Raw(Encoding.UTF8.GetBytes(place.Routing));
        }

        public bool Is(FoundPlace place) =>
            Index.SequenceEqual(Encoding.UTF8.GetBytes(place.Index)) && Id.SequenceEqual(Encoding.UTF8.GetBytes(place.Id))
            && Routing.SequenceEqual(Encoding.UTF8.GetBytes(place.Routing ?? ""));

        public bool Equals(Place other) => Index.SequenceEqual(other.Index) && Id.SequenceEqual(other.Id) && Routing.SequenceEqual(other.Routing);
    }
}
