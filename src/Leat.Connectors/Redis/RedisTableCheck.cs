using Leat.Changes;

namespace Leat.Connectors.Redis;

/// <summary>Looks whether the settings fit the shapes, and whether rows of two tables could meet under one key.</summary>
internal sealed class RedisTableCheck(RedisSinkOptions options)
{
    /// <summary>Everything that is wrong.</summary>
    public IReadOnlyList<PauseException> Problems(IReadOnlyList<Shape> shapes)
    {
        var problems = new List<PauseException>();
        var tables = new List<RedisTable>();
        foreach (var shape in shapes)
        {
            try
            {
                tables.Add(RedisTable.Create(shape, options));
            }
            catch (PauseException problem)
            {
                problems.Add(problem);
            }
        }

        for (var i = 0; i < tables.Count; i++)
        {
            foreach (var other in tables.Skip(i + 1))
            {
                if (Meet(tables[i], other) is { } problem)
                    problems.Add(problem);
            }
        }

        return problems;
    }

    private static PauseException? Meet(RedisTable one, RedisTable other)
    {
        var (shorter, longer) = one.Key.Prefix.Length <= other.Key.Prefix.Length ? (one, other) : (other, one);
        var isChannel = one.Rule.Structure == RedisStructure.Channel || other.Rule.Structure == RedisStructure.Channel; // names of their own
        if (isChannel || shorter.Shape.Alias == longer.Shape.Alias || !longer.Key.Prefix.StartsWith(shorter.Key.Prefix, StringComparison.Ordinal))
            return null;
        if (shorter.Key.IsConstant && longer.Key.Prefix != shorter.Key.Prefix)
            return null;
        if (!one.Rule.Merge || !other.Rule.Merge || one.Rule.Structure != other.Rule.Structure)
            return RedisErrors.SharedPrefix(shorter.Shape.Alias, longer.Shape.Alias, shorter.Key.Prefix);
        var shared = one.Shape.Columns.Select(column => column.Name).Intersect(other.Shape.Columns.Select(column => column.Name)).FirstOrDefault();
        return shared is null ? null : RedisErrors.SharedField(shorter.Shape.Alias, longer.Shape.Alias, shared);
    }
}
