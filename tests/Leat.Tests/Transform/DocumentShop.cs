using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Tests.Changes;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Documents;
using Leat.Transform.Plan.Rules;

namespace Leat.Tests.Transform;

/// <summary>A small shop whose tables change: its changes as a stream has them, and a target that holds what a document plan emits.</summary>
internal sealed class DocumentShop : IDisposable
{
    public static readonly FileLocation Here = new("leat.yaml", 10, 5);

    public static readonly TableSchema Orders = Table("orders", "id:i32 type:i32 note:text customer_id:i32", 0);
    public static readonly TableSchema Items = Table("order_items", "id:i32 order_id:i32 sku:text qty:i32", 0);
    public static readonly TableSchema Customers = Table("customers", "id:i32 name:text city:text", 0);
    public static readonly TableSchema Parts = Table("parts", "id:i32 item_id:i32 label:text", 0);

    private readonly Dictionary<string, TableSchema> _tables;
    private readonly Dictionary<string, Dictionary<string, object?[]>> _rows = [];
    private readonly DocumentRule _rule;
    private readonly ImmutableArray<TableSelection> _selections;
    private readonly Dictionary<string, byte[]> _saved = [];
    private long _offset;

    public DocumentShop(DocumentRule rule, ImmutableArray<TableSelection> selections, params TableSchema[] tables)
    {
        (_rule, _selections) = (rule, selections);
        _tables = tables.ToDictionary(table => table.Table.Name);
        Plan = Open();
    }

    public DocumentPlan Plan { get; private set; }

    /// <summary>Which columns images tell: FULL, MINIMAL or NOBLOB.</summary>
    public string RowImage { get; init; } = "FULL";

    /// <summary>What the target holds, by key.</summary>
    public SortedDictionary<string, string> Target { get; } = new(StringComparer.Ordinal);

    /// <summary>All operations in their order: <c>index 1@7</c>.</summary>
    public List<string> Log { get; } = [];

    /// <summary>What each of them was for its target.</summary>
    public List<ChangeKind> Causes { get; } = [];

    public static TableSchema Table(string name, string columns, params int[] key) => new(
        new("shop", name),
        [.. columns.Split(' ').Select((column, at) => Column(column, key.Contains(at)))],
        [.. key]);

    public static TableSelection Take(TableSchema table, string? where = null, string[]? columns = null) =>
        new(table.Table.Name, table.Table, [.. columns ?? []], where)
        {
            Location = new("leat.yaml", 3, 7), WhereWritten = where is null ? null : new(where, new("leat.yaml", 4, 14), IsInline: true),
        };

    public static WrittenExpression Written(string text, int line = 20) => new(text, new("leat.yaml", line, 14), IsInline: true);

    public static SetRule Set(string name, string text) => new(name, Written(text, 30));

    public static JoinRule On(params (string Joined, string To)[] pairs) => new([.. pairs], Here with { Line = 12 });

    /// <summary>Applies statements as one transaction: <c>insert orders 1 1 x null</c>, <c>update orders 1 type=3</c>, <c>delete orders 1</c>; then emits.</summary>
    public void Commit(params string[] statements)
    {
        foreach (var statement in statements)
            Apply(statement);
        Plan.EndTransaction();
        Drain();
    }

    public ApplyResult Apply(string statement)
    {
        var words = statement.Split(' ');
        var schema = _tables[words[1]];
        var rows = _rows.TryGetValue(words[1], out var known) ? known : _rows[words[1]] = [];
        var offset = ++_offset;
        if (words[0] is "insert" or "read")
        {
            var row = words[2..].Select((word, at) => Value(schema.Columns[at], word)).ToArray();
            rows[KeyOf(schema, row)] = row;
            return Apply(words[0] == "read" ? ChangeKind.Read : ChangeKind.Insert, schema, null, row, offset);
        }

        var before = rows[words[2]];
        rows.Remove(words[2]);
        if (words[0] == "delete")
            return Apply(ChangeKind.Delete, schema, before, null, offset);
        var after = before.ToArray();
        foreach (var word in words[3..])
        {
            var (name, value) = (word[..word.IndexOf('=', StringComparison.Ordinal)], word[(word.IndexOf('=', StringComparison.Ordinal) + 1)..]);
            after[schema.Find(name)] = Value(schema.Columns[schema.Find(name)], value);
        }

        rows[KeyOf(schema, after)] = after;
        return Apply(ChangeKind.Update, schema, before, after, offset);
    }

    public void Drain()
    {
        var operations = new Operation[3];
        int count;
        using var arena = new RowArena();
        while ((count = Plan.Emit(arena, operations)) > 0)
            Take(operations.AsSpan(0, count));
        while (Plan.HasBacklog && (count = Plan.EmitBacklog(arena, operations, _offset, 0)) > 0)
            Take(operations.AsSpan(0, count));
    }

    /// <summary>Saves, forgets everything, and loads into a plan of its own, as a crash between transactions does.</summary>
    public void Restart()
    {
        var target = new Saved(_saved);
        while (Plan.Save(target, 2) > 0)
        {
            // until all is saved
        }

        Plan.Dispose();
        Plan = Open();
        foreach (var (key, value) in _saved)
            Plan.Put(Convert.FromHexString(key), value);
    }

    public string Documents() => string.Join("; ", Target.Select(document => $"{document.Key}: {document.Value}"));

    public void Dispose() => Plan.Dispose();

    public void Take(ReadOnlySpan<Operation> operations)
    {
        foreach (var operation in operations)
        {
            var key = KeyText(operation);
            Causes.Add(operation.Cause);
            Log.Add($"{operation.Kind.ToString().ToLowerInvariant()} {key}@{operation.Offset}{(operation.IsUnpositioned ? " later" : "")}");
            if (operation.Kind == OperationKind.Delete)
                Target.Remove(key);
            else
                Target[key] = Json(operation.Shape, operation.Row.Span);
        }
    }

    /// <summary>The delivered fields of a row as JSON.</summary>
    public static string Json(Shape shape, ReadOnlySpan<byte> row)
    {
        using var text = new MemoryStream();
        using (var json = new Utf8JsonWriter(text, ChangeJson.Options))
        {
            json.WriteStartObject();
            var reader = new RowReader(shape.Schema, row);
            foreach (var column in shape.Columns)
            {
                reader.Seek(column.Ordinal);
                json.WritePropertyName(column.Name);
                ValueJson.Write(ref reader, json);
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(text.ToArray());
    }

    private DocumentPlan Open()
    {
        var plan = DocumentPlan.Compile(_rule, _selections, table => _tables.Values.FirstOrDefault(schema => schema.Table == table));
        var id = 1u;
        foreach (var table in _tables.Values)
        {
            plan.Learn(id++, table);
            plan.Learn(id++, table.As(partial: true));
        }

        return plan;
    }

    private ApplyResult Apply(ChangeKind kind, TableSchema schema, object?[]? before, object?[]? after, long offset)
    {
        var id = 1u + (2 * (uint)_tables.Values.ToList().FindIndex(table => table.Table == schema.Table));
        if (RowImage != "FULL")
        {
            id++;
            (before, after) = (Image(schema, before, before, after, isBefore: true), after is null ? null : Image(schema, after, before, after, isBefore: false));
            schema = schema.As(partial: true);
        }

        return Plan.Apply(Record(kind, schema, id, before, after), offset);
    }

    // MINIMAL: the key before, what changed after. NOBLOB: texts only when they changed.
    private object?[]? Image(TableSchema schema, object?[]? row, object?[]? before, object?[]? after, bool isBefore)
    {
        if (row is null || before is null)
            return row;
        return [.. row.Select((value, at) =>
        {
            var isKey = schema.Key.Contains(at);
            var isChanged = after is not null && !Equals(before[at], after[at]);
            var tells = RowImage == "NOBLOB" ? schema.Columns[at].Kind != ColumnKind.String || (isChanged && !isBefore) : isBefore ? isKey : isChanged;
            return tells ? value : Rows.Absent;
        })];
    }

    public static byte[] Record(ChangeKind kind, TableSchema schema, uint schemaId, object?[]? before, object?[]? after)
    {
        var (old, now) = (before is null ? [] : Rows.Encode(schema, before), after is null ? [] : Rows.Encode(schema, after));
        var bytes = new byte[EncodedChange.HeaderBytes + old.Length + now.Length];
        var marks = (before is null ? 0 : ChangeMarks.HasBefore) | (after is null ? 0 : ChangeMarks.HasAfter);
        var at = EncodedChange.WriteHeader(bytes, kind, marks, schemaId, 0, 0, old.Length, default);
        old.CopyTo(bytes, at);
        now.CopyTo(bytes, at + old.Length);
        return bytes;
    }

    private static string KeyOf(TableSchema schema, object?[] row) => string.Join(':', schema.Key.Select(key => row[key]));

    private static string KeyText(in Operation operation)
    {
        var reader = new RowReader(operation.Shape.Schema, operation.Row.Span);
        var parts = new List<string>();
        foreach (var key in operation.Shape.Key)
        {
            reader.Seek(key);
            parts.Add(ValueText.Of(ref reader) ?? "NULL");
        }

        return string.Join(':', parts);
    }

    private static Column Column(string text, bool isKey)
    {
        var (name, kind) = (text[..text.IndexOf(':', StringComparison.Ordinal)], text[(text.IndexOf(':', StringComparison.Ordinal) + 1)..]);
        return new()
        {
            Name = name,
            Nullable = !isKey,
            Kind = kind switch
            {
                "i32" => ColumnKind.Int32,
                "i64" => ColumnKind.Int64,
                "u64" => ColumnKind.UInt64,
                "dec" => ColumnKind.Decimal,
                "json" => ColumnKind.Json,
                "date" => ColumnKind.Date,
                _ => ColumnKind.String,
            },
            Precision = kind == "dec" ? 10 : 0,
            Scale = kind == "dec" ? 2 : 0,
        };
    }

    private static object? Value(Column column, string word) => word switch
    {
        "null" => null,
        _ when column.Kind is ColumnKind.String or ColumnKind.Decimal or ColumnKind.Json => word,
        _ => int.Parse(word, System.Globalization.CultureInfo.InvariantCulture),
    };

    private sealed class Saved(Dictionary<string, byte[]> rows) : IStateTarget
    {
        public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => rows[Convert.ToHexString(key)] = value.ToArray();

        public void Delete(ReadOnlySpan<byte> key) => rows.Remove(Convert.ToHexString(key));
    }
}
