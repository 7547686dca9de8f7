using Leat.Changes;
using Leat.Changes.Configuration;

namespace Leat.Connectors.Redis;

/// <summary>What rows become.</summary>
public enum RedisStructure
{
    /// <summary>A hash: one field for each column.</summary>
    Hash = 0,

    /// <summary>A string: the row as JSON text, or one column.</summary>
    String = 1,

    /// <summary>A JSON document; needs a server with the JSON module.</summary>
    Json = 2,

    /// <summary>A member of a set.</summary>
    Set = 3,

    /// <summary>A member of a sorted set, with a column as its score.</summary>
    SortedSet = 4,

    /// <summary>An entry of a stream for each change.</summary>
    Stream = 5,

    /// <summary>An element at the end of a list for each change; only for tables that are only inserted into.</summary>
    List = 6,

    /// <summary>A message to a channel for each change; at most once.</summary>
    Channel = 7,
}

/// <summary>How the rows of a table are kept.</summary>
public sealed record RedisRule
{
    private static readonly string[] Structures = ["hash", "string", "json", "set", "sorted_set", "stream", "list", "channel"]; // in the order of RedisStructure

    /// <summary>What rows become. Default a hash.</summary>
    public RedisStructure Structure { get; init; }

    /// <summary>Hash and JSON: write and remove the delivered columns only, and leave what others keep under the same key. Default false: the key is replaced as a whole.</summary>
    public bool Merge { get; init; }

    /// <summary>String: the column that is the value; <see langword="null"/>: the whole row as JSON text.</summary>
    public string? ValueColumn { get; init; }

    /// <summary>Set and sorted set: template of the member.</summary>
    public KeyTemplate? Member { get; init; }

    /// <summary>Sorted set: the column that is the score.</summary>
    public string? ScoreColumn { get; init; }

    /// <summary>How long a key stays after a write; <see langword="null"/>: for ever.</summary>
    public TimeSpan? Ttl { get; init; }

    /// <summary>Column that tells when a key goes: a time, or a number of seconds after the write. NULL: never.</summary>
    public string? TtlColumn { get; init; }

    /// <summary>Keys that outlive a write: leave the time that is running (Redis 7 and newer). Default false: it starts anew with each write.</summary>
    public bool KeepTtl { get; init; }

    /// <summary>Several rows may share one key. Default false: such a template is refused.</summary>
    public bool ManyToOne { get; init; }

    /// <summary>List: the table is only inserted into, and an element that comes twice after a crash is no harm. Default false: lists are refused.</summary>
    public bool AppendOnly { get; init; }

    /// <summary>Stream: about how many entries are kept; 0: all.</summary>
    public int MaxLength { get; init; }

    /// <summary>Whether a key holds more than one row's data, so that it outlives a write.</summary>
    public bool IsShared => Merge || Structure is RedisStructure.Set or RedisStructure.SortedSet or RedisStructure.Stream or RedisStructure.List;

    /// <summary>Whether keys go after a time.</summary>
    public bool HasTtl => Ttl is not null || TtlColumn is not null;

    /// <summary>Whether every change adds something: nothing is replaced.</summary>
    public bool IsLog => Structure is RedisStructure.Stream or RedisStructure.List or RedisStructure.Channel;

    /// <summary>Whether the same commands may be sent again.</summary>
    public bool IsIdempotent => Structure is not (RedisStructure.List or RedisStructure.Channel);

    /// <summary>The structure as the configuration names it.</summary>
    public string StructureName => Structures[(int)Structure];

    /// <summary>Reads the settings of a table, or with <paramref name="usual"/> those that a table's block changes.</summary>
    public static RedisRule Read(ConfigReader reader, RedisRule usual)
    {
        var rule = usual with
        {
            Structure = (RedisStructure)Array.IndexOf(Structures, reader.Choice("structure", usual.StructureName, Structures)),
            Merge = reader.Choice("mode", usual.Merge ? "merge" : "replace", "replace", "merge") == "merge",
            ValueColumn = reader.Text("value") ?? usual.ValueColumn,
            Member = ReadMember(reader) ?? usual.Member,
            ScoreColumn = reader.Text("score") ?? usual.ScoreColumn,
            Ttl = reader.Has("ttl") ? reader.Duration("ttl", TimeSpan.Zero, TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(36_500)) : usual.Ttl,
            TtlColumn = reader.Text("ttl_from") ?? usual.TtlColumn,
            KeepTtl = reader.Choice("ttl_mode", usual.KeepTtl ? "keep" : "refresh", "refresh", "keep") == "keep",
            ManyToOne = reader.Bool("many_to_one", usual.ManyToOne),
            AppendOnly = reader.Bool("append_only", usual.AppendOnly),
            MaxLength = reader.Int("max_length", usual.MaxLength, 1, int.MaxValue),
        };
        return rule;
    }

    /// <summary>Notes what does not go together; the rule may have been put together out of two blocks.</summary>
    public void Check(ConfigReader reader)
    {
        if (Merge && Structure is not (RedisStructure.Hash or RedisStructure.Json))
            reader.Invalid("mode", $"replace, because `structure` is {StructureName}");
        if (Structure is RedisStructure.Set or RedisStructure.SortedSet && Member is null)
            reader.Invalid("member", $"a template of the member such as \"{{id}}\", because `structure` is {StructureName}");
        if (Structure == RedisStructure.SortedSet && ScoreColumn is null)
            reader.Invalid("score", "a column that is the score, because `structure` is sorted_set");
        if (Structure == RedisStructure.List && !AppendOnly)
            reader.Invalid("append_only", "true, because `structure` is list: an element cannot be found again to be changed or removed, and after a crash the last ones come twice");
        if (Ttl is not null && TtlColumn is not null)
            reader.Invalid("ttl_from", "only one of `ttl` and `ttl_from`");
        if (KeepTtl && !IsShared)
            reader.Invalid("ttl_mode", "refresh, because a key that is replaced as a whole has no time left to keep");
        if (Structure == RedisStructure.Channel && (Ttl is not null || TtlColumn is not null))
            reader.Invalid(Ttl is not null ? "ttl" : "ttl_from", "nothing, because a channel keeps nothing");
    }

    private static KeyTemplate? ReadMember(ConfigReader reader)
    {
        if (reader.Text("member") is not { } text)
            return null;
        if (KeyTemplate.TryParse(text, out var template))
            return template;
        reader.Invalid("member", "a template of the member such as \"{id}\", with a column's name between each pair of braces");
        return null;
    }
}
