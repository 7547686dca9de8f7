using System.Text.Json;
using Leat.Changes;
using Leat.Transform.Plan.Rules;

namespace Leat.Simulation.Delivery.Rows;

/// <summary>A row of a model table.</summary>
/// <param name="Id">The key.</param>
/// <param name="N">Number of the change that made it: no other has the same.</param>
/// <param name="U">Unique in the table that has a unique index.</param>
/// <param name="IsPoison">Whether every target refuses it.</param>
internal sealed record ModelRow(int Id, long N, int? U, bool IsPoison)
{
    private const int MaxBytes = 64;

    /// <summary>As capture encodes it.</summary>
    public byte[] Encode()
    {
        var bytes = new byte[MaxBytes];
        var row = new RowWriter(bytes, ModelTable.Columns);
        row.WriteUInt32((uint)Id);
        row.WriteUInt64((ulong)N);
        if (U is { } unique)
            row.WriteUInt32((uint)unique);
        else
            row.WriteNull();
        row.WriteString(IsPoison ? "poison" : "bread");
        return bytes[..row.WrittenBytes];
    }

    /// <summary>Reads what <see cref="Encode"/> wrote, or the object that was made of it.</summary>
    public static ModelRow Decode(Shape shape, ReadOnlySpan<byte> row) => Decode(shape.Schema, row);

    /// <inheritdoc cref="Decode(Shape, ReadOnlySpan{byte})"/>
    public static ModelRow Decode(TableSchema schema, ReadOnlySpan<byte> row)
    {
        var reader = new RowReader(schema, row);
        if (schema.Columns.Length < ModelTable.Columns)
            return FromObject(ref reader);
        reader.Seek(0);
        var id = (int)reader.Int64;
        reader.Seek(1);
        var n = reader.IsNull ? -1 : reader.Int64;
        reader.Seek(2);
        int? unique = reader.IsNull ? null : (int)reader.Int64;
        reader.Seek(3);
        return new(id, n, unique, reader.Bytes.SequenceEqual("poison"u8));
    }

    private static ModelRow FromObject(ref RowReader reader)
    {
        reader.Seek(0);
        var id = (int)reader.Int64;
        reader.Seek(1);
        if (reader.IsNull)
            return new(id, -1, null, false);
        using var json = JsonDocument.Parse(reader.Bytes.ToArray());
        var unique = json.RootElement.GetProperty("u");
        return new(
            id, json.RootElement.GetProperty("n").GetInt64(), unique.ValueKind == JsonValueKind.Null ? null : unique.GetInt32(),
            json.RootElement.GetProperty("s").GetString() == "poison");
    }
}

/// <summary>A table of the model source.</summary>
/// <param name="Alias">Its name, here and in the pipeline.</param>
/// <param name="IsUnique">Whether <c>u</c> is unique.</param>
/// <param name="Where">Which rows are delivered; <see langword="null"/>: all.</param>
internal sealed record ModelTable(string Alias, bool IsUnique, string? Where)
{
    public const int Columns = 4;

    private const int DeliveredBelow = 50;

    /// <summary>One that is copied as it is, one with a unique index, one with a row filter.</summary>
    public static ModelTable[] All { get; } = [new("plain", false, null), new("unique", true, null), new("some", false, "u < 50")];

    public TableSchema Schema { get; } = new(
        new("model", Alias),
        [
            new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false },
            new() { Name = "n", Kind = ColumnKind.Int64 },
            new() { Name = "u", Kind = ColumnKind.Int32 },
            new() { Name = "s", Kind = ColumnKind.String },
        ],
        [0]);

    /// <summary>What is a part of a document that all tables write: the first is its root.</summary>
    public FieldGroup Group => Alias switch
    {
        "plain" => new() { Document = "plain", Key = ["id"], Joins = [new("unique", ["id"], default), new("some", ["id"], default)], Location = default },
        "unique" => new() { Document = "plain", Key = ["id"], Joined = ["id"], Fields = [new("un", "n"), new("uu", "u"), new("us", "s")], Location = default },
        _ => new() { Document = "plain", Key = ["id"], Joined = ["id"], As = Alias, Location = default },
    };

    /// <summary>Its part of the document.</summary>
    public DocumentPart Part => new(Alias, IsRoot: Alias == All[0].Alias);

    /// <summary>Whether the pipeline delivers the row: the filter once more, by other means than the product's.</summary>
    public bool Delivers(ModelRow row) => Where is null || row.U < DeliveredBelow;

    public static ModelTable Of(string alias) => Array.Find(All, table => table.Alias == alias) ?? throw new InvalidOperationException($"no table '{alias}'");
}

/// <summary>A change of the model source; without rows: the table is truncated, or was read again to its end.</summary>
internal sealed record ModelChange(ModelTable Table, ModelRow? Before, ModelRow? After)
{
    public ChangeKind Kind { get; init; } = ToldChange.KindOf(Before is not null, After is not null);

    /// <summary>What has to become of it: the plan once more, by other means than the product's. Nothing for a truncate.</summary>
    /// <param name="alias">Alias of the target's rows.</param>
    public List<ModelWrite> Writes(string alias)
    {
        var writes = new List<ModelWrite>(2);
        // Of a row that is read again nobody knows whether it is there.
        var before = Kind == ChangeKind.ReadAgain ? After : Before;
        var leaves = before is not null && (Kind == ChangeKind.ReadAgain || Table.Delivers(before));
        var enters = After is not null && Table.Delivers(After);
        if (leaves && !(enters && before!.Id == After!.Id)) // both are there where they leave and enter
            writes.Add(new($"{alias}:{before!.Id}", null));
        if (enters)
            writes.Add(new($"{alias}:{After!.Id}", After));
        return writes;
    }
}

/// <summary>One write that a change makes; without a row: the key is deleted.</summary>
internal sealed record ModelWrite(string Key, ModelRow? Row);
