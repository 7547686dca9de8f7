using System.Text;
using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Formats;
using Xunit;

namespace Leat.Tests.Changes;

/// <summary>Rows that lack columns, and their schema.</summary>
public sealed class PartialRowTests
{
    private static readonly TableSchema Notes = new(
        new("shop", "notes"),
        [new() { Name = "id", Kind = ColumnKind.Int32 }, new() { Name = "note", Kind = ColumnKind.String }, new() { Name = "total", Kind = ColumnKind.Decimal, Scale = 2 }],
        [0]);

    private static readonly TableSchema Partial = Notes.As(partial: true);

    [Fact]
    public void Writes_the_documented_bytes()
    {
        var bytes = new byte[20];
        var row = RowWriter.Partial(bytes, 3);
        row.WriteUInt32(1);
        row.WriteAbsent();
        row.WriteNull();

        var page = File.ReadAllText(Repository.Path("docs/formats/change.md"));
        var documented = page.Split("## Example of a partial row")[1].Split("```")[1].Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(string.Join(' ', documented).ToUpperInvariant(), BitConverter.ToString(bytes, 0, row.WrittenBytes).Replace('-', ' '));
    }

    [Fact]
    public void Random_rows_read_back_in_order_and_by_seek()
    {
        var random = new Random(20_261_121);
        for (var round = 0; round < 500; round++)
        {
            var columns = Enumerable.Range(0, random.Next(1, 40)).Select(i => new Column { Name = $"c{i}", Kind = ColumnKind.String });
            var schema = new TableSchema(new("d", "t"), [.. columns], []) { IsPartial = true };
            var values = schema.Columns.Select(_ => random.Next(3) switch { 0 => "absent", 1 => null, _ => new string('x', random.Next(200)) }).ToArray();
            var row = new byte[40 * 300];
            var writer = RowWriter.Partial(row, values.Length);
            foreach (var value in values)
            {
                if (value == "absent")
                    writer.WriteAbsent();
                else if (value is null)
                    writer.WriteNull();
                else
                    writer.WriteString(value);
            }

            var copy = new byte[row.Length];
            var copier = RowWriter.Partial(copy, values.Length);
            var reader = new RowReader(schema, row.AsSpan(0, writer.WrittenBytes));
            for (var i = 0; i < values.Length; i++)
            {
                Assert.True(reader.Read());
                Assert.Equal(values[i], Shown(reader));
                copier.Copy(ref reader);
            }

            Assert.False(reader.Read());
            Assert.Equal(row[..writer.WrittenBytes], copy[..copier.WrittenBytes]);
            for (var i = 0; i < 10; i++)
            {
                var ordinal = random.Next(values.Length);
                Assert.Equal(values[ordinal] is not (null or "absent"), reader.Seek(ordinal));
                Assert.Equal(values[ordinal], Shown(reader));
            }
        }
    }

    [Fact]
    public void A_full_row_refuses_to_leave_a_column_out() => Assert.Equal(
        "a full row has every column",
        Assert.Throws<InvalidOperationException>(() =>
        {
            var row = new RowWriter(new byte[10], 3);
            row.WriteAbsent();
        }).Message);

    [Fact]
    public void A_row_that_ends_early_is_refused_at_every_length()
    {
        var bytes = new byte[60];
        var row = RowWriter.Partial(bytes, 3);
        row.WriteUInt32(1);
        row.WriteAbsent();
        row.WriteString("12.50");
        for (var length = 1; length < row.WrittenBytes; length++)
        {
            var cut = bytes[..length];
            Assert.Throws<InvalidDataException>(() =>
            {
                var reader = new RowReader(Partial, cut);
                while (reader.Read())
                {
                    // Reading to the end is the act.
                }
            });
        }
    }

    [Fact]
    public void A_shape_and_its_partial_variant_are_two()
    {
        Assert.NotEqual(Notes, Partial);
        Assert.Equal(Notes, Partial.As(partial: false));
        Assert.Same(Partial, Partial.As(partial: true));
    }

    [Fact]
    public void The_schema_record_says_partial_and_only_then()
    {
        var json = Encoding.UTF8.GetString(SchemaJson.Write(8, 3, Partial));

        Assert.EndsWith("\"key\":[0],\"partial\":true}", json, StringComparison.Ordinal);
        Assert.Equal(Partial, SchemaJson.Read(Encoding.UTF8.GetBytes(json)).Schema);
        Assert.DoesNotContain("partial", Encoding.UTF8.GetString(SchemaJson.Write(8, 3, Notes)), StringComparison.Ordinal);
    }

    [Fact]
    public void An_update_names_what_did_not_change()
    {
        var before = new byte[20];
        var old = RowWriter.Partial(before, 3);
        old.WriteUInt32(17);
        old.WriteAbsent();
        old.WriteAbsent();
        var after = new byte[20];
        var now = RowWriter.Partial(after, 3);
        now.WriteUInt32(17);
        now.WriteAbsent();
        now.WriteString("12.50");
        var bytes = new byte[100];
        var at = EncodedChange.WriteHeader(bytes, ChangeKind.Update, ChangeMarks.HasBefore | ChangeMarks.HasAfter, 7, 0, 0, old.WrittenBytes, "0-1-42"u8);
        before.AsSpan(0, old.WrittenBytes).CopyTo(bytes.AsSpan(at));
        after.AsSpan(0, now.WrittenBytes).CopyTo(bytes.AsSpan(at + old.WrittenBytes));
        var text = new MemoryStream();
        using (var json = new Utf8JsonWriter(text, ChangeJson.Options))
            ChangeJson.Write(json, null, new EncodedChange(bytes.AsSpan(0, at + old.WrittenBytes + now.WrittenBytes)), Partial);

        Assert.StartsWith(
            """{"op":"update","table":"shop.notes","key":{"id":17},"before":{"id":17},"after":{"id":17,"total":"12.50"},"unchanged":["note"],""",
            Encoding.UTF8.GetString(text.ToArray()), StringComparison.Ordinal);
    }

    private static string? Shown(RowReader reader) => reader.IsAbsent ? "absent" : ValueText.Of(ref reader);
}
