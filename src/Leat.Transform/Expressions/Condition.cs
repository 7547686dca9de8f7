using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Transform.Expressions;

/// <summary>SQL's three truth values; AND is the smallest, OR the largest.</summary>
internal enum Truth
{
    False = 0,
    Unknown = 1,
    True = 2,
}

/// <summary>Something that is true, false or unknown for each row.</summary>
internal abstract class Condition
{
    public abstract Truth Test(ref RowReader row);
}

internal sealed class ConstantCondition(Truth truth) : Condition
{
    public override Truth Test(ref RowReader row) => truth;
}

internal sealed class AllOf(ImmutableArray<Condition> terms) : Condition
{
    public override Truth Test(ref RowReader row)
    {
        var all = Truth.True;
        foreach (var term in terms)
        {
            var truth = term.Test(ref row);
            if (truth == Truth.False)
                return Truth.False;
            all = truth < all ? truth : all;
        }

        return all;
    }
}

internal sealed class AnyOf(ImmutableArray<Condition> terms) : Condition
{
    public override Truth Test(ref RowReader row)
    {
        var any = Truth.False;
        foreach (var term in terms)
        {
            var truth = term.Test(ref row);
            if (truth == Truth.True)
                return Truth.True;
            any = truth > any ? truth : any;
        }

        return any;
    }
}

internal sealed class Negation(Condition inner) : Condition
{
    public override Truth Test(ref RowReader row) => Truth.True - inner.Test(ref row) + Truth.False;
}

/// <summary>Which outcomes of an ordering make a comparison true.</summary>
[Flags]
internal enum Orders
{
    Less = 1,
    Equal = 2,
    Greater = 4,
}

/// <summary>Compares two values of one family.</summary>
internal sealed class Comparison(ValueType family, Orders wanted, Value left, Value right) : Condition
{
    public override Truth Test(ref RowReader row)
    {
        if (!left.TryGet(ref row, out var a) || !right.TryGet(ref row, out var b))
            return Truth.Unknown;
        var order = family switch
        {
            ValueType.Exact => ExactNumber.Compare(a.Exact, b.Exact),
            ValueType.Real => a.Real.CompareTo(b.Real),
            ValueType.Text => a.Text.SequenceCompareTo(b.Text),
            _ => a.Ticks.CompareTo(b.Ticks),
        };
        return Matches(wanted, order);
    }

    public static Truth Matches(Orders wanted, int order) =>
        (wanted & (order < 0 ? Orders.Less : order > 0 ? Orders.Greater : Orders.Equal)) != 0 ? Truth.True : Truth.False;
}

/// <summary>Compares an integer column with a whole number: the commonest condition, without building numbers.</summary>
internal sealed class IntegerComparison(ColumnValue column, Orders wanted, long constant) : Condition
{
    private readonly bool _signed = column.Kind is ColumnKind.Int8 or ColumnKind.Int16 or ColumnKind.Int32 or ColumnKind.Int64;

    public override Truth Test(ref RowReader row)
    {
        if (!row.Seek(column.Ordinal))
            return Truth.Unknown;
        var value = _signed ? row.Int64 : (long)row.UInt64;
        return Comparison.Matches(wanted, value.CompareTo(constant));
    }
}

/// <summary>A number as a condition: true unless it is 0.</summary>
internal sealed class NotZero(Value inner) : Condition
{
    public override Truth Test(ref RowReader row)
    {
        if (!inner.TryGet(ref row, out var value))
            return Truth.Unknown;
        var zero = inner.Type == ValueType.Real ? value.Real == 0 : value.Exact.IsZero;
        return zero ? Truth.False : Truth.True;
    }
}

internal sealed class IsNull(Value inner) : Condition
{
    public override Truth Test(ref RowReader row) => inner.TryGet(ref row, out _) ? Truth.False : Truth.True;
}

/// <summary>LIKE: <c>%</c> any run, <c>_</c> one character, <c>\</c> takes the next sign literally; compared byte by byte.</summary>
internal sealed class Like(Value inner, byte[] pattern) : Condition
{
    public override Truth Test(ref RowReader row)
    {
        if (!inner.TryGet(ref row, out var value))
            return Truth.Unknown;
        return Matches(value.Text, pattern) ? Truth.True : Truth.False;
    }

    // Greedy with one way back: after a '%' only the last one needs to be tried again, so the time is at most length × pattern.
    private static bool Matches(ReadOnlySpan<byte> text, ReadOnlySpan<byte> pattern)
    {
        int at = 0, p = 0, retryPattern = -1, retryText = 0;
        while (at < text.Length)
        {
            if (p < pattern.Length && pattern[p] == '%')
            {
                retryPattern = ++p;
                retryText = at;
            }
            else if (p < pattern.Length && Step(text, ref at, pattern, ref p))
            {
            }
            else if (retryPattern >= 0)
            {
                p = retryPattern;
                at = ++retryText;
            }
            else
            {
                return false;
            }
        }

        return pattern[p..].IndexOfAnyExcept((byte)'%') < 0;
    }

    private static bool Step(ReadOnlySpan<byte> text, ref int at, ReadOnlySpan<byte> pattern, ref int p)
    {
        if (pattern[p] == '_')
        {
            p++;
            at++;
            while (at < text.Length && (text[at] & 0xC0) == 0x80)
                at++;
            return true;
        }

        var escaped = pattern[p] == '\\' && p + 1 < pattern.Length;
        if (pattern[escaped ? p + 1 : p] != text[at])
            return false;
        p += escaped ? 2 : 1;
        at++;
        return true;
    }
}
