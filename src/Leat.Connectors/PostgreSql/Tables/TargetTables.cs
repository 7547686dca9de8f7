using System.Collections.Concurrent;
using System.Collections.Immutable;
using Leat.Changes;
using Leat.Connectors.PostgreSql.Apply;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Leat.Connectors.PostgreSql.Tables;

/// <summary>The tables of one pipeline at its target: made to fit each shape at its first sight, and known from then on. Used by all lanes.</summary>
internal sealed class TargetTables(string owner, string pipeline, PostgreSqlSinkOptions options, PostgreSqlServer server, ILogger log) : IDisposable
{
    private readonly ConcurrentDictionary<Shape, ShapeTarget> _targets = new(ReferenceEqualityComparer.Instance);
    private readonly SemaphoreSlim _turn = new(1, 1);
    private ImmutableArray<ShapeTarget> _prepared = [];

    /// <summary>How tables are created.</summary>
    public TargetDdl Ddl { get; } = new(options.UsesJsonb, options.ZeroDatesAreNull);

    /// <summary>Where a shape's rows go.</summary>
    public TableName TableOf(Shape shape) => new(options.Namespace, shape.Alias);

    /// <summary>Makes the tables of a pipeline fit, and gives them in the order of the shapes.</summary>
    /// <exception cref="PauseException">One cannot.</exception>
    public async ValueTask<ImmutableArray<ShapeTarget>> PrepareAsync(NpgsqlConnection connection, IReadOnlyList<Shape> shapes, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            _targets.Clear();
            var found = new List<(Shape Shape, TargetTable Table)>();
            foreach (var whole in DocumentPart.Combine(shapes))
            {
                var table = await FitAsync(connection, whole, -1, cancellationToken);
                found.AddRange(shapes.Where(shape => shape.Alias == whole.Alias && (whole.IsPart || shape == whole)).Select(shape => (shape, table)));
            }

            var ranks = Ranks([.. found.Select(item => item.Table)]);
            _prepared = [.. found.Select(item => new ShapeTarget(item.Shape, TableOf(item.Shape), item.Table) { Rank = ranks[item.Table.Oid] })];
            foreach (var target in _prepared)
                _targets[target.Shape] = target;
            return _prepared;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>How a shape is written; one that was not prepared (the source's table changed) has its table looked at, and changed where it may be.</summary>
    /// <param name="shape">The shape.</param>
    /// <param name="offset">Where in the stream it is needed; for the log.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="PauseException">The table cannot hold its rows.</exception>
    public ValueTask<ShapeTarget> OfAsync(Shape shape, long offset, CancellationToken cancellationToken) =>
        _targets.TryGetValue(shape, out var known) ? new(known) : LookAsync(shape, offset, cancellationToken);

    /// <summary>Forgets what is known: a statement failed in a way that only a change of a table explains.</summary>
    public void Forget() => _targets.Clear();

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();

    private async ValueTask<ShapeTarget> LookAsync(Shape shape, long offset, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (_targets.TryGetValue(shape, out var known))
                return known;
            await using var connection = await server.OpenAsync(cancellationToken);
            var found = await FitAsync(connection, WholeOf(shape), offset, cancellationToken);
            var rank = _prepared.FirstOrDefault(target => target.Shape.Alias == shape.Alias)?.Rank ?? 0;
            return _targets[shape] = new(shape, TableOf(shape), found) { Rank = rank };
        }
        finally
        {
            _turn.Release();
        }
    }

    // With the parts that other tables write, as they were prepared.
    private Shape WholeOf(Shape shape) => shape.IsPart
        ? DocumentPart.Combine([shape, .. _prepared.Select(target => target.Shape).Where(other => other.Alias == shape.Alias && other.Part != shape.Part)])[0]
        : shape;

    private async ValueTask<TargetTable> FitAsync(NpgsqlConnection connection, Shape shape, long offset, CancellationToken cancellationToken)
    {
        var table = TableOf(shape);
        var found = await TargetTable.ReadAsync(connection, table, cancellationToken);
        var fit = TableFit.Of(owner, shape, table, found, Ddl, options.Schema);
        if (fit.Problem is not null)
            throw fit.Problem;
        foreach (var statement in fit.Statements)
        {
            await using var command = new NpgsqlCommand(statement, connection);
            await command.ExecuteNonQueryAsync(cancellationToken);
            log.Changed(pipeline, options.Address, offset, statement);
        }

        // What a statement made is read back as the server has it.
        if (found is null || !fit.Statements.IsEmpty)
            found = await TargetTable.ReadAsync(connection, table, cancellationToken);
        if (found is null)
            throw PostgreSqlErrors.TableMissing(owner, table, Ddl.Create(shape, table));
        return PartTable.Problem(owner, shape, table, found) is { } parts ? throw parts : found;
    }

    // Parents before children, as far as there is such an order: each pass moves a child behind its parents.
    private static Dictionary<uint, int> Ranks(ImmutableArray<TargetTable> tables)
    {
        var ranks = tables.Select(table => table.Oid).Distinct().ToDictionary(oid => oid, _ => 0);
        for (var pass = 0; pass < tables.Length; pass++)
        {
            foreach (var key in tables.SelectMany(table => table.ForeignKeys))
            {
                if (key.Child != key.Parent && ranks.TryGetValue(key.Child, out var child) && ranks.TryGetValue(key.Parent, out var parent) && child <= parent)
                    ranks[key.Child] = parent + 1;
            }
        }

        return ranks;
    }
}
