using System.Text;
using System.Text.Json;
using Leat.Changes;
using Leat.Connectors.Redis.Wire;

namespace Leat.Connectors.Redis.Write;

/// <summary>A JSON document replaced as a whole.</summary>
internal sealed class JsonCommands(RedisTable table) : RowCommands(table)
{
    private static readonly byte[] JsonSet = RespWriter.PreparePart("JSON.SET"u8);
    private static readonly byte[] JsonDel = [.. "*2\r\n$8\r\nJSON.DEL\r\n"u8];
    private static readonly byte[] Root = RespWriter.PreparePart("$"u8);

    private readonly RowJson _json = new(table.Shape);

    /// <inheritdoc/>
    protected override void Index(in WriteContext write, ref RowReader row, ReadOnlySpan<byte> key, ReadOnlySpan<byte> member, IUnitTarget target)
    {
        var commands = target.Begin(key, together: false);
        commands.BeginCommand(4);
        commands.WritePrepared(JsonSet);
        commands.WritePart(key);
        commands.WritePrepared(Root);
        commands.WritePart(_json.Of(ref row));
        target.End(1 + WriteTtl(ref row, key, commands));
    }

    /// <inheritdoc/>
    protected override void Delete(in WriteContext write, ref RowReader row, ReadOnlySpan<byte> key, ReadOnlySpan<byte> member, IUnitTarget target)
    {
        var commands = target.Begin(key, together: false);
        commands.WritePrepared(JsonDel);
        commands.WritePart(key);
        target.End(1);
    }
}

/// <summary>The delivered columns as members of a JSON document that others may write to as well.</summary>
/// <remarks>
/// A merge takes members that are <c>null</c> away. It would mix the members of a column that is a document itself with those that were there
/// before, so such columns are set each at its own path.
/// </remarks>
internal sealed class MergedJsonCommands(RedisTable table) : RowCommands(table)
{
    private static readonly byte[] JsonMerge = RespWriter.PreparePart("JSON.MERGE"u8);
    private static readonly byte[] JsonSet = RespWriter.PreparePart("JSON.SET"u8);
    private static readonly byte[] JsonDel = RespWriter.PreparePart("JSON.DEL"u8);
    private static readonly byte[] Root = RespWriter.PreparePart("$"u8);

    private readonly RowJson _json = new(table.Shape);
    private readonly byte[][] _paths = [.. table.Shape.Columns.Select(column => RespWriter.PreparePart(Encoding.UTF8.GetBytes($"$[\"{JsonEncodedText.Encode(column.Name)}\"]")))];

    /// <inheritdoc/>
    protected override void Index(in WriteContext write, ref RowReader row, ReadOnlySpan<byte> key, ReadOnlySpan<byte> member, IUnitTarget target)
    {
        var documents = CountDocuments(ref row);
        var isUpdate = write.Operation.Kind == OperationKind.Update;
        var commands = target.Begin(key, together: documents > 0 && !isUpdate);
        if (isUpdate)
        {
            RedisScripts.UpdateJson.Begin(commands, write.IsExact, keys: 1, arguments: 1 + (2 * documents));
            commands.WritePart(key);
            commands.WritePart(_json.WithoutDocuments(ref row));
            WriteDocuments(ref row, key, asCommands: false, commands);
            target.End(1 + WriteTtl(ref row, key, commands));
            return;
        }

        commands.BeginCommand(4);
        commands.WritePrepared(JsonMerge);
        commands.WritePart(key);
        commands.WritePrepared(Root);
        commands.WritePart(_json.WithoutDocuments(ref row));
        WriteDocuments(ref row, key, asCommands: true, commands);
        target.End(1 + documents + WriteTtl(ref row, key, commands));
    }

    /// <inheritdoc/>
    protected override void Delete(in WriteContext write, ref RowReader row, ReadOnlySpan<byte> key, ReadOnlySpan<byte> member, IUnitTarget target)
    {
        var commands = target.Begin(key, together: true);
        foreach (var path in _paths)
        {
            commands.BeginCommand(3);
            commands.WritePrepared(JsonDel);
            commands.WritePart(key);
            commands.WritePrepared(path);
        }

        target.End(_paths.Length);
    }

    private int CountDocuments(ref RowReader row)
    {
        var count = 0;
        foreach (var column in Shape.Columns)
            count += row.Seek(column.Ordinal) && row.Column.Kind == ColumnKind.Json ? 1 : 0;
        return count;
    }

    private void WriteDocuments(ref RowReader row, ReadOnlySpan<byte> key, bool asCommands, RespWriter commands)
    {
        for (var i = 0; i < _paths.Length; i++)
        {
            if (!row.Seek(Shape.Columns[i].Ordinal) || row.Column.Kind != ColumnKind.Json)
                continue;
            if (asCommands)
            {
                commands.BeginCommand(4);
                commands.WritePrepared(JsonSet);
                commands.WritePart(key);
            }

            commands.WritePrepared(_paths[i]);
            commands.WritePart(_json.Value(ref row));
        }
    }
}
