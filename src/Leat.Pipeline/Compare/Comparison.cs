using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Leat.Changes;

namespace Leat.Pipeline.Compare;

/// <summary>Compares the rows of one shape. Used once.</summary>
internal sealed class Comparison(IExpectedRows source, ISink sink, TimeProvider time, IProgress<CompareProgress>? progress, PartFilter? filter = null)
{
    private const int ProgressRows = 10_000;

    // One after another, so that a row that changes all the time is not taken for one that is wrong.
    private const int MostLooks = 4;

    private const int RowsPerQuestion = 200;

    private readonly Dictionary<ulong, ulong> _expected = [];

    // Rows that differed at every look so far, by the hash of their key.
    private readonly Dictionary<ulong, Suspect> _suspects = [];
    private long _sourceRows;
    private long _targetRows;
    private long _different;
    private long _extra;
    private long _inMotion;

    private Shape Shape => source.Shape;

    public async Task<CompareResult> RunAsync(int maxExamples, CancellationToken cancellationToken)
    {
        await foreach (var row in source.ReadAsync(cancellationToken))
        {
            var expected = sink.Expect(Shape, row.Span);
            var key = HashOf(expected.Key);
            if (filter?.Expects(expected, key) is false)
                continue;
            _expected[key] = HashOf(expected.Fields);
            Tell(++_sourceRows);
        }

        await foreach (var row in sink.ReadAsync(Shape, cancellationToken))
        {
            if (filter?.Holds(row, HashOf(row.Key)) is false)
                continue;
            Look(row);
            Tell(++_targetRows);
        }

        progress?.Report(new(Shape.Alias, _sourceRows, _targetRows));
        if (!source.Counts(DifferenceKind.Missing))
            _expected.Clear();
        var missing = (long)_expected.Count;
        foreach (var key in _expected.Keys.Take(Comparer.MaxLooks - _suspects.Count))
            _suspects[key] = new(DifferenceKind.Missing, null);
        var first = (Different: Count(DifferenceKind.Different), Missing: Count(DifferenceKind.Missing), Extra: Count(DifferenceKind.Extra));
        await LookAgainAsync(cancellationToken);
        return new(
            _sourceRows, _different - first.Different + Count(DifferenceKind.Different), missing - first.Missing + Count(DifferenceKind.Missing),
            _extra - first.Extra + Count(DifferenceKind.Extra), _inMotion,
            [.. _suspects.Values.Where(suspect => suspect.Example is not null).Take(maxExamples).Select(suspect => suspect.Example!)]); // not null: asked for
    }

    private long Count(DifferenceKind kind) => _suspects.Values.Count(suspect => suspect.Kind == kind);

    private void Look(TargetRow row)
    {
        var key = HashOf(row.Key);
        var found = _expected.Remove(key, out var fields);
        if ((found && fields == HashOf(row.Fields)) || !source.Counts(found ? DifferenceKind.Different : DifferenceKind.Extra))
            return;
        _different += found ? 1 : 0;
        _extra += found ? 0 : 1;
        if (_suspects.Count < Comparer.MaxLooks)
            _suspects.TryAdd(key, new(found ? DifferenceKind.Different : DifferenceKind.Extra, row));
    }

    // The first look is at once: it also finds the rows' details. Another follows only while rows turn out to have been on their way.
    private async Task LookAgainAsync(CancellationToken cancellationToken)
    {
        for (var look = 0; look < MostLooks && _suspects.Count > 0; look++)
        {
            var before = _suspects.Count;
            await LookOnceAsync(cancellationToken);
            if (_suspects.Count == before)
                return;
            await Task.Delay(Comparer.LookInterval, time, cancellationToken);
        }
    }

    private async Task LookOnceAsync(CancellationToken cancellationToken)
    {
        var gone = new HashSet<ulong>(_suspects.Keys);
        var asked = new List<ReadOnlyMemory<byte>>(RowsPerQuestion);
        await foreach (var row in source.ReadAsync(cancellationToken))
        {
            var expected = sink.Expect(Shape, row.Span);
            var expectedKey = HashOf(expected.Key);
            if (filter?.Expects(expected, expectedKey) is false || !gone.Remove(expectedKey))
                continue;
            asked.Add(row.ToArray());
            if (asked.Count == RowsPerQuestion)
                await SettleAsync(asked, isInSource: true, cancellationToken);
        }

        await SettleAsync(asked, isInSource: true, cancellationToken);
        foreach (var key in gone)
        {
            // Whom the source has no more: the target must not have it either. What nobody can ask for by key is no row of the source.
            var suspect = _suspects[key];
            if (suspect.Row is null)
                Through(key);
            else if (TargetRows.Encode(sink, Shape, suspect.Row) is { } encoded)
                asked.Add(encoded);
            else
                _suspects[key] = Extra(suspect.Row);
            if (asked.Count == RowsPerQuestion)
                await SettleAsync(asked, isInSource: false, cancellationToken);
        }

        await SettleAsync(asked, isInSource: false, cancellationToken);
    }

    private async Task SettleAsync(List<ReadOnlyMemory<byte>> rows, bool isInSource, CancellationToken cancellationToken)
    {
        if (rows.Count == 0)
            return;
        TargetRow?[] found = [.. (await sink.FindAsync(Shape, rows, cancellationToken)).Select(row => row is not null && filter?.Holds(row, HashOf(row.Key)) is false ? null : row)];
        for (var i = 0; i < rows.Count; i++)
        {
            var expected = sink.Expect(Shape, rows[i].Span);
            var key = HashOf(expected.Key);
            if (isInSource ? found[i] is { } held && HashOf(held.Fields) == HashOf(expected.Fields) : found[i] is null)
                Through(key);
            else if (!isInSource)
                _suspects[key] = Extra(found[i]!); // not null: it would be through
            else if (found[i] is { } row)
                _suspects[key] = new(DifferenceKind.Different, row) { Example = new(Shape.Alias, expected.Key, DifferenceKind.Different, FieldsOf(expected, row)) };
            else
                _suspects[key] = new(DifferenceKind.Missing, null) { Example = new(Shape.Alias, expected.Key, DifferenceKind.Missing, []) };
        }

        rows.Clear();
    }

    private Suspect Extra(TargetRow row) =>
        new(DifferenceKind.Extra, row) { Example = new(Shape.Alias, row.Key, DifferenceKind.Extra, []) };

    private void Through(ulong key)
    {
        _suspects.Remove(key);
        _inMotion++;
    }

    private void Tell(long rows)
    {
        if (rows % ProgressRows == 0)
            progress?.Report(new(Shape.Alias, _sourceRows, _targetRows));
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

    // A row that differs, and what the target held of it when it was last looked at.
    private sealed record Suspect(DifferenceKind Kind, TargetRow? Row)
    {
        public RowDifference? Example { get; init; }
    }
}
