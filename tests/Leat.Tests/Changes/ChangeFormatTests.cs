using System.Text;
using Leat.Changes;
using Xunit;

namespace Leat.Tests.Changes;

public sealed class ChangeFormatTests
{
    private static readonly TableSchema Notes = new(
        new("shop", "notes"), [new() { Name = "id", Kind = ColumnKind.Int32 }, new() { Name = "note", Kind = ColumnKind.String }], [0]);

    private static readonly long CommittedAt = (new DateTime(2026, 1, 5, 8, 0, 0, DateTimeKind.Utc) - DateTime.UnixEpoch).Ticks / 10;

    [Fact]
    public void Writes_the_documented_bytes()
    {
        var bytes = new byte[100];
        var at = EncodedChange.WriteHeader(
            bytes, ChangeKind.Update, ChangeMarks.HasBefore | ChangeMarks.HasAfter | ChangeMarks.LastOfTransaction, 7, CommittedAt, 1, 5, "0-1-42"u8);
        var before = new RowWriter(bytes.AsSpan(at), 2);
        before.WriteUInt32(1);
        before.WriteNull();
        at += before.WrittenBytes;
        var after = new RowWriter(bytes.AsSpan(at), 2);
        after.WriteUInt32(1);
        after.WriteString("hé");
        at += after.WrittenBytes;

        var page = File.ReadAllText(Repository.Path("docs/formats/change.md"));
        var documented = page.Split("## Example")[1].Split("```")[1].Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(string.Join(' ', documented).ToUpperInvariant(), BitConverter.ToString(bytes, 0, at).Replace('-', ' '));
    }

    [Fact]
    public void Reads_what_the_header_says()
    {
        var bytes = new byte[40];
        EncodedChange.WriteHeader(bytes, ChangeKind.Delete, ChangeMarks.HasBefore, uint.MaxValue, -5, 3, 10, "0-1-42"u8);

        var change = new EncodedChange(bytes);

        Assert.Equal(ChangeKind.Delete, change.Kind);
        Assert.Equal(ChangeMarks.HasBefore, change.Marks);
        Assert.Equal(uint.MaxValue, change.SchemaId);
        Assert.Equal(-5, change.CommittedAtMicros);
        Assert.Equal(3u, change.IndexInTransaction);
        Assert.Equal("0-1-42", Encoding.ASCII.GetString(change.TransactionId));
        Assert.Equal((30, 40), (change.BeforeOffset, change.AfterOffset));
        Assert.Equal(10, change.Before.Length);
        Assert.Equal(0, change.After.Length);
    }

    [Fact]
    public void A_position_record_is_version_kind_and_text() =>
        Assert.Equal("{}", Encoding.UTF8.GetString(new EncodedChange([1, 16, (byte)'{', (byte)'}']).Position));

    [Theory]
    [InlineData(new byte[0], "Not an encoded change of version 1: 0 bytes, first -1.")]
    [InlineData(new byte[] { 2, 1 }, "Not an encoded change of version 1: 2 bytes, first 2.")]
    [InlineData(new byte[] { 1, 1, 0, 9, 0, 0 }, "Not an encoded change of version 1: 6 bytes, first 1.")]
    public void Refuses_another_format(byte[] bytes, string message) =>
        Assert.Equal(message, Assert.Throws<InvalidDataException>(() => { _ = new EncodedChange(bytes); }).Message);

    [Fact]
    public void Random_rows_read_back_in_order_and_by_seek()
    {
        var random = new Random(20_260_105);
        var kinds = Enum.GetValues<ColumnKind>();
        for (var round = 0; round < 500; round++)
        {
            var columns = Enumerable.Range(0, random.Next(1, 40)).Select(i => new Column { Name = $"c{i}", Kind = kinds[random.Next(kinds.Length)] });
            var schema = new TableSchema(new("d", "t"), [.. columns], []);
            var values = schema.Columns.Select(column => random.Next(5) == 0 ? null : RandomValue(random, column.Kind)).ToArray();
            var row = Write(schema, values);

            var reader = new RowReader(schema, row);
            for (var i = 0; i < values.Length; i++)
            {
                Assert.True(reader.Read());
                Assert.Equal(values[i] is null, reader.IsNull);
                Assert.Equal(values[i] ?? [], reader.Bytes.ToArray());
            }

            Assert.False(reader.Read());
            for (var i = 0; i < 10; i++)
            {
                var ordinal = random.Next(values.Length);
                Assert.Equal(values[ordinal] is not null, reader.Seek(ordinal));
                Assert.Equal(values[ordinal] ?? [], reader.Bytes.ToArray());
            }
        }
    }

    [Fact]
    public void A_row_that_ends_early_is_refused_at_every_length()
    {
        var schema = new TableSchema(new("d", "t"), [.. Notes.Columns, new() { Name = "at", Kind = ColumnKind.Timestamp }], [0]);
        var row = Write(schema, [[1, 0, 0, 0], new byte[200], new byte[8]]);

        for (var length = 1; length < row.Length; length++)
        {
            var cut = row[..length];
            Assert.Throws<InvalidDataException>(() =>
            {
                var reader = new RowReader(schema, cut);
                while (reader.Read())
                {
                    // Reading to the end is the act.
                }
            });
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(16_383)]
    [InlineData(16_384)]
    [InlineData(3_000_000)]
    public void Lengths_of_every_size_read_back(int length)
    {
        var row = Write(Notes, [null, new byte[length]]);

        var reader = new RowReader(Notes, row);

        Assert.True(reader.Seek(1));
        Assert.Equal(length, reader.Bytes.Length);
    }

    [Fact]
    public void Packed_dates_and_times_come_apart_again()
    {
        Assert.Equal((9999, 12, 31), Temporal.SplitDate(Temporal.Date(9999, 12, 31)));
        Assert.Equal((0, 0, 0), Temporal.SplitDate(0));
        Assert.Equal((2024, 0, 31, 23, 59, 58, 999_999), Temporal.SplitDateTime(Temporal.DateTime(2024, 0, 31, 23, 59, 58, 999_999)));
    }

    private static byte[]? RandomValue(Random random, ColumnKind kind)
    {
        var width = EncodedRow.WidthOf(kind);
        var bytes = new byte[width < 0 ? random.Next(300) : width];
        random.NextBytes(bytes);
        return bytes;
    }

    private static byte[] Write(TableSchema schema, byte[]?[] values)
    {
        var row = new byte[values.Sum(value => (value?.Length ?? 0) + 5) + 8];
        var writer = new RowWriter(row, values.Length);
        for (var i = 0; i < values.Length; i++)
        {
            var value = values[i];
            if (value is null)
                writer.WriteNull();
            else if (EncodedRow.WidthOf(schema.Columns[i].Kind) < 0)
                writer.WriteBytes(value);
            else if (value.Length == 1)
                writer.WriteByte(value[0]);
            else if (value.Length == 2)
                writer.WriteUInt16(BitConverter.ToUInt16(value));
            else if (value.Length == 4)
                writer.WriteUInt32(BitConverter.ToUInt32(value));
            else
                writer.WriteUInt64(BitConverter.ToUInt64(value));
        }

        return row[..writer.WrittenBytes];
    }
}
