using System.Runtime.CompilerServices;
using Leat.Changes;
using Microsoft.Extensions.Logging;

namespace Leat.Connectors.Elasticsearch;

/// <summary>Each row as a document of Elasticsearch or OpenSearch, written through <c>_bulk</c> with a version that only grows.</summary>
public sealed class ElasticsearchSink : ISink
{
    /// <summary>More requests at a time make a cluster slower, not faster.</summary>
    private const int MostLanes = 32;

    private readonly ElasticsearchSinkOptions _options;
    private readonly ConnectorContext _context;
    private readonly ILogger _log;
    private readonly AnswerJudge _judge;
    private ElasticsearchSinkOptions _limited; // as the server bounds them
    private ElasticsearchClient? _client;
    private DocumentReader? _expected; // of the shape that was asked for last: taken while it is used

    /// <summary>A sink that has not connected yet.</summary>
    public ElasticsearchSink(ElasticsearchSinkOptions options, ConnectorContext context)
    {
        _options = options;
        _limited = options;
        _context = context;
        _log = context.Loggers.CreateLogger<ElasticsearchSink>();
        _judge = new(options.Address, context.Time, _log);
    }

    /// <summary><c>sink: { elasticsearch: { url: "http://127.0.0.1:9200", index: orders } }</c></summary>
    public static SinkKind Kind { get; } = new("elasticsearch", reader =>
    {
        var options = ElasticsearchSinkOptions.Read(reader);
        return context => new ElasticsearchSink(options, context);
    });

    /// <inheritdoc/>
    public bool KeepsMarker => true;

    /// <inheritdoc/>
    public IReadOnlyList<Finding> Warnings => _options.Security.Insecure ? [ElasticsearchErrors.Insecure(_options.Address)] : [];

    private ElasticsearchClient Client => _client ??= new(_options, _context.Time, _log);

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<Finding>> CheckAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken)
    {
        var (addresses, problems) = Addresses(shapes);
        var findings = problems.Select(problem => Finding.Error("addresses", problem) with { Location = _options.Location }).ToList();
        findings.AddRange(Warnings);
        try
        {
            var product = await ProductAsync(cancellationToken);
            findings.Add(Finding.Ok("reach", $"{product.Name} answers at {_options.Address}."));
            await CheckPipelineAsync(cancellationToken);
            await CheckIndexesAsync(addresses, cancellationToken);
            foreach (var template in IndexTemplate.For(addresses, _options, product))
            {
                findings.Add(Finding.Ok("template", _options.ApplyTemplates
                    ? $"The index template {template.Name} will be put in place for {template.Alias}: PUT {template.Path} {template.Json}"
                    : $"An index template that fits {template.Alias}, not put in place (`template: show`): PUT {template.Path} {template.Json}"));
            }
        }
        catch (LeatException error)
        {
            findings.Add(Finding.Error("reach", error));
        }

        return findings;
    }

    /// <inheritdoc/>
    public async ValueTask<SinkTraits> PrepareAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken)
    {
        var (addresses, problems) = Addresses(shapes);
        if (problems.Count > 0)
            throw problems[0];
        var product = await ProductAsync(cancellationToken);
        _log.Found(product.Name, _options.Address);
        if (_options.Security.Insecure)
            _log.Insecure(_options.Address);
        await CheckPipelineAsync(cancellationToken);
        await CheckIndexesAsync(addresses, cancellationToken);
        foreach (var template in IndexTemplate.For(addresses, _options, product))
            await HandleTemplateAsync(template, cancellationToken);
        _limited = _options with { MaxBytes = Math.Min(_options.MaxBytes, await MostBodyBytesAsync(cancellationToken)) };
        return new()
        {
            MaxLanes = MostLanes,
            MaxBatchOperations = _limited.MaxOperations,
            MaxBatchBytes = _limited.MaxBytes / 4, // names, punctuation and escapes make a multiple of a row; the lane counts the body itself
            WantsBefore = addresses.Exists(address => !address.IsFixed),
            TakesPartialRows = _options.Write == WriteMode.Upsert || (shapes.Count > 0 && shapes.All(shape => shape.IsPart)),
        };
    }

    /// <inheritdoc/>
    public ValueTask<ISinkLane> OpenLaneAsync(LaneIdentity identity, CancellationToken cancellationToken) =>
        new(new ElasticsearchLane(_limited, Client, new(Client), _judge, identity));

    /// <inheritdoc/>
    public TargetRow Expect(Shape shape, ReadOnlySpan<byte> row)
    {
        var reader = Interlocked.Exchange(ref _expected, null);
        if (reader is null || !ReferenceEquals(reader.Address.Shape, shape))
            reader = NewReader(shape);
        var expected = reader.Expect(row);
        Volatile.Write(ref _expected, reader);
        return expected;
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<TargetRow> ReadAsync(Shape shape, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var row in new ElasticsearchSearch(Client).ReadAsync(NewReader(shape), cancellationToken))
            yield return row;
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<TargetRow?>> FindAsync(Shape shape, IReadOnlyList<ReadOnlyMemory<byte>> rows, CancellationToken cancellationToken) =>
        new ElasticsearchSearch(Client).FindAsync(NewReader(shape), rows, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<TargetMarker?> ReadMarkerAsync(string pipeline, CancellationToken cancellationToken) =>
        new ElasticsearchMarkers(Client).ReadAsync(pipeline, cancellationToken);

    /// <inheritdoc/>
    public ValueTask WriteMarkerAsync(string pipeline, TargetMarker marker, CancellationToken cancellationToken) =>
        new ElasticsearchMarkers(Client).WriteAsync(pipeline, marker, cancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _client?.Dispose();
        return ValueTask.CompletedTask;
    }

    private DocumentReader NewReader(Shape shape) => new(new(shape, _options), _options);

    private async ValueTask<ElasticsearchProduct> ProductAsync(CancellationToken cancellationToken)
    {
        var answer = new AnswerBuffer();
        var head = await Client.SendAsync(HttpMethod.Get, "/", default, ElasticsearchClient.Json, answer, cancellationToken);
        if (!head.IsSuccess)
            throw ElasticsearchErrors.ForRequest(head, answer.Written) ?? ElasticsearchErrors.RequestRefused(head.Node, Wire.ErrorText.Of(head.Status, answer.Written).Reason);
        var product = ElasticsearchProduct.Read(answer.Memory) ?? throw ElasticsearchErrors.NotElasticsearch(head.Node, Wire.ErrorText.Shown(head.Status, answer.Written));
        return product.IsSupported ? product : throw ElasticsearchErrors.TooOld(head.Node, product.Name);
    }

    // Nine tenths of what the smallest node takes; where that cannot be read, no bound beside the setting's.
    private async ValueTask<int> MostBodyBytesAsync(CancellationToken cancellationToken)
    {
        var answer = new AnswerBuffer();
        var head = await Client.SendAsync(
            HttpMethod.Get, "/_nodes/http?filter_path=nodes.*.http.max_content_length_in_bytes", default, ElasticsearchClient.Json, answer, cancellationToken);
        return head.IsSuccess && NodeLimits.Smallest(answer.Memory) is { } bytes ? (int)Math.Clamp(bytes / 10 * 9, 1, int.MaxValue) : int.MaxValue;
    }

    private async ValueTask CheckPipelineAsync(CancellationToken cancellationToken)
    {
        if (_options.Pipeline is not { } pipeline)
            return;
        var answer = new AnswerBuffer();
        var head = await Client.SendAsync(HttpMethod.Get, "/_ingest/pipeline/" + Uri.EscapeDataString(pipeline), default, ElasticsearchClient.Json, answer, cancellationToken);
        if (head.Status == 404)
            throw ElasticsearchErrors.NoPipeline(head.Node, pipeline);

        // Who may write need not be allowed to read pipelines: then the first document shows whether it is there.
        if (head.Status is >= 500 or 401)
            throw ElasticsearchErrors.ForRequest(head, answer.Written)!; // not null: neither 400 nor 413
    }

    // Of an index that is not there, is named by columns, or may not be looked at, the first write tells.
    private async ValueTask CheckIndexesAsync(IReadOnlyList<DocumentAddress> addresses, CancellationToken cancellationToken)
    {
        foreach (var address in addresses.Where(address => address.HasOneIndex).DistinctBy(address => address.IndexPattern))
        {
            var answer = new AnswerBuffer();
            var head = await Client.SendAsync(HttpMethod.Get, "/_resolve/index/" + Uri.EscapeDataString(address.IndexPattern), default, ElasticsearchClient.Json, answer, cancellationToken);
            if (head.IsSuccess && ResolvedName.IsDataStream(answer.Memory))
                throw ElasticsearchErrors.DataStream(head.Node, address.Shape.Alias, address.IndexPattern);
        }
    }

    private async ValueTask HandleTemplateAsync(IndexTemplate template, CancellationToken cancellationToken)
    {
        if (!_options.ApplyTemplates)
        {
            _log.TemplateShown(template.Alias, template.Name, template.Json);
            return;
        }

        var answer = new AnswerBuffer();
        var head = await Client.SendAsync(HttpMethod.Put, template.Path, System.Text.Encoding.UTF8.GetBytes(template.Json), ElasticsearchClient.Json, answer, cancellationToken);
        if (head.Status is 400 or 403)
            throw ElasticsearchErrors.TemplateRefused(head.Node, template.Name, Wire.ErrorText.Of(head.Status, answer.Written).Reason);
        if (!head.IsSuccess)
            throw ElasticsearchErrors.ForRequest(head, answer.Written) ?? ElasticsearchErrors.RequestRefused(head.Node, Wire.ErrorText.Of(head.Status, answer.Written).Reason);
        _log.TemplateApplied(template.Name, template.Alias);
    }

    private (List<DocumentAddress> Addresses, List<PauseException> Problems) Addresses(IReadOnlyList<Shape> shapes)
    {
        var (addresses, problems) = (new List<DocumentAddress>(), new List<PauseException>());
        foreach (var shape in shapes)
        {
            try
            {
                var address = new DocumentAddress(shape, _options);
                problems.AddRange(FieldProblems(shape));
                if ((_options.Write == WriteMode.Upsert || shape.IsPart) && !address.IsFixed)
                    problems.Add(ElasticsearchErrors.MovingUpsert(shape.Alias));
                if (shape.IsPart && (_options.Pipeline is not null || _options.Join is not null))
                    problems.Add(ElasticsearchErrors.NoParts(shape.Alias, _options.Pipeline is not null ? "pipeline" : "join"));
                addresses.Add(address);
            }
            catch (PauseException problem)
            {
                problems.Add(problem);
            }
        }

        for (var i = 0; i < addresses.Count; i++)
        {
            problems.AddRange(addresses.Skip(i + 1).Where(other => Collide(addresses[i], other))
                .Select(other => ElasticsearchErrors.SharedIndex(addresses[i].Shape.Alias, other.Shape.Alias, other.IndexPattern)));
        }

        return (addresses, problems);
    }

    // Source: Elasticsearch's manual, "Metadata fields": "is a metadata field and cannot be added inside a document".
    private static readonly string[] FieldsOfServer = ["_id", "_index", "_source", "_routing", "_field_names", "_ignored", "_nested_path", "_seq_no", "_version"];

    private IEnumerable<PauseException> FieldProblems(Shape shape)
    {
        foreach (var name in shape.Columns.Select(column => column.Name))
        {
            if (name == _options.SoftDelete?.Field)
                yield return ElasticsearchErrors.FieldTaken(shape.Alias, "soft_delete", name);
            if (name == _options.Join?.Field)
                yield return ElasticsearchErrors.FieldTaken(shape.Alias, "join", name);
            if (FieldsOfServer.Contains(name))
                yield return ElasticsearchErrors.FieldOfServer(shape.Alias, name);
        }
    }

    // Shapes of one table are of one kind; of two tables, either the indexes differ or what the ids begin with.
    private static bool Collide(DocumentAddress one, DocumentAddress other)
    {
        if (one.Shape.Alias == other.Shape.Alias)
            return false;
        var (first, second) = (Front(one), Front(other));
        var share = one.HasOneIndex && other.HasOneIndex ? first == second
            : one.HasOneIndex ? first.StartsWith(second, StringComparison.Ordinal)
            : other.HasOneIndex ? second.StartsWith(first, StringComparison.Ordinal)
            : first.StartsWith(second, StringComparison.Ordinal) || second.StartsWith(first, StringComparison.Ordinal);
        return share
            && (one.IdPrefix.StartsWith(other.IdPrefix, StringComparison.Ordinal) || other.IdPrefix.StartsWith(one.IdPrefix, StringComparison.Ordinal));
    }

    private static string Front(DocumentAddress address) => address.IndexPattern.Split('*')[0];
}
