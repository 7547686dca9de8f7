using System.Text.RegularExpressions;
using Leat.Changes.Configuration;

namespace Leat.Tests.Definitions.Schema;

/// <summary>All settings that readers were heard asking for, by their place; <c>*</c> stands for a name that users choose.</summary>
internal sealed partial class SettingTree
{
    private readonly HashSet<string> _named = [];

    private SettingTree()
    {
    }

    /// <summary>The file itself.</summary>
    public SettingNode Root { get; } = new("", "");

    /// <summary>What a recorder heard.</summary>
    public static SettingTree Of(ConfigRecorder recorder)
    {
        var tree = new SettingTree();
        foreach (var path in recorder.Named.Where(path => !KindBlock().IsMatch(path)).OrderBy(path => path.Count(letter => letter == '.')))
            tree._named.Add(tree.Normal(path));
        foreach (var path in recorder.Blocks)
            tree.At(path).Blocks++;
        foreach (var path in tree._named)
            tree.At(path).IsNamed = true;
        foreach (var read in recorder.Reads)
            tree.At(read.Path.Length == 0 ? read.Key : $"{read.Path}.{read.Key}").Reads.Add(read);
        return tree;
    }

    /// <summary>All places in order.</summary>
    public IEnumerable<SettingNode> All() => Below(Root);

    private static IEnumerable<SettingNode> Below(SettingNode node) => node.Children.Values.SelectMany(child => Below(child).Prepend(child));

    private SettingNode At(string path)
    {
        var node = Root;
        foreach (var part in Normal(path).Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!node.Children.TryGetValue(part, out var child))
                node.Children[part] = child = new(node.Path.Length == 0 ? part : $"{node.Path}.{part}", part);
            node = child;
        }

        return node;
    }

    private string Normal(string path)
    {
        var normal = "";
        foreach (var part in Index().Replace(path, "").Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            var name = _named.Contains(normal) ? "*" : part;
            normal = normal.Length == 0 ? name : $"{normal}.{name}";
        }

        return normal;
    }

    // Their keys are names of connectors, which the reader looks through to find the one that is there.
    [GeneratedRegex(@"^(sources\.[\w-]+|pipelines\.[\w-]+\.sink)$")]
    private static partial Regex KindBlock();

    [GeneratedRegex(@"\[\d+\]")]
    private static partial Regex Index();
}

/// <summary>One setting, or one block of them.</summary>
internal sealed class SettingNode(string path, string key)
{
    public string Path { get; } = path;

    public string Key { get; } = key;

    /// <summary>How often it got a reader.</summary>
    public int Blocks { get; set; }

    public bool IsNamed { get; set; }

    public List<SettingRead> Reads { get; } = [];

    public SortedDictionary<string, SettingNode> Children { get; } = new(StringComparer.Ordinal);

    /// <summary>Whether each reader of the block insisted on it.</summary>
    public bool IsRequiredIn(SettingNode block) => block.Blocks > 0 && Reads.Count(read => read.IsRequired) >= block.Blocks;
}
