using Leat.Changes;
using Leat.Connectors.MySql.Compression;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>TABLE_MAP and row events: remembers which number stands for which table, and writes the rows of captured ones.</summary>
internal sealed class RowEvents(string source, ITableShapes shapes, IChangeWriter writer)
{
    private readonly Dictionary<ulong, Mapped> _maps = [];
    private readonly CompressedPart _inflated = new();
    private Mapped? _last;

    /// <summary>The table whose shape is needed, after <see cref="Map"/> returned false.</summary>
    public TableName WantedShape { get; private set; }

    /// <summary>The table of the last rows.</summary>
    public TableName CurrentTable => _last?.Table ?? default;

    /// <summary>Rows written.</summary>
    public long Count { get; private set; }

    /// <summary>Asked before rows of a table stop the source, with the reason: whether they may be passed over.</summary>
    public required Func<TableName, string, bool> MayPass { get; init; }

    /// <summary>Numbers of tables hold within one file.</summary>
    public void ForgetMaps()
    {
        _maps.Clear();
        _last = null;
    }

    /// <summary>Shapes may have changed: the next TABLE_MAP of each table is looked at anew.</summary>
    public void ForgetPrograms() => ForgetMaps();

    /// <summary>Takes a TABLE_MAP; false when the table's shape has to be read first.</summary>
    /// <exception cref="PauseException">The table cannot be read with the shape that is known.</exception>
    public bool Map(ReadOnlySpan<byte> body, EventHeader header)
    {
        const int IdBytes = 8; // 6 of number, 2 of flags
        var fields = new WireReader(body);
        var id = fields.ReadUInt48();
        fields.ReadUInt16();
        if (_maps.TryGetValue(id, out var known) && fields.Rest.SequenceEqual(known.Body))
            return true;

        var content = body[IdBytes..];
        TableMap.ReadName(content, out var database, out var name);
        var table = new TableName(System.Text.Encoding.UTF8.GetString(database), System.Text.Encoding.UTF8.GetString(name));
        var mapped = new Mapped { Id = id, Table = table, Body = content.ToArray() };
        if (shapes.IsCaptured(table) && !TryCompile(mapped, TableMap.Read(content)))
        {
            WantedShape = table;
            return false;
        }

        _maps[id] = mapped;
        _last = null;
        return true;
    }

    // Without a program its rows are passed over.
    private bool TryCompile(Mapped mapped, TableMap map)
    {
        try
        {
            if (!shapes.TryResolve(map, out var shape))
                return false;
            Compile(mapped, map, shape);
        }
        catch (PauseException differs) when (differs.Code == MySqlErrors.OtherShape && MayPass(mapped.Table, "its shape is not known"))
        {
            mapped.Program = null;
        }

        return true;
    }

    /// <summary>Whether the rows of an event are of a captured table.</summary>
    /// <exception cref="MySqlFormatException">No TABLE_MAP told the table's number.</exception>
    public bool IsWanted(ReadOnlySpan<byte> body)
    {
        var fields = new WireReader(body);
        var id = fields.ReadUInt48();
        if (_last is null || _last.Id != id)
        {
            const ulong EndsStatementOnly = 0xFFFFFF; // a number that stands for no table
            if (!_maps.TryGetValue(id, out _last) && id != EndsStatementOnly)
                throw MySqlFormatException.Unexpected("table number in a row event", "one announced before", (long)id);
        }

        return _last?.Program is not null;
    }

    /// <summary>Writes the rows of an event for which <see cref="IsWanted"/> is true.</summary>
    public void Add(ChangeKind kind, ReadOnlySpan<byte> body, byte type)
    {
        var mapped = _last ?? throw new InvalidOperationException("no table");
        var program = mapped.Program ?? throw new InvalidOperationException("not captured");
        var fields = new WireReader(body);
        fields.ReadUInt48();
        fields.ReadUInt16();
        if (EventType.IsVersion2(type))
            fields.ReadBytes(Math.Max(0, fields.ReadUInt16() - 2));
        var columns = fields.ReadLength();
        if (columns != (ulong)program.Steps.Length)
            throw MySqlFormatException.Unexpected("number of columns in a row event", $"{program.Steps.Length}", (long)columns);
        var present = fields.ReadBytes(program.BitmapBytes);
        var presentAfter = kind == ChangeKind.Update ? fields.ReadBytes(program.BitmapBytes) : present;
        if (type == EventType.PartialUpdateRows)
        {
            AddPartial(mapped, present, presentAfter, fields.Rest);
            return;
        }

        var rest = EventType.IsCompressed(type) ? _inflated.Inflate(fields.Rest) : fields.Rest;
        if (mapped.Versioned is { RowEnd: >= 0 } || !RowImages.IsWhole(present, program.Steps.Length) || !RowImages.IsWhole(presentAfter, program.Steps.Length))
        {
            mapped.Images ??= new(mapped.Versioned ?? throw new InvalidOperationException("not captured"), writer) { SchemaId = mapped.SchemaId, Source = source };
            Count += mapped.Images.Add(kind, present, presentAfter, rest);
            return;
        }

        var images = kind == ChangeKind.Update ? 2 : 1;
        while (!rest.IsEmpty)
        {
            var target = writer.BeginRow(program.MaxBytes(images, rest));
            var read = RowDecoder.Decode(program, rest, target, out var before);
            var after = 0;
            if (images == 2)
                read += RowDecoder.Decode(program, rest[read..], target[before..], out after);
            rest = rest[read..];
            if (kind == ChangeKind.Insert)
                (before, after) = (0, before);
            writer.EndRow(kind, mapped.SchemaId, before, after);
            Count++;
        }
    }

    // Documents are completed first; then each row is one of an ordinary update, in which columns may be left out.
    private void AddPartial(Mapped mapped, ReadOnlySpan<byte> present, ReadOnlySpan<byte> presentAfter, ReadOnlySpan<byte> rows)
    {
        if (mapped.Partial is null)
        {
            mapped.Partial = new((mapped.Versioned ?? throw new InvalidOperationException("not captured")).Whole);
            mapped.PartialImages = new(VersionedTable.Of(mapped.Partial.Table, hidden: false), writer) { SchemaId = mapped.SchemaId, Source = source };
        }

        while (!rows.IsEmpty)
        {
            var row = mapped.Partial.Next(ref rows, present, presentAfter, out var misfit);
            if (misfit >= 0 && MayPass(mapped.Table, "a part of a document that does not fit"))
                return;
            if (misfit >= 0)
                throw MySqlErrors.JsonDiffMisfit(source, mapped.Table, mapped.Partial.Table.Columns[misfit].Schema.Name);
            Count += mapped.PartialImages!.Add(ChangeKind.Update, present, mapped.Partial.Present, row); // made together with the other
        }
    }

    private void Compile(Mapped mapped, TableMap map, MySqlTable table)
    {
        MySqlErrors.ThrowIfRefused(source, table);
        var hidden = VersionedTable.HidesColumns(map, table);
        mapped.Versioned = VersionedTable.Of(table, hidden);
        mapped.Program = hidden ? RowProgram.Compile(mapped.Versioned.Whole) : RowProgram.Compile(table);
        mapped.SchemaId = writer.Define(table.Schema);
    }

    private sealed class Mapped
    {
        public required ulong Id { get; init; }

        public required TableName Table { get; init; }

        public required byte[] Body { get; init; }

        public RowProgram? Program { get; set; }

        public uint SchemaId { get; set; }

        public VersionedTable? Versioned { get; set; }

        public RowImages? Images { get; set; }

        public PartialUpdates? Partial { get; set; }

        public RowImages? PartialImages { get; set; }
    }
}
