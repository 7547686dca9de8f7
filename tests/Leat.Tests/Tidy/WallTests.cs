using System.Text.RegularExpressions;
using System.Xml.Linq;
using Xunit;

namespace Leat.Tests.Tidy;

/// <summary>Which room may know which.</summary>
public sealed partial class WallTests
{
    // The whole dependency direction of the product. Change it here first, with a reason in the commit message.
    private static readonly Dictionary<string, string[]> MayReference = new()
    {
        ["Leat.Changes"] = [],
        ["Leat.Log"] = [],
        ["Leat.Transform"] = ["Leat.Changes"],
        ["Leat.Connectors"] = ["Leat.Changes"],
        ["Leat.Pipeline"] = ["Leat.Changes", "Leat.Log", "Leat.Transform"],
        ["Leat.Server"] = ["Leat.Changes", "Leat.Log", "Leat.Transform", "Leat.Pipeline"],
        ["Leat"] = ["Leat.Changes", "Leat.Log", "Leat.Transform", "Leat.Connectors", "Leat.Pipeline", "Leat.Server"],
    };

    // Each package is somebody's reason: who may use it.
    private static readonly Dictionary<string, string[]> MayUsePackage = new()
    {
        ["YamlDotNet"] = ["Leat.Pipeline"],
        ["Npgsql"] = ["Leat.Connectors"],
        ["IronSnappy"] = ["Leat.Log"],
        ["System.CommandLine"] = ["Leat"],
        ["Spectre.Console"] = ["Leat"],
    };

    [Fact]
    public void Each_project_references_only_what_the_map_allows()
    {
        var strays = from project in Source.Files("src", ".csproj")
                     let name = Path.GetFileNameWithoutExtension(project)
                     from reference in XDocument.Parse(Source.Read(project)).Descendants("ProjectReference")
                     let target = Path.GetFileNameWithoutExtension(reference.Attribute("Include")?.Value.Replace('\\', '/'))
                     where !MayReference.TryGetValue(name, out var allowed) || !allowed.Contains(target)
                     select $"{name} -> {target}";

        Source.None(strays);
    }

    [Fact]
    public void Each_package_is_used_where_its_reason_is()
    {
        var strays = from project in Source.Files("src", ".csproj")
                     let name = Path.GetFileNameWithoutExtension(project)
                     from reference in XDocument.Parse(Source.Read(project)).Descendants("PackageReference")
                     let package = reference.Attribute("Include")?.Value ?? ""
                     where !MayUsePackage.TryGetValue(package, out var allowed) || !allowed.Contains(name)
                     select $"{name} uses {package}";

        Source.None(strays);
    }

    [Fact]
    public void Every_package_version_stands_in_one_place_with_its_reason()
    {
        var text = Source.Read("Directory.Packages.props");
        var withoutReason = from Match version in PackageVersion().Matches(text)
                            let before = text[..version.Index].TrimEnd()
                            where !before.EndsWith("-->", StringComparison.Ordinal) && !before.EndsWith("/>", StringComparison.Ordinal)
                            select version.Groups["name"].Value;

        Source.None(withoutReason);
    }

    [Fact]
    public void No_connector_uses_another()
    {
        var strays = from file in Source.Files("src/Leat.Connectors", ".cs")
                     let owner = file.Split('/')[2]
                     from Match use in ConnectorNamespace().Matches(Source.Read(file))
                     let used = use.Groups["name"].Value
                     where used != owner && used != "Shared"
                     select $"{owner} uses {used} in {file}";

        Source.None(strays);
    }

    [Fact]
    public void Only_the_program_names_connectors()
    {
        var strays = from folder in (string[])["src/Leat.Changes", "src/Leat.Log", "src/Leat.Transform", "src/Leat.Pipeline", "src/Leat.Server"]
                     from file in Source.Files(folder, ".cs")
                     where ConnectorNamespace().IsMatch(Source.Read(file))
                     select file;

        Source.None(strays);
    }

    [Fact]
    public void Wire_code_knows_no_options_and_no_logger()
    {
        // Sockets live in the one connection class beside the parsers; everything else in Wire/ is bytes in, values out.
        var strays = from file in Source.Files("src/Leat.Connectors", ".cs")
                     where file.Contains("/Wire/", StringComparison.Ordinal)
                     let text = Source.Read(file)
                     where text.Contains("ILogger", StringComparison.Ordinal) || OptionsRecord().IsMatch(text)
                     select file;

        Source.None(strays);
    }

    [GeneratedRegex(@"<PackageVersion Include=""(?<name>[^""]+)""")]
    private static partial Regex PackageVersion();

    [GeneratedRegex(@"Leat\.Connectors\.(?<name>[A-Z]\w+)")]
    private static partial Regex ConnectorNamespace();

    [GeneratedRegex(@"\b\w+(Source|Sink)Options\b")]
    private static partial Regex OptionsRecord();
}
