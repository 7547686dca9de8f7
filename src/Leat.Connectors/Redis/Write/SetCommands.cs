using Leat.Changes;
using Leat.Connectors.Redis.Wire;

namespace Leat.Connectors.Redis.Write;

/// <summary>A member of a set, or of a sorted set with a column as its score.</summary>
internal sealed class SetCommands(RedisTable table) : RowCommands(table)
{
    /// <summary>Longest score: a decimal of 65 digits, sign and point.</summary>
    private const int MostScoreBytes = 80;

    private static readonly byte[] SAdd = RespWriter.PreparePart("SADD"u8);
    private static readonly byte[] SRem = RespWriter.PreparePart("SREM"u8);
    private static readonly byte[] ZAdd = RespWriter.PreparePart("ZADD"u8);
    private static readonly byte[] ZRem = RespWriter.PreparePart("ZREM"u8);

    private bool IsSorted => Table.Rule.Structure == RedisStructure.SortedSet;

    /// <inheritdoc/>
    protected override void Index(in WriteContext write, ref RowReader row, ReadOnlySpan<byte> key, ReadOnlySpan<byte> member, IUnitTarget target)
    {
        Span<byte> score = stackalloc byte[MostScoreBytes];
        var scoreLength = 0;
        if (IsSorted)
        {
            scoreLength = row.Seek(Table.Score) ? NumberText.Write(ref row, score) : 0;
            if (scoreLength == 0)
            {
                target.Refuse($"The score column {row.Column.Name} is NULL or no date of the calendar.", "NOSCORE");
                return;
            }
        }

        var commands = target.Begin(key, together: false);
        commands.BeginCommand(IsSorted ? 4 : 3);
        commands.WritePrepared(IsSorted ? ZAdd : SAdd);
        commands.WritePart(key);
        if (IsSorted)
            commands.WritePart(score[..scoreLength]);
        commands.WritePart(member);
        target.End(1 + WriteTtl(ref row, key, commands));
    }

    /// <inheritdoc/>
    protected override void Delete(in WriteContext write, ref RowReader row, ReadOnlySpan<byte> key, ReadOnlySpan<byte> member, IUnitTarget target)
    {
        var commands = target.Begin(key, together: false);
        commands.BeginCommand(3);
        commands.WritePrepared(IsSorted ? ZRem : SRem);
        commands.WritePart(key);
        commands.WritePart(member);
        target.End(1);
    }
}
