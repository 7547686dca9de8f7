using Leat.Changes;
using Leat.Connectors.Redis;

namespace Leat.IntegrationTests.Redis;

/// <summary>Rows, operations and sinks for the tests of Redis: people with a name, a country, points, and times.</summary>
internal static class People
{
    private static readonly TableSchema Schema = new(
        new("shop", "people"),
        [
            new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false },
            new() { Name = "name", Kind = ColumnKind.String },
            new() { Name = "country", Kind = ColumnKind.String },
            new() { Name = "points", Kind = ColumnKind.Float64 },
            new() { Name = "until", Kind = ColumnKind.Timestamp, Scale = 3 },
            new() { Name = "seconds", Kind = ColumnKind.Int32 },
        ],
        [0]);

    /// <summary>A row; what is left out is NULL.</summary>
    public readonly record struct Person(int Id, string? Name = null, string? Country = null, double? Points = null, DateTime? Until = null, int? Seconds = null)
    {
        public byte[] Encode() => Encode(null);

        /// <summary>Only with the columns that are named; the others are absent.</summary>
        public byte[] Encode(string[]? told)
        {
            var row = new byte[4096];
            var writer = told is null ? new RowWriter(row, 6) : RowWriter.Partial(row, 6);
            writer.WriteUInt32((uint)Id);
            WriteText(ref writer, Name, told?.Contains("name") is false);
            WriteText(ref writer, Country, told?.Contains("country") is false);
            WriteBits(ref writer, Points is { } points ? BitConverter.DoubleToUInt64Bits(points) : null, told?.Contains("points") is false);
            WriteBits(ref writer, Until is { } until ? (ulong)((until - DateTime.UnixEpoch).Ticks / 10) : null, told?.Contains("until") is false);
            if (told?.Contains("seconds") is false)
                writer.WriteAbsent();
            else if (Seconds is { } seconds)
                writer.WriteUInt32((uint)seconds);
            else
                writer.WriteNull();
            return row[..writer.WrittenBytes];
        }

        private static void WriteText(ref RowWriter writer, string? value, bool isAbsent)
        {
            if (isAbsent)
                writer.WriteAbsent();
            else if (value is null)
                writer.WriteNull();
            else
                writer.WriteString(value);
        }

        private static void WriteBits(ref RowWriter writer, ulong? value, bool isAbsent)
        {
            if (isAbsent)
                writer.WriteAbsent();
            else if (value is { } bits)
                writer.WriteUInt64(bits);
            else
                writer.WriteNull();
        }
    }

    public static Shape Shape(string alias, params string[] columns) => Shape(alias, partial: false, columns);

    public static Shape Shape(string alias, bool partial, params string[] columns) => new()
    {
        Alias = alias,
        Schema = Schema.As(partial),
        Columns = [.. Schema.Columns.Select((column, i) => new ShapeColumn(column.Name, i)).Where(column => columns.Length == 0 || columns.Contains(column.Name))],
        Key = [0],
    };

    public static LaneIdentity Lane(long checkpoint = 0, uint epoch = 1, Guid? log = null, int lane = 0, int lanes = 1, long laneOffset = -1) =>
        new("p", log ?? new Guid("11111111-2222-3333-4444-555555555555"), epoch, lane, lanes, checkpoint) { LaneOffset = laneOffset };

    public static Operation Index(Shape shape, long offset, Person row, Person? before = null, ChangeKind? cause = null) => new()
    {
        Kind = OperationKind.Index, Cause = cause ?? (before is null ? ChangeKind.Insert : ChangeKind.Update), Offset = offset, CommittedAtMicros = 0, Shape = shape,
        Row = row.Encode(), Before = before?.Encode() ?? [], KeyHash = (ulong)row.Id,
    };

    public static Operation Delete(Shape shape, long offset, Person row, ChangeKind cause = ChangeKind.Delete) => new()
    {
        Kind = OperationKind.Delete, Cause = cause, Offset = offset, CommittedAtMicros = 0, Shape = shape, Row = row.Encode(), KeyHash = (ulong)row.Id,
    };

    public static Operation Update(Shape shape, long offset, Person row, params string[] told) => new()
    {
        Kind = OperationKind.Update, Cause = ChangeKind.Update, Offset = offset, CommittedAtMicros = 0, Shape = shape, Row = row.Encode(told), KeyHash = (ulong)row.Id,
    };

    public static RedisSinkOptions With(this RedisSinkOptions options, RedisRule rule) => options with { Rules = new Dictionary<string, RedisRule> { [""] = rule } };

    public static KeyTemplate Template(string text) => KeyTemplate.TryParse(text, out var template) ? template : throw new ArgumentException(text);

    /// <summary>Delivers a batch on a lane of its own, and gives the answers.</summary>
    public static async Task<Answer[]> DeliverAsync(RedisSinkOptions options, params Operation[] batch) => await DeliverAsync(options, Lane(), batch);

    public static async Task<Answer[]> DeliverAsync(RedisSinkOptions options, LaneIdentity identity, params Operation[] batch)
    {
        await using var sink = RedisFixture.Sink(options);
        await using var lane = await sink.OpenLaneAsync(identity, default);
        return await WriteAsync(lane, batch);
    }

    public static async Task<Answer[]> WriteAsync(ISinkLane lane, params Operation[] batch)
    {
        var answers = new Answer[batch.Length];
        await lane.WriteAsync(batch, answers, default);
        return answers;
    }

    /// <summary>All that the server holds of a shape, one text for each row.</summary>
    public static async Task<List<string>> ReadAsync(RedisSinkOptions options, Shape shape)
    {
        await using var sink = RedisFixture.Sink(options);
        var rows = new List<string>();
        await foreach (var row in sink.ReadAsync(shape, default))
            rows.Add(Text(row));
        return [.. rows.Order(StringComparer.Ordinal)];
    }

    /// <summary>The same as it should be, and as it is found by key.</summary>
    public static async Task<(List<string> Expected, List<string?> Found)> FindAsync(RedisSinkOptions options, Shape shape, params Person[] people)
    {
        await using var sink = RedisFixture.Sink(options);
        var rows = people.Select(person => (ReadOnlyMemory<byte>)person.Encode()).ToList();
        var expected = rows.Select(row => Text(sink.Expect(shape, row.Span))).ToList();
        return (expected, [.. (await sink.FindAsync(shape, rows, default)).Select(row => row is null ? null : Text(row))]);
    }

    public static string Text(TargetRow row) => $"{row.Key}: {string.Join(' ', row.Fields.Where(field => field.Value is not null).Select(field => $"{field.Key}={field.Value}"))}";
}
