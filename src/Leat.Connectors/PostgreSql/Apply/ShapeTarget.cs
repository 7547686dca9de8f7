using System.Collections.Immutable;
using Leat.Changes;
using Leat.Connectors.PostgreSql.Tables;
using Leat.Connectors.PostgreSql.Wire;

namespace Leat.Connectors.PostgreSql.Apply;

/// <summary>A delivered column and how its values reach the target's.</summary>
/// <param name="Name">Its name at the target, quoted.</param>
/// <param name="Ordinal">Its ordinal in the encoded row.</param>
/// <param name="Type">The type in which its values travel.</param>
/// <param name="Cast">The target's type to cast to, without a length that would cut something off; <see langword="null"/>: none is needed.</param>
/// <param name="MayBeOutsideCalendar">Whether values can be dates that no calendar has.</param>
internal sealed record TargetValue(string Name, int Ordinal, PgType Type, string? Cast, bool MayBeOutsideCalendar)
{
    private const string Boolean = "boolean";

    /// <summary>Name of the array of its type, as Npgsql asks for it.</summary>
    public string ArrayName { get; } = PgTypeNames.Of(Type) + "[]";

    /// <summary>How its values come.</summary>
    public static TargetValue Of(Shape shape, ShapeColumn column, TargetTable table)
    {
        var kind = shape.Schema.Columns[column.Ordinal].Kind;
        var type = PgValue.TypeOf(kind);
        var target = table.Find(column.Name);
        return new(
            Sql.Name(column.Name), column.Ordinal, type, target is null || target.Type == PgTypeNames.Of(type) ? null : target.Cast,
            kind is ColumnKind.Date or ColumnKind.DateTime or ColumnKind.Timestamp);
    }

    /// <summary>An expression of the travelling type as one of the target's type.</summary>
    public string Converted(string expression) => Cast switch
    {
        null => expression,
        Boolean => $"({expression} <> 0)",
        _ => $"{expression}::{Cast}",
    };
}

/// <summary>How rows of one shape are written into one table: columns and statements. Shared by all lanes.</summary>
internal sealed class ShapeTarget
{
    private readonly string _table;

    public ShapeTarget(Shape shape, TableName table, TargetTable found)
    {
        Shape = shape;
        Found = found;
        _table = Sql.Name(table);
        Values = [.. shape.Columns.Select(column => TargetValue.Of(shape, column, found))];
        Key = [.. shape.Key.Select(ordinal => Values.First(value => value.Ordinal == ordinal))];
        Upsert = UpsertOf();
        Evictions = [.. EvictionsOf()];
        Delete = shape.Part is { IsRoot: false } ? Clear() : $"DELETE FROM {_table} AS t USING ({Arrays(Key)}) AS n WHERE {SameKey()}";
    }

    /// <summary>The shape.</summary>
    public Shape Shape { get; }

    /// <summary>The table as it was found.</summary>
    public TargetTable Found { get; }

    /// <summary>All delivered columns.</summary>
    public ImmutableArray<TargetValue> Values { get; }

    /// <summary>Those of the key.</summary>
    public ImmutableArray<TargetValue> Key { get; }

    /// <summary>Place among the tables of a pipeline: those that others reference come first.</summary>
    public int Rank { get; init; }

    /// <summary>Takes an array for each of <see cref="Values"/>; a row whose key is there takes its place.</summary>
    public string Upsert { get; }

    /// <summary>Takes an array for each of <see cref="Key"/>.</summary>
    public string Delete { get; }

    /// <summary>For each unique index beside the key, what deletes other rows that have a value which these rows take. Takes an array for each of its columns.</summary>
    public ImmutableArray<(string Sql, ImmutableArray<TargetValue> Values)> Evictions { get; }

    /// <summary>Takes an array for each of the key's columns, then of <paramref name="told"/>, then their number; fails (22012) unless each key has its row.</summary>
    public string Update(ImmutableArray<TargetValue> told)
    {
        var sets = told.IsEmpty ? [$"{Key[0].Name} = t.{Key[0].Name}"] : told.Select(value => $"{value.Name} = n.{value.Name}");
        return $"WITH done AS (UPDATE {_table} AS t SET {string.Join(", ", sets)} FROM ({Arrays([.. Key, .. told])}) AS n WHERE {SameKey()} RETURNING 1) " +
            $"SELECT 1 / (CASE WHEN count(*) = ${Key.Length + told.Length + 1} THEN 1 ELSE 0 END) FROM done";
    }

    /// <summary>Takes an array for each of <see cref="Key"/>; gives <paramref name="columns"/> of the rows with those keys, after the place of the key in the arrays, from 1.</summary>
    public string Find(string columns)
    {
        var names = Key.Select((_, i) => $"k{i}");
        var same = Key.Select((value, i) => $"t.{value.Name} = {value.Converted($"n.k{i}")}");
        return $"SELECT n.place, {columns} FROM unnest({string.Join(", ", Key.Select((_, i) => $"${i + 1}"))}) WITH ORDINALITY AS n({string.Join(", ", names)}, place) " +
            $"JOIN {_table} AS t ON {string.Join(" AND ", same)}";
    }

    // A part of a row that is gone leaves the rest of it where it is.
    private string Clear() =>
        $"UPDATE {_table} AS t SET {string.Join(", ", Values.Where(value => !Key.Contains(value)).Select(value => $"{value.Name} = NULL"))} FROM ({Arrays(Key)}) AS n WHERE {SameKey()}";

    private IEnumerable<(string Sql, ImmutableArray<TargetValue> Values)> EvictionsOf()
    {
        foreach (var index in Found.Indexes.Where(index => index.IsPlain && !TableFit.IsOfKey(index, Shape)))
        {
            var columns = index.Columns.Select(name => Values.FirstOrDefault(value => value.Name == Sql.Name(name))).OfType<TargetValue>().ToList();
            if (columns.Count < index.Columns.Length)
                continue;
            ImmutableArray<TargetValue> values = [.. Key.Union(columns)];
            var taken = string.Join(" AND ", columns.Select(value => $"t.{value.Name} = n.{value.Name}"));
            yield return ($"DELETE FROM {_table} AS t USING ({Arrays(values)}) AS n WHERE {taken} AND NOT ({SameKey()})", values);
        }
    }

    private string UpsertOf()
    {
        var keys = Key.Select(value => value.Name).ToList();
        var others = Values.Where(value => !Key.Contains(value)).Select(value => $"{value.Name} = EXCLUDED.{value.Name}").ToList();
        return $"INSERT INTO {_table} AS t ({string.Join(", ", Values.Select(value => value.Name))}) OVERRIDING SYSTEM VALUE {Arrays(Values)} " +
            $"ON CONFLICT ({string.Join(", ", keys)}) DO {(others.Count == 0 ? "NOTHING" : $"UPDATE SET {string.Join(", ", others)}")}";
    }

    // One array a column, all of one length: unnested beside each other in the order of the rows.
    private static string Arrays(ImmutableArray<TargetValue> values) =>
        $"SELECT {string.Join(", ", values.Select((value, i) => $"{value.Converted($"unnest(${i + 1})")} AS {value.Name}"))}";

    private string SameKey() => string.Join(" AND ", Key.Select(value => $"t.{value.Name} = n.{value.Name}"));
}
