using System.Buffers.Text;
using Leat.Changes;
using Leat.Connectors.Redis.Wire;

namespace Leat.Connectors.Redis.Write;

/// <summary>An entry of a stream for each change, under an id that says where in the log it comes from.</summary>
/// <remarks>
/// <code>
/// XADD key [MAXLEN ~ n] version-sequence op c|u|r|d column value …
/// </code>
/// The version grows with every change, whatever became of the log; of the two entries of a moved key the removal has sequence 0, and the rest 1. So ids only
/// grow, and the server's refusal of an equal or smaller id means that the entry is there already. What a change of a whole table removes comes at one
/// place of the log: those entries take the next free sequence (<c>version-*</c>, Redis 7 and newer).
/// </remarks>
internal sealed class StreamCommands(RedisTable table) : RowCommands(table)
{
    /// <summary>Name of the first field.</summary>
    public const string ChangeField = "op";

    private static readonly byte[] XAdd = RespWriter.PreparePart("XADD"u8);
    private static readonly byte[] MaxLen = [.. RespWriter.PreparePart("MAXLEN"u8), .. RespWriter.PreparePart("~"u8)];
    private static readonly byte[] Created = [.. RespWriter.PreparePart("op"u8), .. RespWriter.PreparePart("c"u8)];
    private static readonly byte[] Updated = [.. RespWriter.PreparePart("op"u8), .. RespWriter.PreparePart("u"u8)];
    private static readonly byte[] Read = [.. RespWriter.PreparePart("op"u8), .. RespWriter.PreparePart("r"u8)];
    private static readonly byte[] Deleted = [.. RespWriter.PreparePart("op"u8), .. RespWriter.PreparePart("d"u8)];

    private readonly FieldText _fields = new(table.Shape);

    /// <summary>What a change is called in streams and messages.</summary>
    internal static string NameOf(in Operation operation) => operation.Kind == OperationKind.Delete ? "d" : operation.Cause switch
    {
        ChangeKind.Insert => "c",
        ChangeKind.Read or ChangeKind.ReadAgain => "r",
        _ => "u",
    };

    /// <inheritdoc/>
    protected override void Index(in WriteContext write, ref RowReader row, ReadOnlySpan<byte> key, ReadOnlySpan<byte> member, IUnitTarget target) => Append(write, ref row, key, target);

    /// <inheritdoc/>
    protected override void Delete(in WriteContext write, ref RowReader row, ReadOnlySpan<byte> key, ReadOnlySpan<byte> member, IUnitTarget target) => Append(write, ref row, key, target);

    private void Append(in WriteContext write, ref RowReader row, ReadOnlySpan<byte> key, IUnitTarget target)
    {
        var commands = target.Begin(key, together: false);
        var limit = Table.Rule.MaxLength;
        commands.BeginCommand(3 + (limit > 0 ? 3 : 0) + 2 + (2 * _fields.CountValues(ref row)));
        commands.WritePrepared(XAdd);
        commands.WritePart(key);
        if (limit > 0)
        {
            commands.WritePrepared(MaxLen);
            commands.WritePart(limit);
        }

        Span<byte> id = stackalloc byte[24];
        Utf8Formatter.TryFormat(write.Version, id, out var length);
        id[length++] = (byte)'-';
        id[length++] = write.Operation.Cause is ChangeKind.Truncate or ChangeKind.Sweep ? (byte)'*' : write.Operation.Kind == OperationKind.Delete ? (byte)'0' : (byte)'1';
        commands.WritePart(id[..length]);
        commands.WritePrepared(NameOf(write.Operation) switch { "c" => Created, "r" => Read, "d" => Deleted, _ => Updated });
        _fields.WriteValues(ref row, commands);
        target.End(1 + WriteTtl(ref row, key, commands));
    }
}
