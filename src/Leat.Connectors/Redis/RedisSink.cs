using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Leat.Changes;
using Leat.Connectors.Redis.Read;
using Leat.Connectors.Redis.Wire;
using Microsoft.Extensions.Logging;

namespace Leat.Connectors.Redis;

/// <summary>Each row as a hash, string, document, member or entry under a key made from its columns; removed with the row.</summary>
public sealed class RedisSink(RedisSinkOptions options, ConnectorContext context) : ISink
{
    // What compare asked for last: taken while it is used, so that two who ask at once do not share it.
    private RowView? _view;

    // Kept for markers, which are written often.
    private RedisNodes? _markers;

    /// <summary><c>sink: { redis: { address: "127.0.0.1:6379", key: "order:{id}" } }</c></summary>
    public static SinkKind Kind { get; } = new("redis", reader =>
    {
        var options = RedisSinkOptions.Read(reader);
        return context => new RedisSink(options, context);
    });

    /// <inheritdoc/>
    public bool KeepsMarker => true;

    /// <inheritdoc/>
    public IReadOnlyList<Finding> Warnings => options is { Tls: true, TlsInsecure: true } ? [RedisErrors.Insecure(options.Address)] : [];

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<Finding>> CheckAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken)
    {
        var findings = new RedisTableCheck(options).Problems(shapes).Select(error => Finding.Error("key template", error) with { Location = options.KeyLocation }).ToList();
        findings.AddRange(Warnings);
        try
        {
            await using var connection = await RedisConnection.OpenPrimaryAsync(options, context.Time, cancellationToken);
            var info = new RedisInfo((await connection.NeedAsync(cancellationToken, "INFO"u8.ToArray())).Text);
            findings.Add(Finding.Ok("reach", $"Redis {info.Version} answers at {connection.Address}."));
            if (info.IsCluster && SettingForOneServer is { } setting)
                findings.Add(Finding.Error("mode", RedisErrors.IsCluster(connection.Address, setting)));
            if (info.TooOld(connection.Address, RulesOf(shapes)) is { } tooOld)
                findings.Add(Finding.Error("version", tooOld));
            if (info.Eviction(connection.Address, RulesOf(shapes)) is { } eviction)
                findings.Add(eviction);
            if (await MissingJsonAsync(connection, shapes, cancellationToken) is { } missing)
                findings.Add(Finding.Error("json", missing));
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
        foreach (var problem in new RedisTableCheck(options).Problems(shapes))
            throw problem;
        await using var nodes = await RedisNodes.OpenAsync(options, context.Time, name: null, cancellationToken);
        if (nodes.IsCluster && SettingForOneServer is { } setting)
            throw RedisErrors.IsCluster(nodes.All[0].Connection.Address, setting);
        if (await MissingJsonAsync(nodes.All[0].Connection, shapes, cancellationToken) is { } missing)
            throw missing;
        await LookAsync(nodes.All[0].Connection, shapes, cancellationToken);
        return new()
        {
            MaxBatchOperations = options.MaxOperations,
            MaxBatchBytes = options.MaxBytes,
            SerialAliases = [.. shapes.Where(IsSerial).Select(shape => shape.Alias)],
            WantsBefore = shapes.Any(shape => TableOf(shape).NeedsBefore),
            TakesPartialRows = shapes.Count > 0 && shapes.All(shape => shape.IsPart || options.RuleOf(shape.Alias).Merge),
        };
    }

    /// <inheritdoc/>
    public async ValueTask<ISinkLane> OpenLaneAsync(LaneIdentity identity, CancellationToken cancellationToken)
    {
        // Letters only that a connection's name may have.
        var pipeline = Convert.ToHexString(Encoding.UTF8.GetBytes(identity.Pipeline));
        var name = string.Create(CultureInfo.InvariantCulture, $"leat-{identity.LogId:N}-{pipeline}-{identity.Lane}");
        if (!options.ExactlyOnce)
            return new RedisLane(await RedisNodes.OpenAsync(options, context.Time, name, cancellationToken), options, identity, TableOf);

        var connection = await RedisConnection.OpenPrimaryAsync(options, context.Time, cancellationToken);
        try
        {
            await connection.TakeNameAsync(name, cancellationToken);
            return await RedisPositionLane.OpenAsync(connection, options, identity, TableOf, cancellationToken);
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
        var view = Interlocked.Exchange(ref _view, null);
        if (view is null || !ReferenceEquals(view.Table.Shape, shape))
            view = new(TableOf(shape), options.Guard);
        var expected = view.Expect(row);
        Volatile.Write(ref _view, view);
        return expected;
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<TargetRow> ReadAsync(Shape shape, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var nodes = await RedisNodes.OpenAsync(options, context.Time, name: null, cancellationToken);
        await foreach (var row in new RedisReader(nodes, new(TableOf(shape), options.Guard), options.Guard).AllAsync(cancellationToken))
            yield return row;
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<TargetRow?>> FindAsync(Shape shape, IReadOnlyList<ReadOnlyMemory<byte>> rows, CancellationToken cancellationToken)
    {
        var table = TableOf(shape);
        if (table.Rule.IsLog)
            return await FindInAllAsync(shape, rows, cancellationToken);
        await using var nodes = await RedisNodes.OpenAsync(options, context.Time, name: null, cancellationToken);
        return await new RedisReader(nodes, new(table, options.Guard), options.Guard).FindAsync(rows, cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<TargetMarker?> ReadMarkerAsync(string pipeline, CancellationToken cancellationToken) =>
        WithMarkersAsync(nodes => RedisMarker.ReadAsync(nodes, pipeline, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public async ValueTask WriteMarkerAsync(string pipeline, TargetMarker marker, CancellationToken cancellationToken) => await WithMarkersAsync(
        async nodes =>
        {
            await RedisMarker.WriteAsync(nodes, pipeline, marker, cancellationToken);
            return marker;
        },
        cancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Interlocked.Exchange(ref _markers, null)?.DisposeAsync() ?? ValueTask.CompletedTask;

    private string? SettingForOneServer => options.ExactlyOnce ? "exactly_once" : options.Database > 0 ? "database" : null;

    // The connection is taken while it is used; one that failed is not used again.
    private async ValueTask<T> WithMarkersAsync<T>(Func<RedisNodes, ValueTask<T>> act, CancellationToken cancellationToken)
    {
        var kept = Interlocked.Exchange(ref _markers, null);
        if (kept is not null)
        {
            try
            {
                var result = await act(kept);
                await KeepAsync(kept);
                return result;
            }
            catch (RetriableException)
            {
                await kept.DisposeAsync(); // it may have been closed since it was used last: once more on a new one
            }
            catch
            {
                await kept.DisposeAsync();
                throw;
            }
        }

        var nodes = await RedisNodes.OpenAsync(options, context.Time, name: null, cancellationToken);
        try
        {
            var result = await act(nodes);
            await KeepAsync(nodes);
            return result;
        }
        catch
        {
            await nodes.DisposeAsync();
            throw;
        }
    }

    private ValueTask KeepAsync(RedisNodes nodes) => Interlocked.Exchange(ref _markers, nodes)?.DisposeAsync() ?? ValueTask.CompletedTask;

    // The entries of a stream have to be read from its start: once for all rows that are asked for.
    private async ValueTask<IReadOnlyList<TargetRow?>> FindInAllAsync(Shape shape, IReadOnlyList<ReadOnlyMemory<byte>> rows, CancellationToken cancellationToken)
    {
        var wanted = rows.Select(row => Expect(shape, row.Span).Key).ToList();
        var found = wanted.Distinct().ToDictionary(key => key, _ => (TargetRow?)null);
        await foreach (var row in ReadAsync(shape, cancellationToken))
        {
            if (found.ContainsKey(row.Key))
                found[row.Key] = row;
        }

        return [.. wanted.Select(key => found[key])];
    }

    // What is no reason to stop is told. Who may not ask for it is not kept from writing.
    private async ValueTask LookAsync(RedisConnection connection, IReadOnlyList<Shape> shapes, CancellationToken cancellationToken)
    {
        foreach (var warning in Warnings)
            Warn(warning);
        var told = await connection.AskAsync(cancellationToken, "INFO"u8.ToArray());
        if (told.Kind == RespKind.Error)
            return;
        var info = new RedisInfo(told.Text);
        if (info.TooOld(connection.Address, RulesOf(shapes)) is { } tooOld)
            throw tooOld;
        if (info.Eviction(connection.Address, RulesOf(shapes)) is { } eviction)
            Warn(eviction);
    }

    private void Warn(Finding finding) => context.Loggers.CreateLogger<RedisSink>().Warned(finding.Message, finding.Remedy ?? "");

    private IEnumerable<RedisRule> RulesOf(IReadOnlyList<Shape> shapes) => shapes.Select(shape => options.RuleOf(shape.Alias));

    private async ValueTask<PauseException?> MissingJsonAsync(RedisConnection connection, IReadOnlyList<Shape> shapes, CancellationToken cancellationToken)
    {
        var rules = shapes.Select(shape => options.RuleOf(shape.Alias)).Where(rule => rule.Structure == RedisStructure.Json).ToList();
        if (rules.Count == 0)
            return null;
        var command = rules.Any(rule => rule.Merge) ? "JSON.MERGE" : "JSON.SET";
        var known = await connection.NeedAsync(cancellationToken, "COMMAND"u8.ToArray(), "INFO"u8.ToArray(), Encoding.ASCII.GetBytes(command));
        return known.Items is [{ Kind: RespKind.Array, Items.Count: > 0 }] ? null : RedisErrors.NoJson(connection.Address, command);
    }

    // Where several rows meet under one key, their order counts.
    private bool IsSerial(Shape shape)
    {
        var table = TableOf(shape);
        return table.Rule.ManyToOne || (table.Rule.IsLog && !table.HoldsOneRow);
    }

    // Made anew for each user: it has buffers of its own, and lanes run side by side.
    private RedisTable TableOf(Shape shape) => RedisTable.Create(shape, options);
}
