using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Shapes;
using Leat.Connectors.MySql.Wire;
using Xunit;
using static Leat.Tests.MySql.EventBytes;

namespace Leat.Tests.MySql;

public sealed class BinlogDecoderTests
{
    private readonly Lines _lines = new();
    private readonly Shapes _shapes = new();
    private readonly MySqlPosition _position = new() { ServerId = 1 };

    [Fact]
    public void A_transaction_is_told_when_it_commits_and_moves_the_position()
    {
        var decoder = Decoder();

        Assert.Equal(
            [Decoded.Nothing, Decoded.Nothing, Decoded.Nothing, Decoded.Nothing, Decoded.Nothing, Decoded.Nothing, Decoded.Commit],
            Apply(
                decoder, Rotate("bin.000007"), FormatDescription(), Gtid(42), TableMap(), Rows(EventType.WriteRowsV1, Image(1, "a"), Image(2, "b")),
                Rows(EventType.UpdateRowsV1, Image(2, "b"), Image(2, "c")), Xid(1234)));

        Assert.Equal(["define d.t", "begin 0-1-42 at 1700000000000000", "Insert () (1,a)", "Insert () (2,b)", "Update (2,b) (2,c)"], _lines.All);
        Assert.Equal("{\"server_id\":1,\"gtid\":\"0-1-42\",\"file\":\"bin.000007\",\"offset\":1234,\"event\":\"1203:e328d502\"}", _position.ToString());
    }

    [Fact]
    public void A_rolled_back_transaction_is_dropped_and_passed()
    {
        var answers = Apply(Decoder(), FormatDescription(), Gtid(5), TableMap(), Rows(EventType.DeleteRowsV1, Image(1, "a")), Query("ROLLBACK", 99));

        Assert.Equal(Decoded.Passed, answers[^1]);
        Assert.Equal(["define d.t", "begin 0-1-5 at 1700000000000000", "Delete (1,a) ()", "rollback"], _lines.All);
        Assert.Equal("0-1-5", _position.Gtids?.ToString());
    }

    [Fact]
    public void A_truncated_table_is_told_in_a_transaction_of_its_own()
    {
        var answers = Apply(Decoder(), FormatDescription(), Gtid(5, flags: 1), Query("TRUNCATE t", 99));

        Assert.Equal(Decoded.Commit, answers[^1]);
        Assert.Equal(["begin 0-1-5 at 1700000000000000", "Truncate () ()"], _lines.All);
    }

    [Fact]
    public void A_transaction_cut_off_by_a_crash_of_the_server_is_dropped()
    {
        Apply(Decoder(), FormatDescription(), Gtid(5), TableMap(), Rows(EventType.WriteRowsV1, Image(1, "a")), FormatDescription());

        Assert.Equal("rollback", _lines.All[^1]);
        Assert.Equal("", _position.Gtids?.ToString());
    }

    [Fact]
    public void A_transaction_without_captured_rows_is_passed_without_a_word()
    {
        _shapes.IsWanted = false;

        var answers = Apply(Decoder(), FormatDescription(), Gtid(6), TableMap(), Rows(EventType.WriteRowsV1, Image(1, "a")), Xid(500));

        Assert.Equal(Decoded.Passed, answers[^1]);
        Assert.Empty(_lines.All);
        Assert.Equal(("0-1-6", 500L), (_position.Gtids?.ToString(), _position.Offset));
    }

    [Fact]
    public void A_shape_that_is_not_known_is_asked_for_and_the_event_given_again()
    {
        _shapes.IsKnown = false;
        var decoder = Decoder();

        Assert.Equal(Decoded.NeedShape, Apply(decoder, FormatDescription(), Gtid(6), TableMap())[^1]);
        Assert.Equal(new TableName("d", "t"), decoder.WantedShape);
        _shapes.IsKnown = true;

        Assert.Equal(Decoded.Commit, Apply(decoder, TableMap(), Rows(EventType.WriteRowsV1, Image(1, "a")), Xid(1))[^1]);
    }

    [Fact]
    public void A_flipped_bit_anywhere_is_noticed()
    {
        var rows = Rows(EventType.WriteRowsV1, Image(1, "a"));
        for (var at = EventHeader.Bytes; at < rows.Length; at++)
        {
            var decoder = Decoder();
            Apply(decoder, FormatDescription(), Gtid(5), TableMap());
            byte[] damaged = [.. rows];
            damaged[at] ^= 0x10;

            var error = Assert.Throws<RetriableException>(() => decoder.Apply(damaged));

            Assert.Equal(
                $"Source 'shop': the checksum of a binlog event (type 23, {rows.Length} bytes) after the beginning in  is wrong. Leat reads it again. If it stays wrong the "
                + "server's file is damaged: check it with mariadb-binlog --verify-binlog-checksum. [LEAT-4020]", error.Message);
        }
    }

    [Fact]
    public void An_unknown_event_is_passed_only_when_it_says_that_it_may_be()
    {
        var decoder = Decoder();
        Apply(decoder, FormatDescription(), Event(99, [1, 2, 3], flags: EventHeader.Ignorable));

        var error = Assert.Throws<PauseException>(() => decoder.Apply(Event(99, [1, 2, 3])));

        Assert.Equal(
            "Source 'shop': the binlog has an event of type 99 after the beginning in , which Leat cannot read and must not pass over. Have the tables read again, "
            + "which passes this place: `leat snapshot start FILE shop --all`. And tell us which server wrote it. [LEAT-4021]", error.Message);
    }

    [Fact]
    public void Rows_of_a_table_that_was_not_announced_are_refused()
    {
        var decoder = Decoder();
        Apply(decoder, FormatDescription(), TableMap(), FormatDescription(), Gtid(1));

        var error = Assert.Throws<MySqlFormatException>(() => decoder.Apply(Rows(EventType.WriteRowsV1, Image(1, "a"))));

        Assert.Equal("The server's table number in a row event is 7; expected one announced before.", error.Message);
    }

    [Fact]
    public void Mutated_events_give_changes_or_the_declared_exceptions()
    {
        var random = new Random(5);
        byte[][] stream =
        [
            FormatDescription(), Gtid(42), TableMap(), Rows(EventType.WriteRowsV1, Image(1, "a"), Image(2, "bcd")),
            Rows(EventType.UpdateRowsV1, Image(2, "b"), Image(2, "c")), Query("ALTER TABLE t ADD x INT"), Query("TRUNCATE t"), Xid(1234),
        ];
        for (var round = 0; round < 20_000; round++)
        {
            var decoder = new BinlogDecoder("shop", new(), _shapes, new Lines(), checksums: true);
            foreach (var original in stream)
            {
                byte[] mutated = [.. original];
                for (var flips = random.Next(3); flips > 0; flips--)
                    mutated[random.Next(EventHeader.Bytes, mutated.Length - 4)] = (byte)random.Next(256);
                mutated[4] = random.Next(20) == 0 ? (byte)random.Next(256) : mutated[4];
                try
                {
                    decoder.Apply(Signed(mutated));
                }
                catch (Exception declared) when (declared is MySqlFormatException or LeatException)
                {
                    // What the decoder promises; a real source ends here, the test goes on to see more.
                }
            }
        }
    }

    [Fact]
    public void What_cannot_be_told_is_passed_while_all_tables_are_still_to_be_read()
    {
        using var decoder = new BinlogDecoder("shop", _position, _shapes, _lines, checksums: true) { Unread = new Unread(this, isAll: true) };

        Apply(
            decoder, FormatDescription(), Gtid(5), Event(99, [1, 2, 3]), Event(EventType.Incident, [1, 0, 0]), TableMap(), Rows(EventType.WriteRowsV1, Image(1, "a")),
            Query("ROLLBACK TO `s`", 90), Rows(EventType.WriteRowsV1, Image(2, "b")), Xid(99));

        Assert.Equal(
            [
                "all pass in 0-1-5: an event of the unknown type 99", "all pass in 0-1-5: the server lost changes: incident 1", "define d.t", "begin 0-1-5 at 1700000000000000", "Insert () (1,a)",
                "all pass in 0-1-5: a part was undone", "rollback", "begin 0-1-5 at 1700000000000000", "Insert () (2,b)",
            ],
            _lines.All);
    }

    [Fact]
    public void Rows_of_an_unknown_shape_are_passed_while_their_table_is_still_to_be_read()
    {
        _shapes.Refusal = MySqlErrors.ShapeDiffers("shop", new("d", "t"), "it does not exist any more");
        using var decoder = new BinlogDecoder("shop", _position, _shapes, _lines, checksums: true) { Unread = new Unread(this, isAll: false) };

        var answers = Apply(decoder, FormatDescription(), Gtid(5), TableMap(), Rows(EventType.WriteRowsV1, Image(1, "a")), Xid(99));

        Assert.Equal(Decoded.Passed, answers[^1]);
        Assert.Equal(["d.t passes in 0-1-5: its shape is not known"], _lines.All);
        Assert.Equal(
            "Source 'shop': the shape of d.t at the server differs from that in the binlog: it does not exist any more. SET GLOBAL binlog_row_metadata = FULL; so that the binlog tells shapes "
            + "from now on. Have the table read again, which passes this place: `leat snapshot start FILE shop --tables d.t`. [LEAT-4027]",
            Assert.Throws<PauseException>(() => Apply(Decoder(), FormatDescription(), Gtid(6), TableMap())).Message);
    }

    private sealed class Unread(BinlogDecoderTests test, bool isAll) : IUnreadTables
    {
        public bool TryPass(TableName table, string transaction, string reason)
        {
            test._lines.All.Add($"{table} passes in {transaction}: {reason}");
            return true;
        }

        public bool TryPassAll(string transaction, string reason)
        {
            if (isAll)
                test._lines.All.Add($"all pass in {transaction}: {reason}");
            return isAll;
        }
    }

    private BinlogDecoder Decoder() => new("shop", _position, _shapes, _lines, checksums: true);

    private static List<Decoded> Apply(BinlogDecoder decoder, params byte[][] events) => [.. events.Select(one => decoder.Apply(one))];

    internal sealed class Shapes : ITableShapes
    {
        private readonly MySqlTable _table = new(
            new("d", "t"),
            [
                ColumnRules.Make(new() { Name = "id", Type = ColumnType.Long, Metadata = 0 }),
                ColumnRules.Make(new() { Name = "v", Type = ColumnType.VarChar, Metadata = 20, Charset = "utf8mb4" }),
            ],
            [0]);

        public bool IsWanted { get; set; } = true;

        public bool IsKnown { get; set; } = true;

        public PauseException? Refusal { get; set; }

        public IReadOnlyCollection<TableName> Known => [_table.Name];

        public bool IsCaptured(TableName table) => IsWanted && table == _table.Name;

        public uint Newest => 0;

        public bool TryResolve(TableMap map, [NotNullWhen(true)] out MySqlTable? table)
        {
            if (Refusal is not null)
                throw Refusal;
            table = IsKnown ? _table : null;
            return IsKnown;
        }

        public StatementEffect Apply(string sql, string database, ulong sqlMode, string transaction)
        {
            var effect = new StatementEffect { TouchesShapes = true };
            if (sql == "TRUNCATE t")
                effect.Emptied.Add(1);
            return effect;
        }

        public string? CharsetOf(uint collation) => "utf8mb4";
    }

    // Writes down what it is told.
    internal sealed class Lines : IChangeWriter
    {
        private readonly byte[] _room = new byte[1024 * 1024];
        private readonly List<TableSchema> _schemas = [];

        public List<string> All { get; } = [];

        public uint Define(TableSchema schema)
        {
            All.Add($"define {schema.Table}");
            if (!_schemas.Contains(schema))
                _schemas.Add(schema);
            return (uint)_schemas.IndexOf(schema);
        }

        public void Begin(ReadOnlySpan<byte> transactionId, long committedAtMicros) =>
            All.Add($"begin {Encoding.ASCII.GetString(transactionId)} at {committedAtMicros}");

        public void BeginParked(ReadOnlySpan<byte> transactionId, long preparedAtMicros) =>
            All.Add($"begin prepared {Encoding.ASCII.GetString(transactionId)} at {preparedAtMicros}");

        public Span<byte> BeginRow(int maxBytes) => _room.AsSpan(0, maxBytes);

        public void EndRow(ChangeKind kind, uint schemaId, int beforeBytes, int afterBytes) =>
            All.Add($"{kind} ({Text(schemaId, _room.AsSpan(0, beforeBytes))}) ({Text(schemaId, _room.AsSpan(beforeBytes, afterBytes))})");

        public ValueTask CommitAsync(IPosition position, bool moreInput, CancellationToken cancellationToken) => ValueTask.CompletedTask;

        public void Rollback() => All.Add("rollback");

        public ValueTask AdvanceAsync(IPosition position, bool moreInput, CancellationToken cancellationToken) => ValueTask.CompletedTask;

        public void Progress(SnapshotProgress progress)
        {
        }

        private string Text(uint schemaId, ReadOnlySpan<byte> row)
        {
            if (row.IsEmpty)
                return "";
            var values = new List<string?>();
            var reader = new RowReader(_schemas[(int)schemaId], row);
            while (reader.Read())
                values.Add(ValueText.Of(ref reader));
            return string.Join(',', values);
        }
    }
}
