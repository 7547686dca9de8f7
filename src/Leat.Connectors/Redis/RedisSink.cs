using System.Buffers;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Connectors.Redis.Wire;

namespace Leat.Connectors.Redis;

/// <summary>Each row as a Redis hash under a key made from its primary key; replaced as a whole, removed with the row.</summary>
public sealed class RedisSink(RedisSinkOptions options, ConnectorContext context) : ISink
{
    private const int KeysPerRead = 500;

    // What compare asked for last: taken while it is used, so that two who ask at once do not share it.
    private Expected? _expected;

    /// <summary><c>sink: { redis: { address: "127.0.0.1:6379", key: "order:{id}" } }</c></summary>
    public static SinkKind Kind { get; } = new("redis", reader =>
    {
        var options = RedisSinkOptions.Read(reader);
        return context => new RedisSink(options, context);
    });

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<Finding>> CheckAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken)
    {
        var findings = KeyProblems(shapes).Select(error => Finding.Error("key template", error) with { Location = options.KeyLocation }).ToList();
        try
        {
            await using var connection = await RedisConnection.OpenAsync(options, context.Time, cancellationToken);
            var commands = new RespWriter();
            commands.WriteCommand("INFO"u8.ToArray());
            var info = (await connection.AskAsync(commands, 1, cancellationToken))[0];
            if (info.Kind == RespKind.Error)
                throw RedisErrors.Classify(options.Address, info.Text) ?? RedisErrors.NotPermitted(options.Address, info.Text);

            findings.Add(Finding.Ok("reach", $"Redis {ValueOf(info.Text, "redis_version")} answers at {options.Address}."));
            if (ValueOf(info.Text, "redis_mode") == "cluster")
                findings.Add(Finding.Error("mode", RedisErrors.IsCluster(options.Address, "redis_mode:cluster")));
            if (ValueOf(info.Text, "maxmemory") is not ("" or "0") && ValueOf(info.Text, "maxmemory_policy") is not ("" or "noeviction") and var policy)
                findings.Add(RedisErrors.Evicts(options.Address, policy));
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
        foreach (var problem in KeyProblems(shapes))
            throw problem;
        await using var connection = await RedisConnection.OpenAsync(options, context.Time, cancellationToken);
        return new() { MaxBatchOperations = 2_000, MaxBatchBytes = 1024 * 1024 };
    }

    /// <inheritdoc/>
    public async ValueTask<ISinkLane> OpenLaneAsync(LaneIdentity identity, CancellationToken cancellationToken)
    {
        var connection = await RedisConnection.OpenAsync(options, context.Time, cancellationToken);
        try
        {
            // Letters only that a connection's name may have.
            var pipeline = Convert.ToHexString(Encoding.UTF8.GetBytes(identity.Pipeline));
            await connection.TakeNameAsync(string.Create(CultureInfo.InvariantCulture, $"leat-{identity.LogId:N}-{pipeline}-{identity.Lane}"), cancellationToken);
            return new RedisLane(connection, options, KeysOf);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public TargetRow Expect(Shape shape, ReadOnlySpan<byte> row)
    {
        var expected = Interlocked.Exchange(ref _expected, null);
        if (expected is null || !ReferenceEquals(expected.Shape, shape))
            expected = new(shape, KeysOf(shape), new());
        var key = expected.Key;
        key.ResetWrittenCount();
        var reader = new RowReader(shape.Schema, row);
        expected.Keys.Write(ref reader, key);
        var fields = new KeyValuePair<string, string?>[shape.Columns.Length];
        for (var i = 0; i < fields.Length; i++)
        {
            reader.Seek(shape.Columns[i].Ordinal);
            fields[i] = new(shape.Columns[i].Name, ValueText.Of(ref reader));
        }

        var text = KeyText(key.WrittenSpan);
        Volatile.Write(ref _expected, expected);
        return new(text, ImmutableCollectionsMarshal.AsImmutableArray(fields));
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<TargetRow> ReadAsync(Shape shape, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var connection = await RedisConnection.OpenAsync(options, context.Time, cancellationToken);
        var pattern = Encoding.UTF8.GetBytes(EscapeGlob(KeysOf(shape).Prefix) + "*");
        var seen = new HashSet<string>();
        var commands = new RespWriter();
        var cursor = "0"u8.ToArray();
        do
        {
            commands.Clear();
            commands.WriteCommand(
                "SCAN"u8.ToArray(), cursor, "MATCH"u8.ToArray(), pattern, "COUNT"u8.ToArray(),
                Encoding.ASCII.GetBytes(KeysPerRead.ToString(CultureInfo.InvariantCulture)));
            var scanned = Whole((await connection.AskAsync(commands, 1, cancellationToken))[0]);
            cursor = scanned.Items[0].Bytes;

            // A scan may tell a key more than once.
            var keys = scanned.Items[1].Items.Where(key => seen.Add(KeyText(key.Bytes))).ToList();
            commands.Clear();
            foreach (var key in keys)
                commands.WriteCommand("HGETALL"u8.ToArray(), key.Bytes);
            var hashes = await connection.AskAsync(commands, keys.Count, cancellationToken);
            for (var i = 0; i < keys.Count; i++)
            {
                if (RowOf(shape, KeyText(keys[i].Bytes), hashes[i]) is { } row)
                    yield return row;
            }
        }
        while (!cursor.AsSpan().SequenceEqual("0"u8));
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>Glob letters of SCAN taken literally.</summary>
    internal static string EscapeGlob(string text) =>
        string.Concat(text.Select(letter => letter is '*' or '?' or '[' or ']' or '\\' or '^' ? $"\\{letter}" : letter.ToString()));

    private static string KeyText(ReadOnlySpan<byte> key) => Utf8.IsValid(key) ? Encoding.UTF8.GetString(key) : "0x" + Convert.ToHexString(key);

    private static string ValueOf(string info, string name)
    {
        foreach (var line in info.Split("\r\n"))
        {
            if (line.StartsWith(name + ":", StringComparison.Ordinal))
                return line[(name.Length + 1)..];
        }

        return "";
    }

    // Null when the key went away since the scan. What is there and should not be stands at the end, so that a comparison shows it.
    private static TargetRow? RowOf(Shape shape, string key, RespReply hash)
    {
        if (hash.Kind == RespKind.Error)
            return new(key, [new("(no hash)", hash.Text)]);
        if (hash.Items.Count == 0)
            return null;

        var values = new Dictionary<string, byte[]>();
        for (var i = 0; i + 1 < hash.Items.Count; i += 2)
            values[hash.Items[i].Text] = hash.Items[i + 1].Bytes;
        var fields = new List<KeyValuePair<string, string?>>();
        foreach (var column in shape.Columns)
        {
            values.Remove(column.Name, out var value);
            var isBinary = shape.Schema.Columns[column.Ordinal].Kind == ColumnKind.Binary;
            fields.Add(new(column.Name, value is null ? null : isBinary ? Convert.ToBase64String(value) : Encoding.UTF8.GetString(value)));
        }

        fields.AddRange(values.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => new KeyValuePair<string, string?>(pair.Key, Encoding.UTF8.GetString(pair.Value))));
        return new(key, [.. fields]);
    }

    private RespReply Whole(RespReply reply) => reply.Kind == RespKind.Error
        ? throw RedisErrors.Classify(options.Address, reply.Text) ?? RedisErrors.NotPermitted(options.Address, reply.Text)
        : reply;

    private List<PauseException> KeyProblems(IReadOnlyList<Shape> shapes)
    {
        var problems = new List<PauseException>();
        var prefixes = new List<(string Alias, string Prefix)>();
        foreach (var shape in shapes)
        {
            try
            {
                prefixes.Add((shape.Alias, KeysOf(shape).Prefix));
            }
            catch (PauseException problem)
            {
                problems.Add(problem);
            }
        }

        for (var i = 0; i < prefixes.Count; i++)
        {
            foreach (var other in prefixes.Skip(i + 1))
            {
                var (shorter, longer) = prefixes[i].Prefix.Length <= other.Prefix.Length ? (prefixes[i], other) : (other, prefixes[i]);
                if (longer.Prefix.StartsWith(shorter.Prefix, StringComparison.Ordinal) && longer.Alias != shorter.Alias)
                    problems.Add(RedisErrors.SharedPrefix(shorter.Alias, longer.Alias, shorter.Prefix));
            }
        }

        return problems;
    }

    // Made anew for each user: it has a buffer of its own, and lanes run side by side.
    private RedisKeys KeysOf(Shape shape) =>
        options.Keys.TryGetValue(shape.Alias, out var template) || options.Keys.TryGetValue("", out template)
            ? RedisKeys.Create(shape, template)
            : throw RedisErrors.NoTemplate(shape.Alias);

    private sealed record Expected(Shape Shape, RedisKeys Keys, ArrayBufferWriter<byte> Key);
}
