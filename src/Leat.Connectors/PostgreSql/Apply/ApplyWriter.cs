using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Connectors.PostgreSql.Wire;
using Npgsql;

namespace Leat.Connectors.PostgreSql.Apply;

/// <summary>Puts groups of operations into statements with one array a column. Its buffers are used again by the next batch.</summary>
internal sealed class ApplyWriter(bool zeroDatesAreNull)
{
    /// <summary>The cause under which rows with impossible dates are refused.</summary>
    public const string ImpossibleDate = "impossible_date";

    private readonly List<PgArray> _arrays = [];
    private readonly Dictionary<(ShapeTarget, UInt128), (string Sql, ImmutableArray<TargetValue> Values)> _updates = [];
    private int _used;

    /// <summary>Forgets the batch before: its buffers are filled again.</summary>
    public void Clear() => _used = 0;

    /// <summary>The statement of a group.</summary>
    /// <exception cref="BatchRefusedException">A row has a date that no calendar has, and the settings do not make it NULL.</exception>
    public NpgsqlBatchCommand Write(ApplyGroup group, ReadOnlySpan<Operation> batch)
    {
        var (sql, values) = group.Mode switch
        {
            ApplyMode.Delete => (group.Target.Delete, group.Target.Key),
            ApplyMode.Upsert => (group.Target.Upsert, group.Target.Values),
            _ => UpdateOf(group, batch),
        };
        var command = Write(sql, group.Target.Shape, values, CollectionsMarshal.AsSpan(group.Operations), batch);
        if (group.Mode == ApplyMode.Update)
            command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = group.Operations.Count });
        return command;
    }

    /// <summary>The statements that make room for rows of an upsert that are delivered again: what other rows have of their unique values is newer, and comes again later.</summary>
    /// <param name="group">The upsert.</param>
    /// <param name="batch">Its batch.</param>
    /// <param name="until">Up to here operations are delivered again.</param>
    public IEnumerable<NpgsqlBatchCommand> WriteEvictions(ApplyGroup group, ReadOnlyMemory<Operation> batch, long until)
    {
        int[] again = [.. group.Operations.Where(number => IsAgain(batch.Span[number], until))];
        if (group.Mode != ApplyMode.Upsert || again.Length == 0)
            yield break;
        foreach (var (sql, values) in group.Target.Evictions)
            yield return Write(sql, group.Target.Shape, values, again, batch.Span);
    }

    /// <summary>Whether the target may hold newer rows than this operation's: it is delivered again, or a table is read anew.</summary>
    public static bool IsAgain(in Operation operation, long until) => operation.Offset <= until || operation.Cause is ChangeKind.Read or ChangeKind.ReadAgain;

    /// <summary>A statement that takes the keys of rows.</summary>
    public NpgsqlBatchCommand WriteKeys(string sql, ShapeTarget target, IReadOnlyList<ReadOnlyMemory<byte>> rows)
    {
        var first = Begin(target.Key);
        foreach (var row in rows)
            Add(target.Shape, target.Key, row.Span, first);
        return Finish(sql, target.Key, first);
    }

    private NpgsqlBatchCommand Write(string sql, Shape shape, ImmutableArray<TargetValue> values, ReadOnlySpan<int> operations, ReadOnlySpan<Operation> batch)
    {
        var first = Begin(values);
        foreach (var number in operations)
            Add(shape, values, batch[number].Row.Span, first);
        return Finish(sql, values, first);
    }

    private int Begin(ImmutableArray<TargetValue> values)
    {
        var first = _used;
        _used += values.Length;
        while (_arrays.Count < _used)
            _arrays.Add(new());
        for (var i = first; i < _used; i++)
            _arrays[i].Clear();
        return first;
    }

    private void Add(Shape shape, ImmutableArray<TargetValue> values, ReadOnlySpan<byte> row, int first)
    {
        var reader = new RowReader(shape.Schema, row);
        for (var i = 0; i < values.Length; i++)
        {
            var value = values[i];
            var target = _arrays[first + i];
            if (!reader.Seek(value.Ordinal) || (value.MayBeOutsideCalendar && IsToBeNull(ref reader)))
                target.AddNull();
            else
                PgValue.Add(ref reader, target);
        }
    }

    private NpgsqlBatchCommand Finish(string sql, ImmutableArray<TargetValue> values, int first)
    {
        var command = new NpgsqlBatchCommand(sql);
        for (var i = 0; i < values.Length; i++)
            command.Parameters.Add(new NpgsqlParameter<RawParameter> { DataTypeName = values[i].ArrayName, TypedValue = new(_arrays[first + i].Finish(values[i].Type)) });
        return command;
    }

    private bool IsToBeNull(ref RowReader reader)
    {
        if (!PgValue.IsOutsideCalendar(ref reader))
            return false;
        if (zeroDatesAreNull)
            return true;
        throw new BatchRefusedException(
            $"Column '{reader.Column.Name}' is {ValueText.Of(ref reader)}, a date that no calendar has; with `zero_dates: null` it would become NULL.", ImpossibleDate);
    }

    // The statement for the columns that the rows of a group tell, the key's first.
    private (string Sql, ImmutableArray<TargetValue> Values) UpdateOf(ApplyGroup group, ReadOnlySpan<Operation> batch)
    {
        var target = group.Target;
        var told = ImmutableArray.CreateBuilder<TargetValue>();
        var reader = new RowReader(target.Shape.Schema, batch[group.Operations[0]].Row.Span);
        var mask = UInt128.Zero;
        for (var i = 0; i < target.Values.Length; i++)
        {
            reader.Seek(target.Values[i].Ordinal);
            if (reader.IsAbsent || target.Key.Contains(target.Values[i]))
                continue;
            told.Add(target.Values[i]);
            mask |= UInt128.One << i;
        }

        var columns = told.ToImmutable();
        if (target.Values.Length > 128) // more columns than the mask has bits: made anew each time
            return (target.Update(columns), [.. target.Key, .. columns]);
        if (!_updates.TryGetValue((target, mask), out var statement))
            _updates[(target, mask)] = statement = (target.Update(columns), [.. target.Key, .. columns]);
        return statement;
    }
}
