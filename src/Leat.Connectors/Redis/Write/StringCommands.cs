using Leat.Changes;
using Leat.Connectors.Redis.Wire;

namespace Leat.Connectors.Redis.Write;

/// <summary>A string: one column, or the row as JSON text. Replaces whatever stands under the key.</summary>
internal sealed class StringCommands(RedisTable table) : RowCommands(table)
{
    private static readonly byte[] Set = RespWriter.PreparePart("SET"u8);
    private static readonly byte[] Px = RespWriter.PreparePart("PX"u8);

    private readonly FieldText _fields = new(table.Shape);
    private readonly RowJson _json = new(table.Shape);

    /// <inheritdoc/>
    protected override void Index(in WriteContext write, ref RowReader row, ReadOnlySpan<byte> key, ReadOnlySpan<byte> member, IUnitTarget target)
    {
        var commands = target.Begin(key, together: Table.Ttl >= 0);
        var ttl = Table.Rule.Ttl;
        commands.BeginCommand(ttl is null ? 3 : 5);
        commands.WritePrepared(Set);
        commands.WritePart(key);
        WriteValue(Table, _json, _fields, ref row, commands);
        if (ttl is { } span)
        {
            commands.WritePrepared(Px);
            commands.WritePart((long)span.TotalMilliseconds);
            target.End(1);
            return;
        }

        target.End(1 + WriteTtl(ref row, key, commands));
    }

    /// <summary>Writes the value: a column, which is empty for NULL, or the row.</summary>
    internal static void WriteValue(RedisTable table, RowJson json, FieldText fields, ref RowReader row, RespWriter commands)
    {
        if (table.Value < 0)
            commands.WritePart(json.Of(ref row));
        else if (row.Seek(table.Value))
            fields.WriteValue(ref row, commands);
        else
            commands.WritePart(default(ReadOnlySpan<byte>));
    }
}
