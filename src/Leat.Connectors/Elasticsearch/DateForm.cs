using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Connectors.Elasticsearch;

/// <summary>Writes parts of a date as <c>yyyy</c>, <c>MM</c>, <c>dd</c> and <c>HH</c> say, with what stands between them.</summary>
internal static class DateForm
{
    private const string Letters = "yMdH";

    /// <summary>Whether a form has a date's letters, in the right number, and between them only what an index name may have.</summary>
    public static bool IsValid(string form)
    {
        var parts = 0;
        for (var i = 0; i < form.Length; i++)
        {
            if (Letters.Contains(form[i], StringComparison.Ordinal))
            {
                var run = RunAt(form, i);
                if (run != WidthOf(form[i]))
                    return false;
                i += run - 1;
                parts++;
            }
            else if (form[i] is not ('.' or '-' or '_') && !char.IsAsciiDigit(form[i]))
            {
                return false;
            }
        }

        return parts > 0;
    }

    /// <summary>Whether a column has dates at all.</summary>
    public static bool Fits(ColumnKind kind) => kind is ColumnKind.Date or ColumnKind.DateTime or ColumnKind.Timestamp;

    /// <summary>Writes the current value, which is not NULL; at most as long as the form. Instants are taken in UTC.</summary>
    public static int Write(ref RowReader row, string form, Span<byte> target)
    {
        var packed = row.Column.Kind switch
        {
            ColumnKind.Date => row.UInt64 << 37,
            ColumnKind.DateTime => row.UInt64,
            _ => row.Int64 == Temporal.ZeroTimestamp ? 0 : TemporalText.PackUtc(row.Int64),
        };
        var (year, month, day, hour, _, _, _) = Temporal.SplitDateTime(packed);
        for (var i = 0; i < form.Length; i++)
        {
            var value = form[i] switch { 'y' => year, 'M' => month, 'd' => day, 'H' => hour, _ => -1 };
            if (value < 0)
            {
                target[i] = (byte)form[i];
                continue;
            }

            var width = WidthOf(form[i]);
            for (var digit = width - 1; digit >= 0; digit--, value /= 10)
                target[i + digit] = (byte)('0' + (value % 10));
            i += width - 1;
        }

        return form.Length;
    }

    private static int WidthOf(char letter) => letter == 'y' ? 4 : 2;

    private static int RunAt(string form, int start)
    {
        var end = start;
        while (end < form.Length && form[end] == form[start])
            end++;
        return end - start;
    }
}
