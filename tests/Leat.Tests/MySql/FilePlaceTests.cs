using System.Diagnostics.CodeAnalysis;
using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Shapes;
using Xunit;
using static Leat.Tests.MySql.EventBytes;

namespace Leat.Tests.MySql;

/// <summary>Where in a file the stream is: headers carry 32 bits of it, or nothing.</summary>
public sealed class FilePlaceTests
{
    private const string File = "bin.000001";
    private readonly MySqlPosition _position = new() { ServerId = 1 };

    [Fact]
    [Trait("case", "13")]
    public void A_file_beyond_4_GiB_is_followed_event_by_event()
    {
        const uint EventBytes = 0x4000_0000; // a fourth of what 32 bits can say
        var place = new FilePlace();
        place.Set(4, isKnown: true);

        for (var i = 1; i <= 20; i++)
            place.Pass(Header(EventBytes, (uint)(4 + i * (long)EventBytes)));

        Assert.Equal(4 + 20L * EventBytes, place.End);
    }

    [Fact]
    [Trait("case", "13")]
    public void A_transaction_that_ends_beyond_4_GiB_has_its_true_place()
    {
        _position.SetFile(File, 0xFFFF_0000);

        Apply(Rotate(File), FormatDescription(), Gtid(1), Xid(0x1000), Gtid(2), Xid(0x2000));

        Assert.Equal(0x1_0000_2000, _position.Offset);
        Assert.Equal(0x1_0000_2000 - Xid(0).Length, _position.MarkOffset);
    }

    [Fact]
    [Trait("case", "13")]
    public void A_stream_that_resumes_beyond_4_GiB_stays_there()
    {
        _position.SetFile(File, 0x2_0000_1000);

        Apply(Rotate(File), FormatDescription(), Gtid(1), Xid(0x3000));

        Assert.Equal(0x2_0000_3000, _position.Offset);
    }

    [Fact]
    [Trait("case", "12")]
    public void Events_that_do_not_say_where_they_end_are_added_up()
    {
        var gtid = Gtid(1);
        var map = TableMap();
        var rows = Rows(EventType.WriteRowsV1, Image(1, "a"));
        var xid = Xid(0);
        var atGtid = 1000u;

        Apply(Rotate(File), FormatDescription(), Event(EventType.Gtid, gtid[EventHeader.Bytes..^4], atGtid), map, rows, xid);

        Assert.Equal(atGtid + map.Length + rows.Length + xid.Length, _position.Offset);
    }

    [Fact]
    public void A_place_that_nobody_told_is_not_made_up()
    {
        Apply(FormatDescription(), Gtid(1), Xid(0));

        Assert.Equal((0, 0), (_position.Offset, _position.MarkOffset));
        Assert.Equal("0-1-1", _position.Gtids?.ToString());
    }

    [Fact]
    public void What_the_server_made_up_for_us_stands_nowhere()
    {
        Apply(
            Rotate(File), FormatDescription(), Event(EventType.GtidList, [0, 0, 0, 0], nextPosition: 300, flags: EventHeader.Artificial), Gtid(1), Xid(0));

        Assert.Equal(4 + Gtid(1).Length + Xid(0).Length, _position.Offset);
    }

    private void Apply(params byte[][] events)
    {
        var decoder = new BinlogDecoder("shop", _position, new NoTables(), new NoChanges(), checksums: true);
        foreach (var one in events)
            decoder.Apply(one);
    }

    private static EventHeader Header(uint size, uint end) => new(0, EventType.TableMap, 1, size, end, 0);
}

/// <summary>No captured tables.</summary>
internal sealed class NoTables : ITableShapes
{
    public IReadOnlyCollection<TableName> Known => [];

    public bool IsCaptured(TableName table) => false;

    public bool TryResolve(TableMap map, [NotNullWhen(true)] out MySqlTable? table)
    {
        table = null;
        return false;
    }

    public StatementEffect Apply(string sql, string database, ulong sqlMode, string transaction) => StatementEffect.None;

    public uint Newest => 0;

    public string? CharsetOf(uint collation) => null;
}

/// <summary>A writer that is never to be called.</summary>
internal sealed class NoChanges : IChangeWriter
{
    public uint Define(TableSchema schema) => throw new InvalidOperationException("nothing is captured");

    public void Begin(ReadOnlySpan<byte> transactionId, long committedAtMicros) => throw new InvalidOperationException("nothing is captured");

    public Span<byte> BeginRow(int maxBytes) => throw new InvalidOperationException("nothing is captured");

    public void EndRow(ChangeKind kind, uint schemaId, int beforeBytes, int afterBytes) => throw new InvalidOperationException("nothing is captured");

    public ValueTask CommitAsync(IPosition position, bool moreInput, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public void Rollback() => throw new InvalidOperationException("nothing is captured");

    public ValueTask AdvanceAsync(IPosition position, bool moreInput, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public void Progress(SnapshotProgress progress)
    {
    }
}
