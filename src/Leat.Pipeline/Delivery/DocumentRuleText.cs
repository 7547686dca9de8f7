using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Rules;

namespace Leat.Pipeline.Delivery;

/// <summary>Tells documents made by one rule from those made by another, where the rows that they are made of are the same.</summary>
internal static class DocumentRuleText
{
    /// <summary>A short text that is the same as long as the rule makes the same documents of the same rows.</summary>
    public static string HashOf(DocumentRule rule, ImmutableArray<TableSelection> tables)
    {
        var text = new StringBuilder();
        foreach (var table in tables)
        {
            text.Append(CultureInfo.InvariantCulture, $"{table.Alias}\t{string.Join(',', table.Columns)}\t");
            text.AppendJoin(',', table.Rename.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}>{pair.Value}")).Append('\n');
        }

        text.Append(CultureInfo.InvariantCulture, $"root {rule.Root}\nwhere {rule.Where?.Text}\n");
        Write(text, rule.Merge);
        Write(text, rule.Nest);
        Write(text, "set", rule.Set);
        if (rule.Group is { } group)
            Write(text.Append("grouped\n"), "group", group);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())).AsSpan(0, 16));
    }

    private static void Write(StringBuilder text, ImmutableArray<MergeRule> merges)
    {
        foreach (var merge in merges)
            text.Append(CultureInfo.InvariantCulture, $"merge {merge.From}\t{merge.As}\t{TextOf(merge.On)}\t{TextOf(merge.Fields)}\t{merge.IsRequired}\n");
    }

    private static void Write(StringBuilder text, ImmutableArray<NestRule> nests)
    {
        foreach (var nest in nests)
        {
            text.Append(CultureInfo.InvariantCulture, $"nest {nest.As}\t{nest.From}\t{TextOf(nest.On)}\t{string.Join(',', nest.Key)}\t");
            text.Append(CultureInfo.InvariantCulture, $"{string.Join(',', nest.Order)}\t{nest.Where?.Text}\t{TextOf(nest.Fields)}\t{nest.Form}\n");
            if (nest.Limit is { } limit)
                text.Append(CultureInfo.InvariantCulture, $"limit {limit}\n");
            Write(text, nest.Merge);
            Write(text, nest.Nest);
            Write(text, "set", nest.Set);
            text.Append("end\n");
        }
    }

    private static void Write(StringBuilder text, string what, ImmutableArray<SetRule> rules)
    {
        foreach (var rule in rules)
            text.Append(CultureInfo.InvariantCulture, $"{what} {rule.Name}\t{rule.Expression.Text}\n");
    }

    private static string TextOf(JoinRule join) => string.Join(',', join.Pairs.Select(pair => $"{pair.Joined}={pair.To}"));

    private static string TextOf(ImmutableArray<FieldRule> fields) => string.Join(',', fields.Select(field => $"{field.Name}={field.Column}"));
}
