using Leat.Changes;
using Leat.Connectors.Redis.Wire;

namespace Leat.Connectors.Redis.Write;

/// <summary>A hash replaced as a whole.</summary>
/// <remarks>
/// Two forms. The exact one, <c>DEL</c> and <c>HSET</c> in one transaction, is right whatever stands under the key.
/// <para>
/// The short one is <c>HSET</c> of every column that has a value, then <c>HLEN</c>. <c>HSET</c> puts all those columns at their values, so
/// that the hash differs from the row only by fields beside them: a column that was not NULL, one of an older shape, a row of a later state that was
/// delivered before a crash, or somebody else's. Each of these makes the hash longer; so when <c>HLEN</c> is the number of fields
/// written, the hash is the row, and otherwise the operation is written again in the exact form, with all later ones of its key, before it
/// is answered. A key of another type refuses <c>HSET</c> and goes the same way. It is taken only where the key is one row's
/// for ever (nobody else writes it in between), and where a column that is NULL now cannot have had a value just before, so that a reader sees no
/// mixture of two rows in the ordinary course; while a crash is made good he may, for as long as the answer takes.
/// </para>
/// </remarks>
internal sealed class HashCommands(RedisTable table) : RowCommands(table)
{
    private static readonly byte[] Del = [.. "*2\r\n$3\r\nDEL\r\n"u8];
    private static readonly byte[] HLen = [.. "*2\r\n$4\r\nHLEN\r\n"u8];
    private static readonly byte[] HSet = RespWriter.PreparePart("HSET"u8);

    private readonly FieldText _fields = new(table.Shape);

    /// <inheritdoc/>
    protected override void Index(in WriteContext write, ref RowReader row, ReadOnlySpan<byte> key, ReadOnlySpan<byte> member, IUnitTarget target)
    {
        var values = _fields.CountValues(ref row);
        var isShort = !write.IsExact && Table.HoldsOneRow && (values == Shape.Columns.Length || NullsWereNull(write.Operation, ref row));
        var commands = target.Begin(key, together: !isShort);
        if (!isShort)
        {
            commands.WritePrepared(Del);
            commands.WritePart(key);
        }

        commands.BeginCommand(2 + (2 * values));
        commands.WritePrepared(HSet);
        commands.WritePart(key);
        _fields.WriteValues(ref row, commands);
        var count = WriteTtl(ref row, key, commands) + 2;
        if (!isShort)
        {
            target.End(count);
            return;
        }

        commands.WritePrepared(HLen);
        commands.WritePart(key);
        target.End(count, UnitCheck.Count, values);
    }

    private bool NullsWereNull(in Operation operation, ref RowReader row)
    {
        if (operation.Before.IsEmpty)
            return operation.Cause is ChangeKind.Insert or ChangeKind.Read;
        var before = new RowReader(Shape.Schema, operation.Before.Span);
        foreach (var column in Shape.Columns)
        {
            if (!row.Seek(column.Ordinal) && before.Seek(column.Ordinal))
                return false;
        }

        return true;
    }
}
