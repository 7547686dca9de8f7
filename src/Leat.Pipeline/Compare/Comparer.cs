using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Leat.Changes;
using Leat.Pipeline.Definitions;
using Leat.Transform.Plan;

namespace Leat.Pipeline.Compare;

/// <summary>Compares every row of a source, shaped by a pipeline, with every row of its target. For sources that are quiet meanwhile.</summary>
/// <remarks>
/// The first pass keeps 16 bytes for each row: a hash of its key and one of its fields. Only rows that differ are read again, for their details.
/// </remarks>
public static class Comparer
{
    /// <summary>Most rows told in detail.</summary>
    public const int MaxExamples = 100;

    private const int ProgressRows = 10_000;

    /// <summary>Compares all tables of a pipeline.</summary>
    /// <param name="pipeline">Which tables, columns and rows.</param>
    /// <param name="source">The source, not otherwise in use.</param>
    /// <param name="sink">The sink, not otherwise in use.</param>
    /// <param name="captured">Where capture stands; for sources that recompute their tables.</param>
    /// <param name="progress">Told every few thousand rows, or <see langword="null"/>.</param>
    /// <param name="cancellationToken">Ends the comparison.</param>
    /// <exception cref="LeatException">Source or target cannot be read, or the source has no such table.</exception>
    public static async Task<CompareResult> CompareAsync(
        PipelineDefinition pipeline, ISource source, ISink sink, SourcePosition? captured, IProgress<CompareProgress>? progress,
        CancellationToken cancellationToken)
    {
        var tables = (await source.TablesAsync(cancellationToken)).ToDictionary(table => table.Table);
        var total = new CompareResult(0, 0, 0, 0, []);
        foreach (var rule in pipeline.Tables)
        {
            if (!tables.TryGetValue(rule.Table, out var schema))
                throw EngineErrors.NoSuchTable(pipeline.Name, rule.Table);
            var comparison = new TableComparison(TablePlan.Compile(rule.ToSelection(), schema), source, sink, captured, progress);
            var one = await comparison.RunAsync(MaxExamples - total.Examples.Length, cancellationToken);
            total = new(
                total.RowsCompared + one.RowsCompared, total.Different + one.Different, total.Missing + one.Missing, total.Extra + one.Extra,
                [.. total.Examples, .. one.Examples]);
        }

        return total;
    }

    private sealed class TableComparison(
        TablePlan plan, ISource source, ISink sink, SourcePosition? captured, IProgress<CompareProgress>? progress)
    {
        private readonly Dictionary<ulong, ulong> _expected = [];
        private readonly Dictionary<ulong, DifferenceKind> _differing = [];
        private long _sourceRows;
        private long _targetRows;
        private long _different;
        private long _extra;

        public async Task<CompareResult> RunAsync(int maxExamples, CancellationToken cancellationToken)
        {
            await foreach (var row in ExpectedAsync(cancellationToken))
            {
                _expected[HashOf(row.Key)] = HashOf(row.Fields);
                Tell(++_sourceRows);
            }

            await foreach (var row in sink.ReadAsync(plan.Shape, cancellationToken))
            {
                Look(row, maxExamples);
                Tell(++_targetRows);
            }

            var missing = _expected.Count;
            foreach (var key in _expected.Keys.Take(maxExamples - _differing.Count))
                _differing[key] = DifferenceKind.Missing;
            progress?.Report(new(plan.Shape.Alias, _sourceRows, _targetRows));
            return new(_sourceRows, _different, missing, _extra, await DetailsAsync(cancellationToken));
        }

        private void Look(TargetRow row, int maxExamples)
        {
            var key = HashOf(row.Key);
            var found = _expected.Remove(key, out var fields);
            if (found && fields == HashOf(row.Fields))
                return;
            _different += found ? 1 : 0;
            _extra += found ? 0 : 1;
            if (_differing.Count < maxExamples)
                _differing.TryAdd(key, found ? DifferenceKind.Different : DifferenceKind.Extra);
        }

        private async Task<ImmutableArray<RowDifference>> DetailsAsync(CancellationToken cancellationToken)
        {
            if (_differing.Count == 0)
                return [];
            var wanted = new Dictionary<ulong, TargetRow>();
            var examples = ImmutableArray.CreateBuilder<RowDifference>();
            await foreach (var row in ExpectedAsync(cancellationToken))
            {
                if (!_differing.TryGetValue(HashOf(row.Key), out var kind))
                    continue;
                if (kind == DifferenceKind.Missing)
                    examples.Add(new(plan.Shape.Alias, row.Key, kind, []));
                else
                    wanted[HashOf(row.Key)] = row;
            }

            await foreach (var row in sink.ReadAsync(plan.Shape, cancellationToken))
            {
                if (_differing.TryGetValue(HashOf(row.Key), out var kind) && kind != DifferenceKind.Missing)
                    examples.Add(new(plan.Shape.Alias, row.Key, kind, wanted.TryGetValue(HashOf(row.Key), out var expected) ? FieldsOf(expected, row) : []));
            }

            return examples.ToImmutable();
        }

        private async IAsyncEnumerable<TargetRow> ExpectedAsync(
            [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await foreach (var row in source.ReadTableAsync(plan.Shape.Schema, captured, cancellationToken))
            {
                if (plan.Accepts(row.Row.Span))
                    yield return sink.Expect(plan.Shape, row.Row.Span);
            }
        }

        private void Tell(long rows)
        {
            if (rows % ProgressRows == 0)
                progress?.Report(new(plan.Shape.Alias, _sourceRows, _targetRows));
        }

        private static ImmutableArray<FieldDifference> FieldsOf(TargetRow source, TargetRow target)
        {
            var held = target.Fields.ToDictionary(field => field.Key, field => field.Value);
            var expected = source.Fields.Select(field => field.Key).ToHashSet();
            return
            [
                .. source.Fields.Where(field => held.GetValueOrDefault(field.Key) != field.Value)
                    .Select(field => new FieldDifference(field.Key, field.Value, held.GetValueOrDefault(field.Key))),
                .. target.Fields.Where(field => !expected.Contains(field.Key)).Select(field => new FieldDifference(field.Key, null, field.Value)),
            ];
        }

        private static ulong HashOf(string text) => Mix(0x9E3779B97F4A7C15, text);

        // NULL and absent are one to a target without NULLs, so both leave no trace; names keep neighbours apart.
        private static ulong HashOf(ImmutableArray<KeyValuePair<string, string?>> fields)
        {
            ulong hash = 0;
            foreach (var (name, value) in fields)
            {
                if (value is not null)
                    hash += Mix(Mix(0xC2B2AE3D27D4EB4F, name), value);
            }

            return hash;
        }

        private static ulong Mix(ulong hash, string text)
        {
            hash = (hash ^ (uint)text.Length) * 0x9E3779B97F4A7C15;
            foreach (var unit in MemoryMarshal.Cast<char, ushort>(text.AsSpan()))
                hash = System.Numerics.BitOperations.RotateLeft((hash ^ unit) * 0xD6E8FEB86659FD93, 29);
            hash ^= hash >> 32;
            hash *= 0xD6E8FEB86659FD93;
            return hash ^ (hash >> 29);
        }
    }
}
