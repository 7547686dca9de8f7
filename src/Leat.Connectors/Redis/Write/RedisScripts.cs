using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Leat.Connectors.Redis.Wire;

namespace Leat.Connectors.Redis.Write;

/// <summary>A script that a server runs by itself, named by its hash.</summary>
internal sealed class RedisScript
{
    private static readonly byte[] EvalSha = RespWriter.PreparePart("EVALSHA"u8);
    private static readonly byte[] Eval = RespWriter.PreparePart("EVAL"u8);

    private readonly byte[] _name;
    private readonly byte[] _text;

    [SuppressMessage("Security", "CA5350", Justification = "Redis names scripts by SHA-1.")]
    public RedisScript(string text)
    {
        Text = Encoding.UTF8.GetBytes(text);
        _text = RespWriter.PreparePart(Text);
        _name = RespWriter.PreparePart(Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA1.HashData(Text))));
    }

    /// <summary>The script.</summary>
    public byte[] Text { get; }

    /// <summary>Begins a call of it. By its text when the server may have forgotten it, which makes it known again.</summary>
    public void Begin(RespWriter commands, bool byText, int keys, int arguments)
    {
        commands.BeginCommand(3 + keys + arguments);
        commands.WritePrepared(byText ? Eval : EvalSha);
        commands.WritePrepared(byText ? _text : _name);
        commands.WritePart(keys);
    }
}

/// <summary>The scripts that delivery uses. Each runs as a whole: no other command comes between.</summary>
/// <remarks>
/// A server whose memory is full refuses a script at its first command that may need more, but not behind another write, be it one that deletes:
/// a script that begins with DEL would write for ever. So the first write of what stores rows is one that needs memory.
/// </remarks>
internal static class RedisScripts
{
    /// <summary>First word of the error for a row without some columns that finds none to change.</summary>
    public const string NoRow = "NOROW";

    // Versions have up to 19 digits, more than Lua's numbers can tell apart: they are compared as texts.
    private const string IsOlder = """
        local function older(a, b) return #a < #b or (#a == #b and a < b) end

        """;

    private const string Expire = """
        local function expire(key, when)
          if string.sub(when, 1, 1) == '+' then redis.call('PEXPIRE', key, string.sub(when, 2))
          elseif string.sub(when, 1, 1) == '@' then redis.call('PEXPIREAT', key, string.sub(when, 2)) end
        end

        """;

    /// <summary>KEYS: hash; ARGV: a field that every row has, how many fields to set, their names and values, names of fields to remove.</summary>
    public static RedisScript UpdateHash { get; } = new($$"""
        if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return redis.error_reply('{{NoRow}} the hash holds no such row') end
        local set = 2 + 2 * tonumber(ARGV[2])
        if set > 2 then redis.call('HSET', KEYS[1], unpack(ARGV, 3, set)) end
        if #ARGV > set then redis.call('HDEL', KEYS[1], unpack(ARGV, set + 1)) end
        return 1
        """);

    /// <summary>KEYS: document; ARGV: what to merge into it, then path and value of each column that is replaced.</summary>
    public static RedisScript UpdateJson { get; } = new($$"""
        if redis.call('EXISTS', KEYS[1]) == 0 then return redis.error_reply('{{NoRow}} there is no such document') end
        redis.call('JSON.MERGE', KEYS[1], '$', ARGV[1])
        for i = 2, #ARGV, 2 do redis.call('JSON.SET', KEYS[1], ARGV[i], ARGV[i + 1]) end
        return 1
        """);

    /// <summary>KEYS: hash, version beside it; ARGV: version, when it goes, fields and values. Gives 0 when the hash is newer.</summary>
    public static RedisScript GuardedHash { get; } = new(IsOlder + Expire + """
        local held = false
        if redis.call('TYPE', KEYS[1]).ok == 'hash' then held = redis.call('HGET', KEYS[1], '__v') end
        held = held or redis.call('GET', KEYS[2])
        if held and older(ARGV[1], held) then return 0 end
        redis.call('SET', KEYS[2], ARGV[1])
        redis.call('DEL', KEYS[1], KEYS[2])
        redis.call('HSET', KEYS[1], '__v', ARGV[1])
        for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
        expire(KEYS[1], ARGV[2])
        return 1
        """);

    /// <summary>KEYS: string or document, version beside it; ARGV: version, when it goes, the value, SET or JSON.SET.</summary>
    public static RedisScript GuardedValue { get; } = new(IsOlder + Expire + """
        local held = redis.call('GET', KEYS[2])
        if held and older(ARGV[1], held) then return 0 end
        redis.call('SET', KEYS[2], ARGV[1])
        redis.call('DEL', KEYS[1])
        if ARGV[4] == 'SET' then redis.call('SET', KEYS[1], ARGV[3]) else redis.call('JSON.SET', KEYS[1], '$', ARGV[3]) end
        expire(KEYS[1], ARGV[2])
        expire(KEYS[2], ARGV[2])
        return 1
        """);

    /// <summary>KEYS: what goes, version beside it; ARGV: version, milliseconds for which that is kept.</summary>
    public static RedisScript GuardedDelete { get; } = new(IsOlder + """
        local held = false
        if redis.call('TYPE', KEYS[1]).ok == 'hash' then held = redis.call('HGET', KEYS[1], '__v') end
        held = held or redis.call('GET', KEYS[2])
        if held and older(ARGV[1], held) then return 0 end
        redis.call('DEL', KEYS[1])
        redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
        return 1
        """);
}
