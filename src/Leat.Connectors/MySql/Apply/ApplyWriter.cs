using System.Buffers;
using Leat.Changes;

namespace Leat.Connectors.MySql.Apply;

/// <summary>Puts groups of operations into statements that the server takes, in one buffer that is used again and again.</summary>
internal sealed class ApplyWriter(string database, TargetServer server)
{
    // A statement is ended by the first row that passes it: half of what a packet may be, and no more than what a server parses in a few milliseconds.
    private readonly int _statementBytes = Math.Min(server.MaxPacketBytes / 2, 1024 * 1024);

    private readonly Dictionary<Shape, ShapeStatements> _statements = new(ReferenceEqualityComparer.Instance);
    private readonly List<int> _starts = [];
    private readonly List<int> _updates = [];

    /// <summary>Bytes of a statement that the server surely takes.</summary>
    public int LimitBytes { get; } = server.MaxPacketBytes - 1024;

    /// <summary>All statements since <see cref="Clear"/>, divided by semicolons.</summary>
    public ArrayBufferWriter<byte> Buffer { get; } = new(64 * 1024);

    /// <summary>How many statements there are.</summary>
    public int Count => _starts.Count;

    /// <summary>Numbers of the statements that have to find a row.</summary>
    public IReadOnlyList<int> Updates => _updates;

    /// <summary>Forgets all statements.</summary>
    public void Clear()
    {
        Buffer.ResetWrittenCount();
        _starts.Clear();
        _updates.Clear();
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
            _statements[group.Shape] = statements = new(group.Shape, database, server.Upsert);
        switch (group.Mode)
        {
            case ApplyMode.Delete:
                AddDeletes(statements, operations, batch);
                break;
            case ApplyMode.Replace:
                AddDeletes(statements, operations, batch);
                AddInserts(statements, group.Mode, operations, batch);
                break;
            case ApplyMode.Update:
                AddUpdates(statements, operations, batch);
                break;
            default:
                AddInserts(statements, group.Mode, operations, batch);
                break;
        }
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

    private void AddInserts(ShapeStatements statements, ApplyMode mode, ReadOnlySpan<int> operations, ReadOnlySpan<Operation> batch)
    {
        var open = false;
        foreach (var index in operations)
        {
            if (batch[index].Kind != OperationKind.Index)
                continue;
            if (open && Buffer.WrittenCount - _starts[^1] > _statementBytes)
            {
                statements.EndInsert(mode == ApplyMode.Upsert, Buffer);
                open = false;
            }

            if (!open)
            {
                Begin();
                statements.BeginInsert(mode == ApplyMode.TakeOver, Buffer);
            }

            statements.AddRow(batch[index].Row.Span, isFirst: !open, Buffer);
            open = true;
        }

        if (open)
            statements.EndInsert(mode == ApplyMode.Upsert, Buffer);
    }

    private void AddUpdates(ShapeStatements statements, ReadOnlySpan<int> operations, ReadOnlySpan<Operation> batch)
    {
        foreach (var index in operations)
        {
            Begin();
            _updates.Add(_starts.Count - 1);
            statements.AddUpdate(batch[index].Row.Span, Buffer);
        }
    }

    private void Begin()
    {
        if (_starts.Count > 0)
            Buffer.Write(";"u8);
        _starts.Add(Buffer.WrittenCount);
    }
}
