using System.Buffers;
using Leat.Changes;
using Leat.Connectors.Redis.Wire;

namespace Leat.Connectors.Redis.Write;

/// <summary>Writes the commands of one shape's operations. What is common: the key, what the row before had under another one, and the time to live.</summary>
internal abstract class RowCommands(RedisTable table)
{
    /// <summary>Cause of operations whose place in the target is not known.</summary>
    internal const string BeforeUnknown = "BEFOREUNKNOWN";

    private static readonly byte[] Unlink = [.. "*2\r\n$6\r\nUNLINK\r\n"u8];
    private static readonly byte[] Persist = [.. "*2\r\n$7\r\nPERSIST\r\n"u8];
    private static readonly byte[] PExpire = RespWriter.PreparePart("PEXPIRE"u8);
    private static readonly byte[] PExpireAt = RespWriter.PreparePart("PEXPIREAT"u8);
    private static readonly byte[] OnlyIfNone = RespWriter.PreparePart("NX"u8);

    private readonly ArrayBufferWriter<byte> _oldKey = new(64);
    private readonly ArrayBufferWriter<byte> _oldMember = new(64);

    /// <summary>Whether the same commands may be sent again.</summary>
    public bool IsIdempotent => Table.Rule.IsIdempotent;

    /// <summary>How rows are kept.</summary>
    protected RedisTable Table { get; } = table;

    /// <summary>What rows are made of.</summary>
    protected Shape Shape => Table.Shape;

    /// <summary>The writer for a table.</summary>
    public static RowCommands Create(RedisTable table, RedisSinkOptions options) => table.Rule switch
    {
        { Structure: RedisStructure.Hash, Merge: true } => new MergedHashCommands(table),
        { Structure: RedisStructure.Json, Merge: true } => new MergedJsonCommands(table),
        { Structure: RedisStructure.Hash or RedisStructure.String or RedisStructure.Json } when options.Guard => new GuardedCommands(table, options),
        { Structure: RedisStructure.Hash } => new HashCommands(table),
        { Structure: RedisStructure.String } => new StringCommands(table),
        { Structure: RedisStructure.Json } => new JsonCommands(table),
        { Structure: RedisStructure.Set or RedisStructure.SortedSet } => new SetCommands(table),
        { Structure: RedisStructure.Stream } => new StreamCommands(table),
        _ => new AppendCommands(table),
    };

    /// <summary>Writes the commands of an operation.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="version">Its version: higher for every later one.</param>
    /// <param name="exact">Whether the commands have to be right whatever stands under the key; else they may be shorter, with a check.</param>
    /// <param name="target">Where they go.</param>
    public void Write(in Operation operation, long version, bool exact, IUnitTarget target)
    {
        var row = new RowReader(Shape.Schema, operation.Row.Span);
        if (!WriteKey(ref row, Table.KeyText, Table.MemberText))
        {
            target.Refuse("The row lacks a column that its key or member is made of, and the source did not tell it.", BeforeUnknown);
            return;
        }

        if (operation.Kind == OperationKind.Delete)
        {
            Delete(new(operation, version, exact), ref row, Table.KeyText.WrittenSpan, Table.MemberText.WrittenSpan, target);
            return;
        }

        if (Table.NeedsBefore && !RemoveBefore(operation, version, target))
            return;
        Index(new(operation, version, exact), ref row, Table.KeyText.WrittenSpan, Table.MemberText.WrittenSpan, target);
    }

    /// <summary>Writes what makes the target hold the row.</summary>
    protected abstract void Index(in WriteContext write, ref RowReader row, ReadOnlySpan<byte> key, ReadOnlySpan<byte> member, IUnitTarget target);

    /// <summary>Writes what takes the row away.</summary>
    protected virtual void Delete(in WriteContext write, ref RowReader row, ReadOnlySpan<byte> key, ReadOnlySpan<byte> member, IUnitTarget target)
    {
        var commands = target.Begin(key, together: false);
        commands.WritePrepared(Unlink);
        commands.WritePart(key);
        target.End(1);
    }

    /// <summary>Writes the commands that set a key's time to live, and returns how many they are.</summary>
    protected int WriteTtl(ref RowReader row, ReadOnlySpan<byte> key, RespWriter commands)
    {
        if (Table.Rule.Ttl is { } ttl)
            return WriteExpiry(PExpire, key, (long)ttl.TotalMilliseconds, commands);
        if (Table.Ttl < 0)
            return 0;
        if (row.Seek(Table.Ttl))
        {
            if (!NumberText.IsTime(row.Column.Kind))
                return WriteExpiry(PExpire, key, NumberText.Milliseconds(ref row), commands);
            if (NumberText.TryMicros(ref row, out var micros))
                return WriteExpiry(PExpireAt, key, micros / 1_000, commands);
        }

        if (row.IsAbsent)
            return 0;
        commands.WritePrepared(Persist);
        commands.WritePart(key);
        return 1;
    }

    private int WriteExpiry(byte[] command, ReadOnlySpan<byte> key, long milliseconds, RespWriter commands)
    {
        commands.BeginCommand(Table.Rule.KeepTtl ? 4 : 3);
        commands.WritePrepared(command);
        commands.WritePart(key);
        commands.WritePart(milliseconds);
        if (Table.Rule.KeepTtl)
            commands.WritePrepared(OnlyIfNone);
        return 1;
    }

    private bool WriteKey(ref RowReader row, ArrayBufferWriter<byte> key, ArrayBufferWriter<byte> member)
    {
        key.ResetWrittenCount();
        member.ResetWrittenCount();
        return Table.Key.Write(ref row, key) && (Table.Member is null || Table.Member.Write(ref row, member));
    }

    // What the row before has under another key, or as another member, goes first. False when that cannot be known.
    private bool RemoveBefore(in Operation operation, long version, IUnitTarget target)
    {
        if (operation.Before.IsEmpty)
        {
            if (operation.Kind != OperationKind.Update)
                return true; // there was none
            target.Refuse("Key or member are made of columns that can change, and the source did not tell the row before.", BeforeUnknown);
            return false;
        }

        var before = new RowReader(Shape.Schema, operation.Before.Span);
        if (!WriteKey(ref before, _oldKey, _oldMember))
        {
            target.Refuse("Key or member are made of columns that can change, and the source did not tell all of them of the row before.", BeforeUnknown);
            return false;
        }

        if (!_oldKey.WrittenSpan.SequenceEqual(Table.KeyText.WrittenSpan) || !_oldMember.WrittenSpan.SequenceEqual(Table.MemberText.WrittenSpan))
            Delete(new(operation, version, IsExact: true), ref before, _oldKey.WrittenSpan, _oldMember.WrittenSpan, target);
        return true;
    }
}

/// <summary>What is written, and how.</summary>
/// <param name="Operation">The operation.</param>
/// <param name="Version">Its version.</param>
/// <param name="IsExact">Whether it has to be right whatever stands under the key.</param>
internal readonly record struct WriteContext(Operation Operation, long Version, bool IsExact);
