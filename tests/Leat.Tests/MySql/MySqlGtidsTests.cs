using System.Text;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Wire;
using Xunit;
using static Leat.Tests.MySql.EventBytes;

namespace Leat.Tests.MySql;

/// <summary>Sets of MySQL's transactions, and the events that name them.</summary>
public sealed class MySqlGtidsTests
{
    private const string A = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
    private const string B = "77d1902c-01da-11f1-9a41-908d6e5f6e8d";

    // A tagged GTID event, field by field: flags, UUID, number, tag, logical times, time of commit, length, version of the server.
    private static readonly byte[] TaggedBody =
    [
        .. Number(1), .. Number(70), .. Number(0), .. Number(0), .. Number(1), .. Number(1), .. Bytes(B).SelectMany(one => Number(one)), .. Number(2), .. Number(14),
        .. Number(3), .. Number(4), .. "blue"u8, .. Number(4), .. Number(0), .. Number(5), .. Number(2), .. Number(6), .. Number(1_700_000_000_123_456),
        .. Number(8), .. Number(337), .. Number(9), .. Number(90_100),
    ];

    [Theory]
    [InlineData("", "")]
    [InlineData($"{A}:1-42", $"{A}:1-42")]
    [InlineData($"{A}:7", $"{A}:7")]
    [InlineData($"{A}:5-9:1-3:4", $"{A}:1-9")]
    [InlineData($"{A}:1-3:8:5-6", $"{A}:1-3:5-6:8")]
    [InlineData($"{B}:1,\n{A}:2", $"{A}:2,{B}:1")]
    [InlineData("3E11FA47-71CA-11E1-9E33-C80AA9429562:1-2", $"{A}:1-2")]
    [InlineData($"{A}:1-3:Blue:4-5:8:green:1", $"{A}:1-3,{A}:blue:4-5:8,{A}:green:1")]
    public void A_set_is_read_in_every_form_and_written_in_one(string text, string written)
    {
        Assert.True(MySqlGtids.TryParse(text, out var gtids));
        Assert.Equal(written, gtids.ToString());
        Assert.True(gtids.MaxTextBytes >= written.Length);
        Assert.Equal(written, MySqlGtids.Decode(gtids.Encode()).ToString());
    }

    [Theory]
    [InlineData(A)]
    [InlineData($"{A}:")]
    [InlineData($"{A}:0")]
    [InlineData($"{A}:3-2")]
    [InlineData($"{A}:-2")]
    [InlineData($"{A}:blue")]
    [InlineData($"{A}:1:blue")]
    [InlineData($"{A}:9lives:1")]
    [InlineData("3e11fa47:1")]
    [InlineData("0-1-42")]
    public void Anything_else_is_no_set(string text) => Assert.False(MySqlGtids.TryParse(text, out _));

    [Theory]
    [InlineData($"{A}:1-10", $"{A}:1-10", "")]
    [InlineData($"{A}:1-10", "", $"{A}:1-10")]
    [InlineData($"{A}:1-10", $"{A}:3-4:7", $"{A}:1-2:5-6:8-10")]
    [InlineData($"{A}:5-10", $"{A}:1-7", $"{A}:8-10")]
    [InlineData($"{A}:1-3,{B}:1", $"{A}:1-9", $"{B}:1")]
    [InlineData($"{A}:1-3,{A}:blue:1-3", $"{A}:1-3", $"{A}:blue:1-3")]
    public void The_difference_of_two_sets_is_what_the_second_lacks(string set, string other, string difference)
    {
        Assert.True(MySqlGtids.TryParse(set, out var one));
        Assert.True(MySqlGtids.TryParse(other, out var two));

        Assert.Equal(difference, one.Except(two).ToString());
        Assert.Equal(difference.Length == 0, two.HasReached(one));
    }

    [Fact]
    public void Passed_transactions_grow_the_set_in_any_order()
    {
        var gtids = new MySqlGtids();
        var source = new GtidSource(Bytes(A), default);
        foreach (var number in (long[])[1, 2, 3, 7, 5, 6, 4, 9])
            gtids.Add(source, number);

        Assert.Equal($"{A}:1-7:9", gtids.ToString());
    }

    [Fact]
    public void Passing_transactions_in_order_allocates_nothing()
    {
        var gtids = new MySqlGtids();
        var source = new GtidSource(Bytes(A), default);
        var text = new byte[200];
        Pass(1); // with what is compiled and made once
        var before = GC.GetAllocatedBytesForCurrentThread();
        Pass(10_001);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.StartsWith($"{A}:1-20000", Encoding.ASCII.GetString(text), StringComparison.Ordinal);

        void Pass(long first)
        {
            for (var number = first; number < first + 10_000; number++)
            {
                gtids.Add(source, number);
                gtids.Format(text);
            }
        }
    }

    [Fact]
    public void A_set_without_tags_is_sent_as_every_version_reads_it()
    {
        Assert.True(MySqlGtids.TryParse($"{A}:1-2", out var gtids));

        Assert.Equal("0100000000000000" + Convert.ToHexString(Bytes(A)) + "0100000000000000" + "0100000000000000" + "0300000000000000", Convert.ToHexString(gtids.Encode()));
    }

    [Fact]
    public void A_set_with_tags_says_so_twice()
    {
        Assert.True(MySqlGtids.TryParse($"{A}:ab:1-2", out var gtids));

        Assert.Equal(
            "0101000000000001" + Convert.ToHexString(Bytes(A)) + "046162" + "0100000000000000" + "0100000000000000" + "0300000000000000",
            Convert.ToHexString(gtids.Encode()));
    }

    [Fact]
    public void A_tagged_event_names_its_transaction_and_its_time()
    {
        var transaction = new CurrentTransaction();

        transaction.BeginTagged(TaggedBody, Header(EventType.TaggedGtid));

        Assert.Equal($"{B}:blue:7", transaction.ToString());
        Assert.Equal(1_700_000_000_123_456, transaction.CommittedAtMicros);
    }

    [Fact]
    public void A_tagged_event_cut_short_anywhere_is_malformed()
    {
        for (var length = 0; length < TaggedBody.Length; length++)
        {
            var cut = TaggedBody[..length];
            try
            {
                new CurrentTransaction().BeginTagged(cut, Header(EventType.TaggedGtid));
            }
            catch (MySqlFormatException)
            {
                continue; // as declared; where a field just ended the rest is only missing
            }
        }
    }

    [Fact]
    public void Times_of_commit_are_in_microseconds_and_those_of_the_first_server()
    {
        byte[] named = [0, .. Bytes(A), 42, 0, 0, 0, 0, 0, 0, 0, 2, .. new byte[16]];
        var transaction = new CurrentTransaction();

        transaction.BeginMySql([.. named, .. Micros(1_700_000_000_123_456)], Header(EventType.MySqlGtid), "bin.000001", 4);
        var alone = transaction.CommittedAtMicros;
        transaction.BeginMySql([.. named, .. Micros(1_700_000_009_000_000 | 1L << 55), .. Micros(1_700_000_000_654_321)], Header(EventType.MySqlGtid), "bin.000001", 4);
        var replicated = transaction.CommittedAtMicros;
        transaction.BeginMySql(named.AsSpan(0, 25), Header(EventType.MySqlGtid), "bin.000001", 4);

        Assert.Equal((1_700_000_000_123_456, 1_700_000_000_654_321, 1_700_000_000_000_000), (alone, replicated, transaction.CommittedAtMicros));
        Assert.Equal($"{A}:42", transaction.ToString());
    }

    [Fact]
    public void A_transaction_that_the_server_does_not_name_is_named_by_its_place()
    {
        var transaction = new CurrentTransaction();
        transaction.BeginMySql(new byte[25], Header(EventType.AnonymousGtid), "bin.000007", 5_000_000_000);
        var position = new MySqlPosition { Gtids = new MySqlGtids() };
        transaction.PassTo(position);

        Assert.Equal("bin.000007:5000000000", transaction.ToString());
        Assert.True(position.Gtids.IsEmpty);
    }

    [Theory]
    [InlineData("00", 0)]
    [InlineData("FE", 127)]
    [InlineData("0102", 128)]
    [InlineData("FDFF", 16383)]
    [InlineData("030002", 1 << 14)]
    [InlineData("FFFFFFFFFFFFFFFFFF", ulong.MaxValue)]
    [InlineData("7FFFFFFFFFFFFFFF", (1UL << 56) - 1)]
    public void Numbers_of_every_length_are_read(string bytes, ulong value)
    {
        var fields = new WireReader(Convert.FromHexString(bytes));

        Assert.Equal(value, SerializedFields.ReadUnsigned(ref fields));
        Assert.Equal(0, fields.RemainingBytes);
    }

    [Theory]
    [InlineData("04", 1)]
    [InlineData("02", -1)]
    [InlineData("00", 0)]
    public void Signed_numbers_have_their_sign_in_the_lowest_bit(string bytes, long value)
    {
        var fields = new WireReader(Convert.FromHexString(bytes));
        Assert.Equal(value, SerializedFields.ReadSigned(ref fields));
    }

    [Fact]
    public void The_second_heartbeat_tells_all_64_bits_of_a_place() =>
        Assert.Equal(5_000_000_000, HeartbeatV2.OffsetIn([1, 3, (byte)'b', (byte)'.', (byte)'1', 2, 9, 0xFE, .. BitConverter.GetBytes(5_000_000_000L), 0]));

    private static EventHeader Header(byte type) => EventHeader.Read(Event(type, []));

    private static byte[] Bytes(string uuid) => Convert.FromHexString(uuid.Replace("-", "", StringComparison.Ordinal));

    // As many ones at the low end as bytes follow the first.
    private static byte[] Number(ulong value)
    {
        var more = 0;
        while (more < 7 && value >> (7 * (more + 1)) != 0)
            more++;
        var first = (1UL << more) - 1;
        return BitConverter.GetBytes(value << (more + 1) | first)[..(more + 1)];
    }

    private static byte[] Micros(long value) => BitConverter.GetBytes(value)[..7];
}
