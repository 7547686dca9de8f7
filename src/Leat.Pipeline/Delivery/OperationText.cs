using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Pipeline.Delivery;

/// <summary>Operations in words, for people.</summary>
internal static class OperationText
{
    /// <summary>The key's values, e.g. <c>id=17</c>.</summary>
    public static string Key(in Operation operation)
    {
        var reader = new RowReader(operation.Shape.Schema, operation.Row.Span);
        var parts = new List<string>();
        foreach (var ordinal in operation.Shape.Key)
        {
            reader.Seek(ordinal);
            parts.Add($"{operation.Shape.Schema.Columns[ordinal].Name}={ValueText.Of(ref reader) ?? "NULL"}");
        }

        return string.Join(", ", parts);
    }

    /// <summary>What happened to which key, e.g. <c>update orders id=17</c>.</summary>
    public static string Of(in Operation operation)
    {
        var verb = operation.Cause switch
        {
            ChangeKind.Insert => "insert",
            ChangeKind.Update => operation.Kind == OperationKind.Delete ? "leave" : "update",
            ChangeKind.Delete => "delete",
            ChangeKind.Truncate or ChangeKind.Sweep => "remove",
            _ => "read",
        };
        return $"{verb} {operation.Shape.Alias} {Key(operation)}";
    }
}
