using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Leat.Transform.Expressions.Evaluation;

/// <summary>A step into JSON: a member by its name, or an element by its index, from the end when negative (-1 is the last).</summary>
/// <param name="Member">The member's name in UTF-8; <see langword="null"/> for an element.</param>
/// <param name="Index">The element.</param>
internal readonly record struct JsonStep(byte[]? Member, int Index);

/// <summary>Reads JSON texts without building them up. What is not JSON, or nested deeper than 64 levels, is as good as NULL. Of members of one name the last counts.</summary>
internal static class Json
{
    /// <summary>The text of the value at the end of a path; false when there is none.</summary>
    public static bool TryFind(ReadOnlySpan<byte> document, ImmutableArray<JsonStep> path, out ReadOnlySpan<byte> found)
    {
        found = default;
        if (!MayBegin(document))
            return false;
        try
        {
            var reader = new Utf8JsonReader(document);
            reader.Read();
            var isThere = TryStep(ref reader, path.AsSpan(), out var start, out var end);
            while (reader.Read())
            {
                // The rest has to be JSON, too.
            }

            found = isThere ? document[start..end] : default;
            return isThere;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>Whether a text is JSON.</summary>
    public static bool IsValid(ReadOnlySpan<byte> document) => TryFind(document, [], out _);

    /// <summary>A JSON value as text: a string without quotes, anything else as it is; false for JSON's null and what is not JSON.</summary>
    public static bool TryUnquote(ReadOnlySpan<byte> value, Scratch scratch, out ReadOnlySpan<byte> text)
    {
        text = value;
        if (!TryFind(value, [], out value))
            return false;
        text = value;
        if (value[0] != '"')
            return value[0] != 'n';
        try
        {
            var reader = new Utf8JsonReader(value);
            reader.Read();
            var target = scratch.Take(value.Length);
            text = target[..reader.CopyString(target)];
            return true;
        }
        catch (InvalidOperationException)
        {
            return false; // half of a surrogate pair, or bytes that are no UTF-8
        }
    }

    /// <summary>Elements of an array, members of an object, 1 for anything else; -1 when it is not JSON.</summary>
    public static long Length(ReadOnlySpan<byte> value)
    {
        if (!TryFind(value, [], out value))
            return -1;
        var reader = new Utf8JsonReader(value);
        reader.Read();
        if (reader.TokenType is not (JsonTokenType.StartArray or JsonTokenType.StartObject))
            return 1;
        var count = 0;
        while (reader.Read() && reader.CurrentDepth > 0)
        {
            if (reader.TokenType == JsonTokenType.PropertyName)
                reader.Read();
            reader.Skip();
            count++;
        }

        return count;
    }

    // Spares the exception for most texts that are not JSON at all.
    private static bool MayBegin(ReadOnlySpan<byte> document)
    {
        var first = document.IndexOfAnyExcept(" \t\r\n"u8);
        return first >= 0 && "{[\"-0123456789tfn"u8.Contains(document[first]);
    }

    private static bool TryStep(ref Utf8JsonReader reader, ReadOnlySpan<JsonStep> path, out int start, out int end)
    {
        (start, end) = ((int)reader.TokenStartIndex, 0);
        var isThere = path.IsEmpty;
        if (!isThere && path[0].Member is { } member && reader.TokenType == JsonTokenType.StartObject)
        {
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isWanted = reader.ValueTextEquals(member);
                reader.Read();
                if (isWanted)
                    isThere = TryStep(ref reader, path[1..], out start, out end);
                else
                    reader.Skip();
            }

            return isThere;
        }

        if (!isThere && path[0].Member is null && reader.TokenType == JsonTokenType.StartArray)
        {
            var wanted = path[0].Index >= 0 ? path[0].Index : Count(reader) + path[0].Index;
            for (var i = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; i++)
            {
                if (i == wanted)
                    isThere = TryStep(ref reader, path[1..], out start, out end);
                else
                    reader.Skip();
            }

            return isThere;
        }

        reader.Skip();
        end = (int)reader.BytesConsumed;
        return isThere;
    }

    // Elements of the array that a copy of the reader stands at.
    private static int Count(Utf8JsonReader reader)
    {
        var count = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            reader.Skip();
            count++;
        }

        return count;
    }

    /// <summary>Reads a path: <c>$.items[0]."odd name"[last]</c>; <see langword="null"/> when it is none.</summary>
    public static ImmutableArray<JsonStep>? ParsePath(string path)
    {
        if (!path.StartsWith('$'))
            return null;
        var steps = ImmutableArray.CreateBuilder<JsonStep>();
        for (var at = 1; at < path.Length;)
        {
            JsonStep? step = path[at] switch
            {
                '.' when ReadMember(path, ref at) is { } member => new(Encoding.UTF8.GetBytes(member), 0),
                '[' when ReadIndex(path, ref at) is { } index => new(null, index),
                _ => null,
            };
            if (step is not { } known)
                return null;
            steps.Add(known);
        }

        return steps.ToImmutable();
    }

    private static string? ReadMember(string path, ref int at)
    {
        var start = at + 1;
        if (start < path.Length && path[start] == '"')
        {
            var close = path.IndexOf('"', start + 1);
            at = close + 1;
            return close > 0 ? path[(start + 1)..close] : null;
        }

        var end = start;
        while (end < path.Length && (char.IsLetterOrDigit(path[end]) || path[end] is '_' or '$' or '-'))
            end++;
        at = end;
        return end > start ? path[start..end] : null;
    }

    private static int? ReadIndex(string path, ref int at)
    {
        var close = path.IndexOf(']', at);
        if (close < 0)
            return null;
        var inner = path[(at + 1)..close].Trim();
        at = close + 1;
        if (inner == "last")
            return -1;
        var isFromEnd = inner.StartsWith("last", StringComparison.Ordinal) && inner[4..].TrimStart().StartsWith('-');
        var digits = isFromEnd ? inner[(inner.IndexOf('-', StringComparison.Ordinal) + 1)..].Trim() : inner;
        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? isFromEnd ? -index - 1 : index : null;
    }
}
