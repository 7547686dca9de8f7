using Leat.Changes;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Apply;

/// <summary>Why the target does not take an operation.</summary>
/// <param name="Reason">The server's words, or ours.</param>
/// <param name="Cause">The server's number of such errors, e.g. <c>1406</c>.</param>
internal sealed record Refusal(string Reason, string Cause)
{
    private const string Duplicate = "1062";

    /// <summary>An update of some columns found no row.</summary>
    public static Refusal NoRow { get; } = new("The target has no row of this key; the change tells only some of its columns.", "no row");

    /// <summary>A statement of one row is larger than the server takes.</summary>
    public static Refusal TooLarge(int bytes, int limit) => new(FormattableString.Invariant($"The statement takes {bytes} bytes; the server's max_allowed_packet is {limit}."), "1153");

    /// <summary>Whether other rows are at fault: a unique value, a parent or a child.</summary>
    public bool IsOfOthers => Cause is Duplicate or "1586" or "1216" or "1217" or "1451" or "1452";

    /// <summary>The server's own words, or what stands for them.</summary>
    public static Refusal Of(MySqlServerException refused)
    {
        if (ShapeStatements.IsAnotherRow(refused))
            return new("1062 (23000): A row with another key has one of its unique values", Duplicate);
        return new(FormattableString.Invariant($"{refused.Code} ({refused.SqlState}): {refused.Message}"), FormattableString.Invariant($"{refused.Code}"));
    }
}
