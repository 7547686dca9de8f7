using Leat.Changes;
using Leat.Changes.Formats;
using Xunit;

namespace Leat.Tests.Changes;

public sealed class RowBuilderTests
{
    private static readonly TableSchema Narrow = new(
        new("shop", "orders"), [Of("id", ColumnKind.Int32), Of("note", ColumnKind.String), Of("at", ColumnKind.DateTime)], [0]);

    [Fact]
    public void A_built_row_is_the_row_that_a_writer_writes()
    {
        var expected = new byte[64];
        var writer = new RowWriter(expected, 6);
        writer.WriteByte(1);
        writer.WriteUInt16(2);
        writer.WriteNull();
        writer.WriteUInt32(3);
        writer.WriteUInt64(4);
        writer.WriteString("Grüße");

        var builder = new RowBuilder(capacityBytes: 1);
        builder.Begin(6);
        builder.WriteByte(1);
        builder.WriteUInt16(2);
        builder.WriteNull();
        builder.WriteUInt32(3);
        builder.WriteUInt64(4);
        builder.WriteString("Grüße");

        Assert.Equal(expected[..writer.WrittenBytes], builder.Row.ToArray());
        Assert.Equal(6, builder.WrittenColumns);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(16_383)]
    [InlineData(16_384)]
    [InlineData(100_000)]
    public void A_value_written_in_place_has_the_shortest_length(int length)
    {
        var value = Enumerable.Range(0, length).Select(i => (byte)i).ToArray();
        var expected = new RowBuilder();
        expected.Begin(1);
        expected.WriteBytes(value);

        var builder = new RowBuilder();
        builder.Begin(1);
        value.CopyTo(builder.GetSpan(length + 10));
        builder.Advance(length);

        Assert.Equal(expected.Row.ToArray(), builder.Row.ToArray());
    }

    // The null bits of the copied row land at any place of a byte.
    [Fact]
    public void Rows_are_copied_as_a_whole_behind_any_number_of_columns()
    {
        for (var ahead = 0; ahead < 18; ahead++)
        {
            for (var nulls = 0; nulls < 8; nulls++)
            {
                var row = Row(nulls);
                var builder = new RowBuilder(capacityBytes: 1);
                builder.Begin(ahead + Narrow.Columns.Length + 1);
                builder.WriteNulls(ahead);
                builder.CopyAll(row, Narrow);
                builder.WriteNull();

                var wide = new TableSchema(
                    new("shop", "wide"), [.. Enumerable.Range(0, ahead).Select(i => Of($"a{i}", ColumnKind.Int64)), .. Narrow.Columns, Of("last", ColumnKind.Int8)], [0]);
                var copied = new RowReader(wide, builder.Row);
                var original = new RowReader(Narrow, row);
                copied.Seek(ahead - 1 < 0 ? 0 : ahead - 1);
                if (ahead == 0)
                    copied.Rewind();
                while (original.Read())
                {
                    Assert.True(copied.Read());
                    Assert.Equal(ValueText.Of(ref original), ValueText.Of(ref copied));
                }

                Assert.True(copied.Read());
                Assert.True(copied.IsNull);
            }
        }
    }

    [Fact]
    public void Single_columns_are_copied_from_a_reader()
    {
        var row = Row(nulls: 2);
        var reader = new RowReader(Narrow, row);
        var builder = new RowBuilder();
        builder.Begin(3);
        while (reader.Read())
            builder.Copy(ref reader);

        Assert.Equal(row, builder.Row.ToArray());
    }

    [Fact]
    public void A_row_that_may_lack_columns_is_not_copied_as_a_whole()
    {
        var builder = new RowBuilder();
        builder.Begin(3);

        var error = Assert.Throws<ArgumentException>(() => builder.CopyAll(new byte[8], Narrow.As(partial: true)));
        Assert.StartsWith("a row that may lack columns is copied column by column", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_allocated_once_the_buffer_has_grown()
    {
        var row = Row(nulls: 0);
        var builder = new RowBuilder();
        Build();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
            Build();

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Build()
        {
            builder.Begin(5);
            builder.CopyAll(row, Narrow);
            builder.WriteBytes("text"u8);
            builder.WriteNull();
        }
    }

    private static Column Of(string name, ColumnKind kind) => new() { Name = name, Kind = kind };

    private static byte[] Row(int nulls)
    {
        var builder = new RowBuilder();
        builder.Begin(3);
        if ((nulls & 1) != 0)
            builder.WriteNull();
        else
            builder.WriteUInt32(7);
        if ((nulls & 2) != 0)
            builder.WriteNull();
        else
            builder.WriteString("note");
        if ((nulls & 4) != 0)
            builder.WriteNull();
        else
            builder.WriteUInt64(Temporal.DateTime(2024, 1, 31, 1, 2, 3, 4));
        return builder.Row.ToArray();
    }
}
