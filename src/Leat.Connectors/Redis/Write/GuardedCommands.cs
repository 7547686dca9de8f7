using System.Buffers;
using System.Buffers.Text;
using Leat.Changes;
using Leat.Connectors.Redis.Wire;

namespace Leat.Connectors.Redis.Write;

/// <summary>Hashes, strings and documents that the server writes only when they are not newer already.</summary>
/// <remarks>A hash keeps its version in the field <c>__v</c>; strings, documents and removed rows in a key beside theirs.</remarks>
internal sealed class GuardedCommands(RedisTable table, RedisSinkOptions options) : RowCommands(table)
{
    /// <summary>Field of a hash that holds its version.</summary>
    public const string Field = "__v";

    /// <summary>End of the key that holds a version.</summary>
    public const string Suffix = ":__v";

    private static readonly byte[] Set = RespWriter.PreparePart("SET"u8);
    private static readonly byte[] JsonSet = RespWriter.PreparePart("JSON.SET"u8);

    private readonly FieldText _fields = new(table.Shape);
    private readonly RowJson _json = new(table.Shape);
    private readonly ArrayBufferWriter<byte> _side = new(64);

    /// <inheritdoc/>
    protected override void Index(in WriteContext write, ref RowReader row, ReadOnlySpan<byte> key, ReadOnlySpan<byte> member, IUnitTarget target)
    {
        if (!TryNameVersion(key, target))
            return;
        Span<byte> when = stackalloc byte[24];
        var whenLength = WriteWhen(ref row, when);
        var commands = target.Begin(key, together: false);
        if (Table.Rule.Structure == RedisStructure.Hash)
        {
            RedisScripts.GuardedHash.Begin(commands, write.IsExact, keys: 2, arguments: 2 + (2 * _fields.CountValues(ref row)));
            WriteFront(key, write.Version, commands);
            commands.WritePart(when[..whenLength]);
            _fields.WriteValues(ref row, commands);
        }
        else
        {
            RedisScripts.GuardedValue.Begin(commands, write.IsExact, keys: 2, arguments: 4);
            WriteFront(key, write.Version, commands);
            commands.WritePart(when[..whenLength]);
            StringCommands.WriteValue(Table, _json, _fields, ref row, commands);
            commands.WritePrepared(Table.Rule.Structure == RedisStructure.String ? Set : JsonSet);
        }

        target.End(1, UnitCheck.Newer);
    }

    /// <inheritdoc/>
    protected override void Delete(in WriteContext write, ref RowReader row, ReadOnlySpan<byte> key, ReadOnlySpan<byte> member, IUnitTarget target)
    {
        if (!TryNameVersion(key, target))
            return;
        var commands = target.Begin(key, together: false);
        RedisScripts.GuardedDelete.Begin(commands, write.IsExact, keys: 2, arguments: 2);
        WriteFront(key, write.Version, commands);
        commands.WritePart((long)options.GuardTtl.TotalMilliseconds);
        target.End(1, UnitCheck.Newer);
    }

    /// <summary>The key of a version: the row's with <see cref="Suffix"/>, in braces where a cluster would else keep it elsewhere.</summary>
    internal static void WriteVersionKey(ReadOnlySpan<byte> key, ArrayBufferWriter<byte> target)
    {
        var needsTag = KeySlot.TagOf(key).IsEmpty;
        target.Write(needsTag ? "{"u8 : default);
        target.Write(key);
        target.Write(needsTag ? "}:__v"u8 : ":__v"u8);
    }

    private bool TryNameVersion(ReadOnlySpan<byte> key, IUnitTarget target)
    {
        if (key.EndsWith(":__v"u8))
        {
            target.Refuse("The key ends with ':__v', as the keys of versions do.", "RESERVEDKEY");
            return false;
        }

        _side.ResetWrittenCount();
        WriteVersionKey(key, _side);
        return true;
    }

    private void WriteFront(ReadOnlySpan<byte> key, long version, RespWriter commands)
    {
        commands.WritePart(key);
        commands.WritePart(_side.WrittenSpan);
        commands.WritePart(version);
    }

    // +milliseconds from now, @milliseconds since 1970, or nothing.
    private int WriteWhen(ref RowReader row, scoped Span<byte> when)
    {
        var isInstant = false;
        long milliseconds;
        if (Table.Rule.Ttl is { } ttl)
        {
            milliseconds = (long)ttl.TotalMilliseconds;
        }
        else if (Table.Ttl < 0 || !row.Seek(Table.Ttl))
        {
            return 0;
        }
        else if (NumberText.IsTime(row.Column.Kind))
        {
            if (!NumberText.TryMicros(ref row, out var micros))
                return 0;
            (isInstant, milliseconds) = (true, micros / 1_000);
        }
        else
        {
            milliseconds = NumberText.Milliseconds(ref row);
        }

        when[0] = isInstant ? (byte)'@' : (byte)'+';
        Utf8Formatter.TryFormat(milliseconds, when[1..], out var digits);
        return digits + 1;
    }
}
