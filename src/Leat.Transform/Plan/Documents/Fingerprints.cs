using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Leat.Transform.Plan.Documents;

/// <summary>Tells state of one form apart from that of another.</summary>
internal static class Fingerprints
{
    // Raised when rows are held otherwise than before.
    private const int Format = 1;

    /// <summary>A short text that is the same exactly when the same tables are held with the same columns, keys and conditions.</summary>
    public static string Of(ImmutableArray<Input> inputs)
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{Format}");
        foreach (var input in inputs)
        {
            var selection = input.Selection;
            text.Append(CultureInfo.InvariantCulture, $"\n{selection.Alias}\t{selection.Table}\t{selection.Pattern}\t{selection.When}\t{selection.Where}");
            foreach (var set in selection.Set)
                text.Append(CultureInfo.InvariantCulture, $"\n={set.Name}\t{set.Expression.Text}");
            foreach (var column in input.Held.Columns)
                text.Append(CultureInfo.InvariantCulture, $"\n{column.Name}\t{(int)column.Kind}\t{column.Scale}\t{string.Join('\u001F', column.Labels)}");
            text.Append(CultureInfo.InvariantCulture, $"\nkey {string.Join(',', input.Held.Key)}");
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())).AsSpan(0, 16));
    }
}
