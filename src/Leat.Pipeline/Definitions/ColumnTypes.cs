using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using Leat.Changes;

namespace Leat.Pipeline.Definitions;

/// <summary>Reads types of columns as tests write them: as in CREATE TABLE, with <c>key</c> behind those of the key.</summary>
internal static partial class ColumnTypes
{
    private const int MaxDecimalDigits = 65;
    private const int MaxDecimalScale = 38;
    private const int MaxFraction = 6;
    private const int MaxBits = 64;
    private const int DefaultDecimalDigits = 10;

    private static readonly Dictionary<string, (ColumnKind Kind, ColumnKind Unsigned)> Words = new()
    {
        ["tinyint"] = (ColumnKind.Int8, ColumnKind.UInt8), ["boolean"] = (ColumnKind.Int8, default), ["bool"] = (ColumnKind.Int8, default),
        ["smallint"] = (ColumnKind.Int16, ColumnKind.UInt16), ["mediumint"] = (ColumnKind.Int32, ColumnKind.UInt32),
        ["int"] = (ColumnKind.Int32, ColumnKind.UInt32), ["integer"] = (ColumnKind.Int32, ColumnKind.UInt32), ["bigint"] = (ColumnKind.Int64, ColumnKind.UInt64),
        ["float"] = (ColumnKind.Float32, default), ["double"] = (ColumnKind.Float64, default), ["real"] = (ColumnKind.Float64, default),
        ["decimal"] = (ColumnKind.Decimal, ColumnKind.Decimal), ["numeric"] = (ColumnKind.Decimal, ColumnKind.Decimal),
        ["char"] = (ColumnKind.String, default), ["varchar"] = (ColumnKind.String, default), ["text"] = (ColumnKind.String, default), ["string"] = (ColumnKind.String, default),
        ["tinytext"] = (ColumnKind.String, default), ["mediumtext"] = (ColumnKind.String, default), ["longtext"] = (ColumnKind.String, default),
        ["binary"] = (ColumnKind.Binary, default), ["varbinary"] = (ColumnKind.Binary, default), ["blob"] = (ColumnKind.Binary, default),
        ["json"] = (ColumnKind.Json, default), ["bit"] = (ColumnKind.Bit, default), ["year"] = (ColumnKind.Year, default), ["date"] = (ColumnKind.Date, default),
        ["time"] = (ColumnKind.Time, default), ["datetime"] = (ColumnKind.DateTime, default), ["timestamp"] = (ColumnKind.Timestamp, default),
        ["enum"] = (ColumnKind.Enum, default), ["set"] = (ColumnKind.Set, default),
    };

    /// <summary>The column, and whether its type says that it is part of the key; <see langword="null"/> when it is no type.</summary>
    public static (Column Column, bool IsKey)? Read(string name, string type)
    {
        var match = Form().Match(type);
        if (!match.Success || !Words.TryGetValue(match.Groups["word"].Value.ToLowerInvariant(), out var kinds))
            return null;
        var isUnsigned = match.Groups["unsigned"].Success;
        var column = new Column
        {
            Name = name, Kind = isUnsigned ? kinds.Unsigned : kinds.Kind, SourceType = type,
            Nullable = !match.Groups["notNull"].Success && !match.Groups["key"].Success,
        };
        var arguments = match.Groups["arguments"].Value;
        return column.Kind == default || WithArguments(column, arguments) is not { } whole ? null : (whole, match.Groups["key"].Success);
    }

    /// <summary>The word that was probably meant.</summary>
    public static string? Nearest(string type) =>
        Changes.Configuration.Nearest.Of(type.Split([' ', '('], 2)[0].ToLowerInvariant(), Words.Keys) is { } word && !type.StartsWith(word, StringComparison.OrdinalIgnoreCase) ? word : null;

    private static Column? WithArguments(Column column, string arguments)
    {
        if (column.Kind is ColumnKind.Enum or ColumnKind.Set)
        {
            ImmutableArray<string> labels = [.. Label().Matches(arguments).Select(label => label.Groups["label"].Value.Replace("''", "'", StringComparison.Ordinal))];
            return labels.IsEmpty ? null : column with { Labels = labels };
        }

        var numbers = arguments.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (numbers.Length > 2 || !numbers.All(number => int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out _)))
            return null;
        var first = numbers.Length > 0 ? int.Parse(numbers[0], CultureInfo.InvariantCulture) : (int?)null;
        var second = numbers.Length > 1 ? int.Parse(numbers[1], CultureInfo.InvariantCulture) : 0;
        return column.Kind switch
        {
            ColumnKind.Decimal when (first ?? DefaultDecimalDigits) is >= 1 and <= MaxDecimalDigits and var digits && second <= Math.Min(digits, MaxDecimalScale) =>
                column with { Precision = digits, Scale = second },
            ColumnKind.Decimal => null,
            ColumnKind.String or ColumnKind.Binary when numbers.Length < 2 => column with { Length = first ?? 0 },
            ColumnKind.Bit when numbers.Length < 2 && (first ?? 1) is >= 1 and <= MaxBits and var bits => column with { Length = bits },
            ColumnKind.Time or ColumnKind.DateTime or ColumnKind.Timestamp when numbers.Length < 2 && (first ?? 0) is <= MaxFraction and var fraction =>
                column with { Scale = fraction },
            ColumnKind.String or ColumnKind.Binary or ColumnKind.Bit or ColumnKind.Time or ColumnKind.DateTime or ColumnKind.Timestamp => null,
            _ => column,
        };
    }

    [GeneratedRegex("""
        \A\s*(?<word>[A-Za-z]+)(?:\s*\((?<arguments>[^()]*)\))?(?<unsigned>\s+unsigned)?(?<notNull>\s+not\s+null)?(?<key>(?:\s+primary)?\s+key)?\s*\z
        """, RegexOptions.IgnoreCase | RegexOptions.IgnorePatternWhitespace | RegexOptions.CultureInvariant)]
    private static partial Regex Form();

    [GeneratedRegex("""'(?<label>(?:[^']|'')*)'""")]
    private static partial Regex Label();
}
