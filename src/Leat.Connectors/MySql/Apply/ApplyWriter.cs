using System.Buffers;
using Leat.Changes;

namespace Leat.Connectors.MySql.Apply;

/// <summary>Puts groups of operations into statements that the server takes, in one buffer that is used again and again.</summary>
internal sealed class ApplyWriter(string database, int maxPacketBytes)
{
    // Half of what a packet may be: a statement is ended by the first row that passes it.
    private readonly int _statementBytes = Math.Min(maxPacketBytes / 2, 1024 * 1024);

    private readonly Dictionary<Shape, ShapeStatements> _statements = new(ReferenceEqualityComparer.Instance);
    private readonly List<int> _starts = [];

    /// <summary>Bytes of a statement that the server surely takes.</summary>
    public int LimitBytes { get; } = maxPacketBytes - 1024;

    /// <summary>All statements since <see cref="Clear"/>, divided by semicolons.</summary>
    public ArrayBufferWriter<byte> Buffer { get; } = new(64 * 1024);

    /// <summary>How many statements there are.</summary>
    public int Count => _starts.Count;

    /// <summary>Forgets all statements.</summary>
    public void Clear()
    {
        Buffer.ResetWrittenCount();
        _starts.Clear();
    }

    /// <summary>One statement.</summary>
    public ReadOnlyMemory<byte> Statement(int number)
    {
        var end = number + 1 < _starts.Count ? _starts[number + 1] - 1 : Buffer.WrittenCount;
        return Buffer.WrittenMemory[_starts[number]..end];
    }

    /// <summary>Adds a statement.</summary>
    public void Add(ReadOnlySpan<byte> statement)
    {
        Begin();
        Buffer.Write(statement);
    }

    /// <summary>Adds the statements of operations of one group.</summary>
    public void Add(ApplyGroup group, ReadOnlySpan<int> operations, ReadOnlySpan<Operation> batch)
    {
        if (!_statements.TryGetValue(group.Shape, out var statements))
            _statements[group.Shape] = statements = new(group.Shape, database);
        if (group.Mode != ApplyMode.Upsert)
            AddDeletes(statements, operations, batch);
        if (group.Mode != ApplyMode.Delete)
            AddInserts(statements, group.Mode == ApplyMode.Upsert, operations, batch);
    }

    private void AddDeletes(ShapeStatements statements, ReadOnlySpan<int> operations, ReadOnlySpan<Operation> batch)
    {
        var open = false;
        foreach (var index in operations)
        {
            if (open && Buffer.WrittenCount - _starts[^1] > _statementBytes)
            {
                ShapeStatements.EndDelete(Buffer);
                open = false;
            }

            if (!open)
            {
                Begin();
                statements.BeginDelete(Buffer);
            }

            statements.AddKey(batch[index].Row.Span, isFirst: !open, Buffer);
            open = true;
        }

        if (open)
            ShapeStatements.EndDelete(Buffer);
    }

    private void AddInserts(ShapeStatements statements, bool upsert, ReadOnlySpan<int> operations, ReadOnlySpan<Operation> batch)
    {
        var open = false;
        foreach (var index in operations)
        {
            if (batch[index].Kind != OperationKind.Index)
                continue;
            if (open && Buffer.WrittenCount - _starts[^1] > _statementBytes)
            {
                statements.EndInsert(upsert, Buffer);
                open = false;
            }

            if (!open)
            {
                Begin();
                statements.BeginInsert(Buffer);
            }

            statements.AddRow(batch[index].Row.Span, isFirst: !open, Buffer);
            open = true;
        }

        if (open)
            statements.EndInsert(upsert, Buffer);
    }

    private void Begin()
    {
        if (_starts.Count > 0)
            Buffer.Write(";"u8);
        _starts.Add(Buffer.WrittenCount);
    }
}
