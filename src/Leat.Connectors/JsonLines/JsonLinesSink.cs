using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Changes.Formats;
using Microsoft.Extensions.Logging;

namespace Leat.Connectors.JsonLines;

/// <summary>One line for every operation, in the stream's order, one file a table: <c>&lt;folder&gt;/&lt;table&gt;.jsonl</c>.</summary>
/// <remarks>A line is on the disk before its operation counts as applied. A restart cuts the files back to the checkpoint, so that no line stands twice.</remarks>
public sealed class JsonLinesSink : ISink
{
    private readonly JsonLinesSinkOptions _options;
    private readonly ILogger _log;
    private ImmutableArray<string> _aliases = [];
    private JsonLinesFiles? _files;
    private JsonLineWriter? _expected; // for the shape that compare asked for last; keeps no state between rows

    /// <summary>A sink that has not touched its folder yet.</summary>
    public JsonLinesSink(JsonLinesSinkOptions options, ConnectorContext context)
    {
        _options = options;
        _log = context.Loggers.CreateLogger<JsonLinesSink>();
    }

    /// <summary><c>sink: { jsonlines: { folder: out } }</c></summary>
    public static SinkKind Kind { get; } = new("jsonlines", reader =>
    {
        var options = JsonLinesSinkOptions.Read(reader);
        return context => new JsonLinesSink(options, context);
    });

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<Finding>> CheckAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken)
    {
        var findings = new List<Finding>();
        findings.AddRange(shapes.Where(shape => !IsFileName(shape.Alias)).Select(shape => Finding.Error("file name", JsonLinesErrors.BadFileName(shape.Alias))));
        findings.AddRange(Parts(shapes).Select(problem => Finding.Error("documents", problem)));
        try
        {
            findings.Add(WritableFolder.Problem(_options.Folder) is { } problem
                ? Finding.Error("folder", JsonLinesErrors.CannotWrite(_options.Folder, problem, cause: null))
                : Finding.Ok("folder", Directory.Exists(_options.Folder) ? $"{_options.Folder} is there." : $"{_options.Folder} will be created."));
            foreach (var path in shapes.Where(shape => IsFileName(shape.Alias)).Select(shape => PathOf(shape.Alias)).Where(File.Exists))
            {
                using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
                if (JsonLinesTail.Find(file, long.MaxValue).IsForeign)
                    findings.Add(Finding.Error("file", JsonLinesErrors.NotOurs(path)));
            }
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            findings.Add(Finding.Error("folder", JsonLinesErrors.CannotWrite(_options.Folder, cause.Message, cause)));
        }

        return new(findings);
    }

    /// <inheritdoc/>
    public ValueTask<SinkTraits> PrepareAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken)
    {
        foreach (var shape in shapes.Where(shape => !IsFileName(shape.Alias)))
            throw JsonLinesErrors.BadFileName(shape.Alias);
        foreach (var problem in Parts(shapes))
            throw problem;

        CreateFolder();
        _aliases = [.. _aliases.Union(shapes.Select(shape => shape.Alias))];
        return new(new SinkTraits { MaxLanes = 1, MaxBatchOperations = 5_000, MaxBatchBytes = 4 * 1024 * 1024 });
    }

    /// <inheritdoc/>
    public ValueTask<ISinkLane> OpenLaneAsync(LaneIdentity identity, CancellationToken cancellationToken)
    {
        // Opened again by the same process: the files' lengths are known better than any checkpoint tells them.
        _files ??= new([]);
        _files.DropBatch();
        _files.Add(OpenFiles([.. _aliases.Where(alias => !_files.Has(alias))], identity.Checkpoint));
        return new(new JsonLinesLane(_files));
    }

    /// <inheritdoc/>
    public TargetRow Expect(Shape shape, ReadOnlySpan<byte> row)
    {
        var writer = Volatile.Read(ref _expected);
        if (writer is null || !ReferenceEquals(writer.Shape, shape))
            Volatile.Write(ref _expected, writer = new(shape));
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes, ChangeJson.Options))
        {
            json.WriteStartObject();
            writer.WriteParts(row, withRow: true, json);
            json.WriteEndObject();
        }

        using var line = JsonDocument.Parse(bytes.WrittenMemory);
        return RowOf(line.RootElement);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<TargetRow> ReadAsync(Shape shape, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var rows = new Dictionary<string, TargetRow>();
        if (File.Exists(PathOf(shape.Alias)))
        {
            await using var file = new FileStream(PathOf(shape.Alias), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var lines = new StreamReader(file);
            var text = await lines.ReadLineAsync(cancellationToken);
            while (text is not null)
            {
                var next = await lines.ReadLineAsync(cancellationToken);
                Fold(text, isLast: next is null, rows);
                text = next;
            }
        }

        foreach (var row in rows.Values)
            yield return row;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _files?.Dispose();
        _files = null;
        return ValueTask.CompletedTask;
    }

    private static void Fold(string text, bool isLast, Dictionary<string, TargetRow> rows)
    {
        try
        {
            using var line = JsonDocument.Parse(text);
            if (line.RootElement.GetProperty("op").ValueEquals("delete"u8))
                rows.Remove(KeyOf(line.RootElement));
            else
                rows[KeyOf(line.RootElement)] = RowOf(line.RootElement);
        }
        catch (JsonException) when (isLast)
        {
            // Half a line that is just being written: not there yet.
        }
    }

    private static TargetRow RowOf(JsonElement line) => new(
        KeyOf(line), [.. line.GetProperty("row").EnumerateObject().Select(member => KeyValuePair.Create(member.Name, TextOf(member.Value)))]);

    private static string KeyOf(JsonElement line) => string.Join(
        ',', line.GetProperty("key").EnumerateObject().Select(part =>
            (TextOf(part.Value) ?? "\\N").Replace("\\", "\\\\", StringComparison.Ordinal).Replace(",", "\\,", StringComparison.Ordinal)));

    private static string? TextOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.String => value.GetString(),
        _ => value.GetRawText(),
    };

    private static IEnumerable<PauseException> Parts(IReadOnlyList<Shape> shapes) =>
        shapes.Where(shape => shape.IsPart).DistinctBy(shape => shape.Alias).Select(shape => JsonLinesErrors.NoParts(shape.Alias, shape.Part!.Table)); // not null: a part

    private static bool IsFileName(string alias) =>
        alias.Length > 0 && alias[0] != '.' && alias.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.');

    private string PathOf(string alias) => Path.Combine(_options.Folder, alias + ".jsonl");

    private void CreateFolder()
    {
        try
        {
            Directory.CreateDirectory(_options.Folder);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw JsonLinesErrors.CannotWrite(_options.Folder, cause.Message, cause);
        }
    }

    private Dictionary<string, JsonLinesFile> OpenFiles(IReadOnlyList<string> aliases, long checkpoint)
    {
        var files = new Dictionary<string, JsonLinesFile>();
        try
        {
            foreach (var alias in aliases)
            {
                files[alias] = JsonLinesFile.Open(PathOf(alias), checkpoint, out var lengthBytes, out var keptBytes);
                if (keptBytes == 0 && lengthBytes > 0)
                    _log.Emptied(PathOf(alias), lengthBytes, checkpoint);
                else if (keptBytes < lengthBytes)
                    _log.CutBack(PathOf(alias), lengthBytes - keptBytes, keptBytes, checkpoint);
            }

            FileSync.Folder(_options.Folder);
            return files;
        }
        catch (Exception cause)
        {
            foreach (var file in files.Values)
                file.Dispose();
            if (cause is IOException)
                throw JsonLinesErrors.CannotWrite(_options.Folder, cause.Message, cause);
            throw;
        }
    }
}
