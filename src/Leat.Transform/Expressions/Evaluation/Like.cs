namespace Leat.Transform.Expressions.Evaluation;

/// <summary>LIKE: <c>%</c> any run, <c>_</c> one character, the escape takes the next sign literally; compared byte by byte.</summary>
/// <param name="value">The text.</param>
/// <param name="pattern">What it shall look like.</param>
/// <param name="escape">The sign that takes the next literally; 0: none.</param>
internal sealed class Like(Node value, Node pattern, byte escape) : Node(StaticType.Boolean, value.IsNullable || pattern.IsNullable)
{
    public override Truth Test(scoped in EvaluatedRow row)
    {
        if (!value.TryText(row, out var text) || !pattern.TryText(row, out var wanted))
            return Truth.Unknown;
        return Matches(text, wanted) ? Truth.True : Truth.False;
    }

    // Greedy with one way back: after a '%' only the last one needs to be tried again, so the time is at most length × pattern.
    private bool Matches(ReadOnlySpan<byte> text, ReadOnlySpan<byte> pattern)
    {
        int at = 0, p = 0, retryPattern = -1, retryText = 0;
        while (at < text.Length)
        {
            if (p < pattern.Length && pattern[p] == '%' && escape != '%')
            {
                retryPattern = ++p;
                retryText = at;
            }
            else if (p < pattern.Length && Step(text, ref at, pattern, ref p))
            {
                continue;
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

    private bool Step(ReadOnlySpan<byte> text, ref int at, ReadOnlySpan<byte> pattern, ref int p)
    {
        var escaped = pattern[p] == escape && escape != 0 && p + 1 < pattern.Length;
        if (pattern[p] == '_' && !escaped)
        {
            p++;
            at++;
            while (at < text.Length && (text[at] & 0xC0) == 0x80)
                at++;
            return true;
        }

        if (pattern[escaped ? p + 1 : p] != text[at])
            return false;
        p += escaped ? 2 : 1;
        at++;
        return true;
    }
}
