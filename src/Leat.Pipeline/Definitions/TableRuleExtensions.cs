using Leat.Transform.Plan;

namespace Leat.Pipeline.Definitions;

/// <summary>What the plan needs to know of a table rule.</summary>
internal static class TableRuleExtensions
{
    /// <summary>The rule without its place in the file.</summary>
    public static TableSelection ToSelection(this TableRule rule) => new(rule.Alias, rule.Table, rule.Columns, rule.Where);
}
