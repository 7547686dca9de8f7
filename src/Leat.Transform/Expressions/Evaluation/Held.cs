namespace Leat.Transform.Expressions.Evaluation;

/// <summary>A value of any family, held while it is compared with several others. The member of its family counts.</summary>
internal ref struct Held
{
    public long Integer;
    public double Real;
    public ExactNumber Exact;
    public ReadOnlySpan<byte> Text;

    /// <summary>Computes a node; false when it is NULL.</summary>
    public static bool TryLoad(Node node, scoped in EvaluatedRow row, out Held held)
    {
        held = default;
        switch (node.Type.Family)
        {
            case Family.Null:
                return false;
            case Family.Boolean:
                var truth = node.Test(row);
                held.Integer = truth == Truth.True ? 1 : 0;
                return truth != Truth.Unknown;
            case Family.Exact:
                return node.TryExact(row, out held.Exact);
            case Family.Real:
                return node.TryReal(row, out held.Real);
            case Family.Text or Family.Json:
                return node.TryText(row, out held.Text);
            default:
                return node.TryInteger(row, out held.Integer);
        }
    }

    /// <summary>Less than 0, 0 or more than 0: how two values of one family stand.</summary>
    public static int Compare(Family family, in Held left, in Held right) => family switch
    {
        Family.Unsigned => ((ulong)left.Integer).CompareTo((ulong)right.Integer),
        Family.Exact => ExactNumber.Compare(left.Exact, right.Exact),
        Family.Real => left.Real.CompareTo(right.Real),
        Family.Text or Family.Json => left.Text.SequenceCompareTo(right.Text),
        _ => left.Integer.CompareTo(right.Integer),
    };
}
