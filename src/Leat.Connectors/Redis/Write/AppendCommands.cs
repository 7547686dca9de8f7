using Leat.Changes;
using Leat.Connectors.Redis.Wire;

namespace Leat.Connectors.Redis.Write;

/// <summary>An element of a list, or a message to a channel. Sent twice, it is there twice.</summary>
internal sealed class AppendCommands(RedisTable table) : RowCommands(table)
{
    private static readonly byte[] RPush = RespWriter.PreparePart("RPUSH"u8);
    private static readonly byte[] Publish = RespWriter.PreparePart("PUBLISH"u8);

    private readonly RowJson _json = new(table.Shape);

    /// <inheritdoc/>
    protected override void Index(in WriteContext write, ref RowReader row, ReadOnlySpan<byte> key, ReadOnlySpan<byte> member, IUnitTarget target)
    {
        var isList = Table.Rule.Structure == RedisStructure.List;
        var commands = target.Begin(key, together: false);
        commands.BeginCommand(3);
        commands.WritePrepared(isList ? RPush : Publish);
        commands.WritePart(key);
        commands.WritePart(isList ? _json.Of(ref row) : _json.Event(ref row, StreamCommands.NameOf(write.Operation)));
        target.End(1 + (isList ? WriteTtl(ref row, key, commands) : 0));
    }

    /// <inheritdoc/>
    protected override void Delete(in WriteContext write, ref RowReader row, ReadOnlySpan<byte> key, ReadOnlySpan<byte> member, IUnitTarget target)
    {
        if (Table.Rule.Structure == RedisStructure.List)
            return; // an element cannot be found again
        var commands = target.Begin(key, together: false);
        commands.BeginCommand(3);
        commands.WritePrepared(Publish);
        commands.WritePart(key);
        commands.WritePart(_json.Event(ref row, StreamCommands.NameOf(write.Operation)));
        target.End(1);
    }
}
