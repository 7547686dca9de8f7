using Leat.Changes;
using Leat.Connectors.Redis.Wire;

namespace Leat.Connectors.Redis.Write;

/// <summary>The delivered columns as fields of a hash that others may write to as well: those that are NULL are removed, all others stay.</summary>
internal sealed class MergedHashCommands(RedisTable table) : RowCommands(table)
{
    private static readonly byte[] HSet = RespWriter.PreparePart("HSET"u8);
    private static readonly byte[] HDel = RespWriter.PreparePart("HDEL"u8);

    private readonly FieldText _fields = new(table.Shape);
    private readonly byte[] _keyField = RespWriter.PreparePart(System.Text.Encoding.UTF8.GetBytes(RowTemplate.NameOf(table.Shape, table.Shape.Key[0])));

    /// <inheritdoc/>
    protected override void Index(in WriteContext write, ref RowReader row, ReadOnlySpan<byte> key, ReadOnlySpan<byte> member, IUnitTarget target)
    {
        var (values, nulls) = (_fields.CountValues(ref row), _fields.CountNulls(ref row));
        if (write.Operation.Kind == OperationKind.Update)
        {
            Update(write, values, nulls, ref row, key, target);
            return;
        }

        var commands = target.Begin(key, together: nulls > 0);
        var count = 1;
        commands.BeginCommand(2 + (2 * values));
        commands.WritePrepared(HSet);
        commands.WritePart(key);
        _fields.WriteValues(ref row, commands);
        if (nulls > 0)
        {
            count++;
            commands.BeginCommand(2 + nulls);
            commands.WritePrepared(HDel);
            commands.WritePart(key);
            _fields.WriteNullNames(ref row, commands);
        }

        target.End(count + WriteTtl(ref row, key, commands));
    }

    /// <inheritdoc/>
    protected override void Delete(in WriteContext write, ref RowReader row, ReadOnlySpan<byte> key, ReadOnlySpan<byte> member, IUnitTarget target)
    {
        if (Shape.Part is { IsRoot: true })
        {
            base.Delete(write, ref row, key, member, target); // the whole of it lives as long as the root
            return;
        }

        var commands = target.Begin(key, together: false);
        commands.BeginCommand(2 + (Shape.IsPart ? Shape.Columns.Length - Shape.Key.Length : Shape.Columns.Length));
        commands.WritePrepared(HDel);
        commands.WritePart(key);
        _fields.WriteNames(commands, withKey: !Shape.IsPart);
        target.End(1);
    }

    // A row that lacks columns must not bring back what is gone: the server looks first.
    private void Update(in WriteContext write, int values, int nulls, ref RowReader row, ReadOnlySpan<byte> key, IUnitTarget target)
    {
        var commands = target.Begin(key, together: false);
        RedisScripts.UpdateHash.Begin(commands, write.IsExact, keys: 1, arguments: 2 + (2 * values) + nulls);
        commands.WritePart(key);
        commands.WritePrepared(_keyField);
        commands.WritePart(values);
        _fields.WriteValues(ref row, commands);
        _fields.WriteNullNames(ref row, commands);
        target.End(1 + WriteTtl(ref row, key, commands));
    }
}
