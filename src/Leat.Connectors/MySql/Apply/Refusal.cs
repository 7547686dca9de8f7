using Leat.Changes;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Apply;

/// <summary>Why the target does not take an operation.</summary>
/// <param name="Reason">The server's words, or ours.</param>
/// <param name="Cause">The server's number of such errors, e.g. <c>1406</c>.</param>
internal sealed record Refusal(string Reason, string Cause)
{
    private const int CannotBeNull = 1048;

    /// <summary>An update of some columns found no row.</summary>
    public static Refusal NoRow { get; } = new("The target has no row of this key; the change tells only some of its columns.", "no row");

    /// <summary>A statement of one row is larger than the server takes.</summary>
    public static Refusal TooLarge(int bytes, int limit) => new(FormattableString.Invariant($"The statement takes {bytes} bytes; the server's max_allowed_packet is {limit}."), "1153");

    /// <summary>The server's own words; for a key that <see cref="ShapeStatements"/> made NULL, what it stands for.</summary>
    public static Refusal Of(MySqlServerException refused, Shape shape, TargetForm form)
    {
        if (refused.Code == CannotBeNull && form.HasUnique
            && shape.Key.Any(ordinal => refused.Message.Contains($"'{ShapeStatements.NameOf(shape, ordinal)}'", StringComparison.OrdinalIgnoreCase)))
            return new("1062 (23000): A row with another key has one of its unique values", "1062");
        return new(FormattableString.Invariant($"{refused.Code} ({refused.SqlState}): {refused.Message}"), FormattableString.Invariant($"{refused.Code}"));
    }
}
