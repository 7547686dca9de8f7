using System.Collections.Immutable;
using System.Globalization;
using Leat.Changes;
using Leat.Tests.Changes;

namespace Leat.Tests.Transform.Oracle;

/// <summary>One change of a row: as a record of the stream, and as the statement that does the same.</summary>
/// <param name="Table">The table.</param>
/// <param name="Record">The record; <see langword="null"/>: the table lost all its rows.</param>
/// <param name="Offset">Its offset.</param>
/// <param name="Sql">The statement.</param>
internal sealed record OracleChange(TableName Table, byte[]? Record, long Offset, string Sql);

/// <summary>
/// Five tables of a shop and random changes of them: 40 inserts, 30 updates, 10 changes of a key and 20 deletes of a hundred, over so few keys and values that collisions, NULLs and
/// moves are frequent.
/// </summary>
/// <param name="random">Decides.</param>
/// <param name="isWide">Few customers and many orders: one customer is in more documents than are emitted at once.</param>
/// <param name="isMinimal">Images tell the key and what changed, and no more.</param>
internal sealed class OracleTables(Random random, bool isWide, bool isMinimal)
{
    public static readonly ImmutableArray<TableSchema> Schemas =
    [
        Table("orders", Number("customer_id", ColumnKind.Int64), Number("type", ColumnKind.Int8), Text("note"), Number("amount"), Money("total")),
        Table("items", Number("order_id", ColumnKind.Int64), Number("product_id"), Text("sku"), Number("qty"), Number("position", ColumnKind.Int16)),
        Table("parts", Number("item_id"), Text("label"), Number("n")),
        Table("customers", Text("name"), Text("region")),
        Table("products", Text("title"), Money("price")),
    ];

    private readonly SortedDictionary<int, object?[]>[] _rows = [.. Schemas.Select(_ => new SortedDictionary<int, object?[]>())];
    private long _offset;

    /// <summary>Statements that make the tables.</summary>
    public static IEnumerable<string> Definitions => Schemas.Select(schema =>
        $"CREATE TABLE {schema.Table.Name} (id INTEGER PRIMARY KEY, {string.Join(", ", schema.Columns.Skip(1).Select(column => column.Name))})");

    /// <summary>The number of a table's shape in the stream.</summary>
    public static uint IdOf(TableName table) => (uint)Schemas.ToList().FindIndex(schema => schema.Table == table) + 1;

    /// <summary>The next transaction.</summary>
    public List<OracleChange> Transaction()
    {
        var changes = new List<OracleChange>();
        if (random.Next(100) < 2)
        {
            var table = random.Next(Schemas.Length);
            _rows[table].Clear();
            return [new(Schemas[table].Table, null, _offset++, $"DELETE FROM {Schemas[table].Table.Name}")];
        }

        for (var count = random.Next(1, 7); count > 0; count--)
            changes.Add(Change(RandomTable(), isLast: count == 1));
        return changes;
    }

    /// <summary>All rows as a snapshot tells them.</summary>
    public List<OracleChange> Snapshot()
    {
        var changes = new List<OracleChange>();
        for (var table = 0; table < Schemas.Length; table++)
        {
            foreach (var (id, row) in _rows[table])
                changes.Add(Encoded(Schemas[table], ChangeKind.Read, null, [id, .. row], isLast: true, ""));
        }

        return changes;
    }

    /// <summary>A table that has changed behind the stream's back, read again: what happened to it, and its rows as they are now.</summary>
    public (TableSchema Table, List<string> Lost, List<OracleChange> Rows) Reread()
    {
        var table = RandomTable();
        var lost = Enumerable.Range(0, random.Next(1, 8)).Select(_ => Change(table, isLast: true).Sql).ToList();
        return (Schemas[table], lost, [.. _rows[table].Select(row => Encoded(Schemas[table], ChangeKind.ReadAgain, null, [row.Key, .. row.Value], isLast: true, ""))]);
    }

    /// <summary>Whether a row is there.</summary>
    public bool Has(TableSchema table, int id) => _rows[Schemas.IndexOf(table)].ContainsKey(id);

    private int RandomTable() => random.Next(100) switch { < 30 => 0, < 65 => 1, < 75 => 2, < 90 => 3, _ => 4 };

    private OracleChange Change(int table, bool isLast)
    {
        var (schema, rows) = (Schemas[table], _rows[table]);
        var dice = random.Next(100);
        var free = FreeId(table);
        if (rows.Count == 0 || (dice < 40 && free is not null) || (isWide && table == 0 && dice < 70 && free is not null))
        {
            var row = RandomRow(schema);
            rows.Add(free!.Value, row); // not null: without rows all are free
            return Encoded(
                schema, ChangeKind.Insert, null, [free, .. row], isLast, $"INSERT INTO {schema.Table.Name} VALUES ({free}, {string.Join(", ", row.Select(Literal))})");
        }

        var id = rows.Keys.ElementAt(random.Next(rows.Count));
        var before = rows[id];
        if (dice >= 80 || (dice >= 70 && free is null))
        {
            rows.Remove(id);
            return Encoded(schema, ChangeKind.Delete, [id, .. before], null, isLast, $"DELETE FROM {schema.Table.Name} WHERE id = {id}");
        }

        var fresh = RandomRow(schema);
        var after = before.Select((value, at) => random.Next(2) == 0 ? value : fresh[at]).ToArray();
        var newId = dice >= 70 ? free!.Value : id; // not null: see above
        rows.Remove(id);
        rows[newId] = after;
        var set = schema.Columns.Skip(1).Zip(after, (column, value) => $"{column.Name} = {Literal(value)}");
        return Encoded(
            schema, ChangeKind.Update, [id, .. before], [newId, .. after], isLast, $"UPDATE {schema.Table.Name} SET id = {newId}, {string.Join(", ", set)} WHERE id = {id}");
    }

    private int? FreeId(int table)
    {
        var most = table switch { 0 => isWide ? 160 : 12, 1 => 30, 2 => 30, 3 => isWide ? 2 : 5, _ => 5 };
        var free = Enumerable.Range(1, most).Where(id => !_rows[table].ContainsKey(id)).ToList();
        return free.Count == 0 ? null : free[random.Next(free.Count)];
    }

    private object?[] RandomRow(TableSchema schema) => [.. schema.Columns.Skip(1).Select(RandomValue)];

    private object? RandomValue(Column column) => random.Next(7) == 0 ? null : column.Name switch
    {
        "customer_id" => random.Next(1, isWide ? 3 : 7),
        "order_id" => random.Next(1, isWide ? 30 : 14),
        "item_id" => random.Next(1, 32),
        "product_id" => random.Next(1, 7),
        "type" => random.Next(1, 4),
        "note" or "title" => random.Next(4) switch { 0 => "x", 1 => "y", 2 => "", _ => "it's \"z\" \u00e9" },
        "name" => "n" + random.Next(3),
        "region" => random.Next(2) == 0 ? "eu" : "us",
        "sku" or "label" => ((char)('a' + random.Next(4))).ToString(),
        "total" or "price" => Cents(random.Next(-500, 2000)),
        "position" => random.Next(1, 4),
        _ => random.Next(-3, 20),
    };

    private OracleChange Encoded(TableSchema schema, ChangeKind kind, object?[]? before, object?[]? after, bool isLast, string sql)
    {
        byte[]? beforeRow, afterRow;
        if (isMinimal && kind is not (ChangeKind.Read or ChangeKind.ReadAgain))
        {
            var partial = schema.As(partial: true);
            beforeRow = before is null ? null : Rows.Encode(partial, [before[0], .. before.Skip(1).Select(_ => Rows.Absent)]);
            afterRow = after is null ? null : Rows.Encode(partial, [.. after.Select((value, at) => before is not null && Equals(value, before[at]) ? Rows.Absent : value)]);
        }
        else
        {
            (beforeRow, afterRow) = (before is null ? null : Rows.Encode(schema, before), after is null ? null : Rows.Encode(schema, after));
        }

        var isPartial = isMinimal && kind is not (ChangeKind.Read or ChangeKind.ReadAgain);
        var marks = (before is null ? 0 : ChangeMarks.HasBefore) | (after is null ? 0 : ChangeMarks.HasAfter) | (isLast ? ChangeMarks.LastOfTransaction : 0);
        var record = new byte[256 + (beforeRow?.Length ?? 0) + (afterRow?.Length ?? 0)];
        var at = EncodedChange.WriteHeader(record, kind, marks, IdOf(schema.Table) + (isPartial ? 100u : 0), 0, 0, beforeRow?.Length ?? 0, "t"u8);
        beforeRow?.CopyTo(record, at);
        afterRow?.CopyTo(record, at + (beforeRow?.Length ?? 0));
        return new(schema.Table, record[..(at + (beforeRow?.Length ?? 0) + (afterRow?.Length ?? 0))], _offset++, sql);
    }

    // Money is kept as cents by the judge, and shown as a decimal.
    private static string Literal(object? value) => value switch
    {
        null => "NULL",
        string text when decimal.TryParse(text, NumberStyles.Number, CultureInfo.InvariantCulture, out var money) && text.Contains('.', StringComparison.Ordinal) =>
            ((long)(money * 100)).ToString(CultureInfo.InvariantCulture),
        string text => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'",
        _ => string.Create(CultureInfo.InvariantCulture, $"{value}"),
    };

    private static string Cents(int cents) => (cents / 100m).ToString("0.00", CultureInfo.InvariantCulture);

    private static TableSchema Table(string name, params Column[] columns) =>
        new(new("shop", name), [new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false }, .. columns], [0]);

    private static Column Number(string name, ColumnKind kind = ColumnKind.Int32) => new() { Name = name, Kind = kind };

    private static Column Text(string name) => new() { Name = name, Kind = ColumnKind.String };

    private static Column Money(string name) => new() { Name = name, Kind = ColumnKind.Decimal, Precision = 10, Scale = 2 };
}
