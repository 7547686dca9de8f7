using System.Buffers.Binary;
using Leat.Changes;

namespace Leat.Tests.Pipeline;

/// <summary>A small table: <c>id int, v bigint, note varchar null</c>, key <c>id</c>.</summary>
internal static class TestTable
{
    public static readonly TableSchema Schema = Make(new("shop", "items"));

    public static TableSchema Make(TableName name) => new(
        name,
        [
            new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false },
            new() { Name = "v", Kind = ColumnKind.Int64 },
            new() { Name = "note", Kind = ColumnKind.String },
        ],
        [0]);

    public static byte[] Row(int id, long v, string? note = null)
    {
        var bytes = new byte[64 + (note?.Length ?? 0) * 4];
        var row = new RowWriter(bytes, 3);
        row.WriteUInt32((uint)id);
        row.WriteUInt64((ulong)v);
        if (note is null)
            row.WriteNull();
        else
            row.WriteString(note);
        return bytes[..row.WrittenBytes];
    }

    public static int IdOf(ReadOnlySpan<byte> row) => BinaryPrimitives.ReadInt32LittleEndian(row[1..]);

    public static long ValueOf(ReadOnlySpan<byte> row) => BinaryPrimitives.ReadInt64LittleEndian(row[5..]);
}

/// <summary>One row change of a script.</summary>
internal sealed record TestChange(ChangeKind Kind, byte[]? Before, byte[]? After)
{
    /// <summary>Its table; null: the one that the source has by default.</summary>
    public TableSchema? Of { get; init; }

    public static TestChange Insert(int id, long v) => new(ChangeKind.Insert, null, TestTable.Row(id, v));

    public static TestChange Update(int id, long from, long to) => new(ChangeKind.Update, TestTable.Row(id, from), TestTable.Row(id, to));

    public static TestChange Move(int id, int to, long v) => new(ChangeKind.Update, TestTable.Row(id, v), TestTable.Row(to, v));

    public static TestChange Delete(int id, long v) => new(ChangeKind.Delete, TestTable.Row(id, v), null);
}
