using System.Buffers;
using Leat.Changes;

namespace Leat.Connectors.Redis;

/// <summary>A shape with how its rows are kept, checked to fit. Has buffers of its own: one user at a time.</summary>
internal sealed class RedisTable
{
    private RedisTable(Shape shape, RedisRule rule, RowTemplate key, RowTemplate? member)
    {
        Shape = shape;
        Rule = rule;
        Key = key;
        Member = member;
        var used = key.Ordinals.Concat(member?.Ordinals ?? []).ToHashSet();
        UsesOtherColumns = used.Any(ordinal => !shape.Key.Contains(ordinal));
        NeedsBefore = UsesOtherColumns && !rule.IsLog;
        HoldsOneRow = !UsesOtherColumns && shape.Key.All(key.Ordinals.Contains);
    }

    /// <summary>What rows are made of.</summary>
    public Shape Shape { get; }

    /// <summary>How they are kept.</summary>
    public RedisRule Rule { get; }

    /// <summary>Makes keys.</summary>
    public RowTemplate Key { get; }

    /// <summary>Makes members of sets and sorted sets; <see langword="null"/> for the others.</summary>
    public RowTemplate? Member { get; }

    /// <summary>Ordinal of the score column; -1 when there is none.</summary>
    public int Score { get; private init; } = -1;

    /// <summary>Ordinal of the column that tells when a key goes; -1 when there is none.</summary>
    public int Ttl { get; private init; } = -1;

    /// <summary>Ordinal of the column that is the value of a string; -1 for the whole row.</summary>
    public int Value { get; private init; } = -1;

    /// <summary>Whether key or member are made of columns that can change while the row stays the same.</summary>
    public bool UsesOtherColumns { get; }

    /// <summary>Whether the row before has to be known, so that what was written for it is found.</summary>
    public bool NeedsBefore { get; }

    /// <summary>Whether each key belongs to one row for ever.</summary>
    public bool HoldsOneRow { get; }

    /// <summary>Room for a key.</summary>
    public ArrayBufferWriter<byte> KeyText { get; } = new(128);

    /// <summary>Room for a member.</summary>
    public ArrayBufferWriter<byte> MemberText { get; } = new(128);

    /// <summary>Fits the settings to a shape.</summary>
    /// <exception cref="PauseException">They do not fit.</exception>
    public static RedisTable Create(Shape shape, RedisSinkOptions options)
    {
        var template = options.Keys.TryGetValue(shape.Alias, out var found) || options.Keys.TryGetValue("", out found)
            ? found
            : throw RedisErrors.NoTemplate(shape.Alias);
        var rule = options.RuleOf(shape.Alias);
        if (shape.IsPart && rule.Structure != RedisStructure.Hash)
            throw RedisErrors.NoParts(shape.Alias, rule.StructureName);
        rule = rule with { Merge = rule.Merge || shape.IsPart };
        var key = RowTemplate.Create(shape, template);
        var isSet = rule.Structure is RedisStructure.Set or RedisStructure.SortedSet;
        if (isSet && rule.Member is null)
            throw RedisErrors.SettingMissing(shape.Alias, "member", rule.StructureName);
        if (rule.Structure == RedisStructure.SortedSet && rule.ScoreColumn is null)
            throw RedisErrors.SettingMissing(shape.Alias, "score", rule.StructureName);
        if (rule.Structure == RedisStructure.List && !rule.AppendOnly)
            throw RedisErrors.SettingMissing(shape.Alias, "append_only", rule.StructureName);
        var table = new RedisTable(shape, rule, key, isSet ? RowTemplate.Create(shape, rule.Member!) : null)
        {
            Score = Find(shape, "score", rule.Structure == RedisStructure.SortedSet ? rule.ScoreColumn : null, NumberText.IsNumber),
            Ttl = Find(shape, "ttl_from", rule.TtlColumn, NumberText.IsNumber),
            Value = Find(shape, "value", rule.Structure == RedisStructure.String ? rule.ValueColumn : null, _ => true),
        };
        table.Check(template, options);
        return table;
    }

    private static int Find(Shape shape, string setting, string? column, Func<ColumnKind, bool> fits)
    {
        if (column is null)
            return -1;
        var ordinal = RowTemplate.OrdinalOf(shape, column);
        if (ordinal < 0)
            throw RedisErrors.NoSuchColumn(shape.Alias, $"setting `{setting}`", column);
        return fits(shape.Schema.Columns[ordinal].Kind) ? ordinal : throw RedisErrors.NotANumber(shape.Alias, setting, column, shape.Schema.Columns[ordinal].Kind);
    }

    private void Check(KeyTemplate template, RedisSinkOptions options)
    {
        foreach (var ordinal in Shape.Key)
        {
            if (!Rule.ManyToOne && !Rule.IsLog && !Key.Ordinals.Contains(ordinal) && Member?.Ordinals.Contains(ordinal) is not true)
                throw RedisErrors.ColumnMissing(Shape.Alias, template.Text, RowTemplate.NameOf(Shape, ordinal));
        }

        if (NeedsBefore && Shape.Schema.IsPartial)
        {
            var other = Key.Ordinals.Concat(Member?.Ordinals ?? []).First(ordinal => !Shape.Key.Contains(ordinal));
            throw RedisErrors.ColumnNotInKey(Shape.Alias, template.Text, RowTemplate.NameOf(Shape, other));
        }

        if (options.Guard && (Rule.Merge || Rule.Structure is not (RedisStructure.Hash or RedisStructure.String or RedisStructure.Json or RedisStructure.Stream)))
            throw RedisErrors.NotWithStructure(Shape.Alias, "guard: version", Rule.Merge ? "mode: merge" : $"structure: {Rule.StructureName}", "hash, string, JSON document (all of them replaced as a whole) or stream");
        if (options.ExactlyOnce && (Rule.Merge || Rule.Structure is not (RedisStructure.Hash or RedisStructure.String or RedisStructure.List)))
            throw RedisErrors.NotWithStructure(Shape.Alias, "exactly_once", Rule.Merge ? "mode: merge" : $"structure: {Rule.StructureName}", "hash or string that is replaced as a whole, or list");
    }
}
