using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Leat.Simulation.Log;

/// <summary>A promise of the log that did not hold.</summary>
internal sealed class ViolationException(string violation) : Exception(violation);

/// <summary>Checks promises; the words are only made when one does not hold.</summary>
internal static class Violation
{
    public static void Unless([DoesNotReturnIf(false)] bool holds, [InterpolatedStringHandlerArgument(nameof(holds))] ref Words words)
    {
        if (!holds)
            throw new ViolationException(words.ToString());
    }

    public static void Unless([DoesNotReturnIf(false)] bool holds, string words)
    {
        if (!holds)
            throw new ViolationException(words);
    }

    /// <summary>Text that is put together only when it is needed.</summary>
    [InterpolatedStringHandler]
    internal ref struct Words
    {
        private DefaultInterpolatedStringHandler _text;

        public Words(int literalLength, int formattedCount, bool holds, out bool isNeeded)
        {
            isNeeded = !holds;
            _text = holds ? default : new(literalLength, formattedCount);
        }

        public void AppendLiteral(string text) => _text.AppendLiteral(text);

        public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

        public override string ToString() => _text.ToStringAndClear();
    }
}
