using System.Buffers;
using System.Text;
using Leat.Changes;
using Leat.Changes.Formats.Envelopes;

namespace Leat.Tests.Changes.Envelopes;

/// <summary>Changes to print, and the lines that an envelope makes of them. The clock stands at 2026-01-05 08:00:01.5 UTC.</summary>
internal static class EnvelopeFixture
{
    /// <summary>2026-01-05 08:00:00 UTC in microseconds.</summary>
    public const long CommittedAt = 1_767_600_000_000_000;

    /// <summary>One column of every kind, so that no kind can be forgotten.</summary>
    public static readonly TableSchema Kinds = new(
        new("shop", "kinds"),
        [
            new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false, SourceType = "int(11)" },
            new() { Name = "i8", Kind = ColumnKind.Int8, SourceType = "tinyint(4)" },
            new() { Name = "u8", Kind = ColumnKind.UInt8, SourceType = "tinyint(3) unsigned" },
            new() { Name = "i16", Kind = ColumnKind.Int16, SourceType = "smallint(6)" },
            new() { Name = "u16", Kind = ColumnKind.UInt16, SourceType = "smallint(5) unsigned" },
            new() { Name = "u24", Kind = ColumnKind.UInt32, SourceType = "mediumint(8) unsigned" },
            new() { Name = "u32", Kind = ColumnKind.UInt32, SourceType = "int(10) unsigned" },
            new() { Name = "i64", Kind = ColumnKind.Int64, SourceType = "bigint(20)" },
            new() { Name = "u64", Kind = ColumnKind.UInt64, SourceType = "bigint(20) unsigned" },
            new() { Name = "f", Kind = ColumnKind.Float32, SourceType = "float" },
            new() { Name = "g", Kind = ColumnKind.Float64, SourceType = "double" },
            new() { Name = "price", Kind = ColumnKind.Decimal, Precision = 10, Scale = 2, SourceType = "decimal(10,2)" },
            new() { Name = "name", Kind = ColumnKind.String, Length = 20, SourceType = "varchar(20)" },
            new() { Name = "code", Kind = ColumnKind.String, Length = 2, SourceType = "char(2)" },
            new() { Name = "note", Kind = ColumnKind.String, Length = 65_535, SourceType = "text" },
            new() { Name = "raw", Kind = ColumnKind.Binary, Length = 4, SourceType = "varbinary(4)" },
            new() { Name = "doc", Kind = ColumnKind.Json, SourceType = "json" },
            new() { Name = "flag", Kind = ColumnKind.Bit, Length = 1, SourceType = "bit(1)" },
            new() { Name = "bits", Kind = ColumnKind.Bit, Length = 10, SourceType = "bit(10)" },
            new() { Name = "size", Kind = ColumnKind.Enum, Labels = ["s", "m", "l"], SourceType = "enum('s','m','l')" },
            new() { Name = "tags", Kind = ColumnKind.Set, Labels = ["a", "b", "c"], SourceType = "set('a','b','c')" },
            new() { Name = "y", Kind = ColumnKind.Year, SourceType = "year(4)" },
            new() { Name = "d", Kind = ColumnKind.Date, SourceType = "date" },
            new() { Name = "t", Kind = ColumnKind.Time, Scale = 2, SourceType = "time(2)" },
            new() { Name = "dt", Kind = ColumnKind.DateTime, Scale = 3, SourceType = "datetime(3)" },
            new() { Name = "dt6", Kind = ColumnKind.DateTime, Scale = 6, SourceType = "datetime(6)" },
            new() { Name = "ts", Kind = ColumnKind.Timestamp, Scale = 3, SourceType = "timestamp(3)" },
            new() { Name = "spot", Kind = ColumnKind.Binary, SourceType = "point" },
            new() { Name = "vec", Kind = ColumnKind.Binary, SourceType = "vector(2)" },
        ],
        [0]);

    /// <summary>A row of <see cref="Kinds"/> with a value in every column, numbers at the end of their range.</summary>
    public static byte[] Full() => Rows.Encode(
        Kinds, 1L, -128L, 255L, -32768L, 65535L, 16777215L, 4294967295L, long.MinValue, ulong.MaxValue, 1.5f, 1e10, "-9.50", "hé\"\n", "ab", "long",
        new byte[] { 0x00, 0xFF }, """{"a": [1, "x"]}""", 1UL, 0x2A5UL, 2UL, 0b101UL, 2024UL, (ulong)Temporal.Date(2024, 2, 29), -36_000_500_000L,
        Temporal.DateTime(2018, 6, 20, 6, 37, 3, 123_000), Temporal.DateTime(2018, 6, 20, 6, 37, 3, 123_456), 1_529_501_823_123_000L, Point(4326, 1, 2.5),
        new byte[] { 0, 0, 0x80, 0x3F, 0, 0, 0x20, 0xC0 });

    /// <summary>A row of <see cref="Kinds"/> with NULL in every column but the key.</summary>
    public static byte[] Nulls() => Rows.Encode(Kinds, [1L, .. new object?[Kinds.Columns.Length - 1]]);

    /// <summary>A point as the server stores it: SRID, byte order, type, coordinates.</summary>
    public static byte[] Point(int srid, double x, double y) =>
        [.. BitConverter.GetBytes(srid), 1, .. BitConverter.GetBytes(1), .. BitConverter.GetBytes(x), .. BitConverter.GetBytes(y)];

    public static EnvelopeSettings Settings() => new() { Source = "shop1", Version = "1.2.3", Time = new StandingClock() };

    /// <summary>The lines of one change, each without its line break.</summary>
    public static string[] Lines(
        IChangeEnvelope envelope, TableSchema schema, ChangeKind kind, byte[]? before, byte[]? after, string transaction = "0-7-42", uint index = 0, bool last = true,
        ChangePlace place = default)
    {
        var record = new byte[EncodedChange.HeaderBytes + 255 + (before?.Length ?? 0) + (after?.Length ?? 0)];
        var marks = (before is null ? 0 : ChangeMarks.HasBefore) | (after is null ? 0 : ChangeMarks.HasAfter) | (last ? ChangeMarks.LastOfTransaction : 0);
        var at = EncodedChange.WriteHeader(record, kind, marks, 7, CommittedAt, index, before?.Length ?? 0, Encoding.ASCII.GetBytes(transaction));
        foreach (var image in (byte[]?[])[before, after])
        {
            image?.CopyTo(record, at);
            at += image?.Length ?? 0;
        }

        var lines = new ArrayBufferWriter<byte>();
        var count = envelope.Write(new(record.AsSpan(0, at)), schema, place, lines);
        var text = Encoding.UTF8.GetString(lines.WrittenSpan);
        var all = text.Length == 0 ? [] : text[..^1].Split('\n');
        return all.Length == count ? all : throw new InvalidOperationException($"{count} documents were said, {all.Length} lines written");
    }

    private sealed class StandingClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2026, 1, 5, 8, 0, 1, 500, TimeSpan.Zero);
    }
}
