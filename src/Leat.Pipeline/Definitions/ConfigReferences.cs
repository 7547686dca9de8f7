using System.Text;
using Leat.Changes;
using Leat.Changes.Configuration;

namespace Leat.Pipeline.Definitions;

/// <summary>Puts values in the place of <c>${env:NAME}</c>, <c>${env:NAME:-default}</c> and <c>${file:/path}</c>.</summary>
/// <remarks>
/// Works on scalars that YAML has already cut out, so that a value can never change the structure of the file. What comes out is
/// marked as a secret and never printed. <c>$${</c> stands for a plain <c>${</c>. Values are not looked through a second time.
/// </remarks>
internal sealed class ConfigReferences(ConfigEnvironment environment, List<Finding> problems)
{
    /// <summary>The scalar with all references replaced; a reference that fails is noted and becomes empty.</summary>
    public ConfigScalar Resolve(FileLocation at, string text)
    {
        if (!text.Contains("${", StringComparison.Ordinal))
            return new(at, text, IsSecret: false);

        var result = new StringBuilder();
        var isSecret = false;
        var rest = text.AsSpan();
        while (rest.IndexOf("${", StringComparison.Ordinal) is var start and >= 0)
        {
            if (start > 0 && rest[start - 1] == '$')
            {
                result.Append(rest[..(start - 1)]).Append("${");
                rest = rest[(start + 2)..];
                continue;
            }

            result.Append(rest[..start]);
            var end = rest[start..].IndexOf('}');
            if (end < 0)
            {
                problems.Add(DefinitionErrors.BadReference(at, rest[start..].ToString(), meant: null));
                return new(at, "", IsSecret: true);
            }

            result.Append(Value(at, rest.Slice(start + 2, end - 2).ToString()));
            isSecret = true;
            rest = rest[(start + end + 1)..];
        }

        return new(at, result.Append(rest).ToString(), isSecret);
    }

    private string Value(FileLocation at, string reference)
    {
        if (reference.StartsWith("env:", StringComparison.Ordinal))
            return Variable(at, reference["env:".Length..]);
        if (reference.StartsWith("file:", StringComparison.Ordinal))
            return FileText(at, reference["file:".Length..]);

        var meant = IsVariableName(reference) ? $"${{env:{reference}}}" : null;
        problems.Add(DefinitionErrors.BadReference(at, $"${{{reference}}}", meant));
        return "";
    }

    private string Variable(FileLocation at, string reference)
    {
        var colon = reference.IndexOf(":-", StringComparison.Ordinal);
        var name = colon < 0 ? reference : reference[..colon];
        if (!IsVariableName(name))
        {
            problems.Add(DefinitionErrors.BadReference(at, $"${{env:{reference}}}", meant: null));
            return "";
        }

        // As in a shell, ':-' gives the default for an empty variable too.
        var value = environment.Variable(name);
        if (colon >= 0)
            return string.IsNullOrEmpty(value) ? reference[(colon + 2)..] : value;
        if (value is null)
            problems.Add(DefinitionErrors.VariableMissing(at, name));
        return value ?? "";
    }

    private string FileText(FileLocation at, string path)
    {
        if (path.Length == 0)
        {
            problems.Add(DefinitionErrors.BadReference(at, "${file:}", meant: null));
            return "";
        }

        try
        {
            var full = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(at.File)) ?? "/", path);
            return environment.ReadFile(full).TrimEnd('\r', '\n');
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            problems.Add(DefinitionErrors.SecretFileUnreadable(at, path, error.Reason()));
            return "";
        }
    }

    private static bool IsVariableName(string name) =>
        name.Length > 0 && !char.IsAsciiDigit(name[0]) && name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter == '_');
}
