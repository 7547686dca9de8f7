using System.Runtime.InteropServices;
using System.Text;

namespace Leat.Connectors.Redis.Wire;

/// <summary>What a unit's last number means.</summary>
public enum UnitCheck : byte
{
    /// <summary>Nothing: without an error it is done.</summary>
    None = 0,

    /// <summary>It has to be <see cref="CommandUnit.Expected"/>; otherwise something else is there as well, and the unit is repeated in its exact form.</summary>
    Count = 1,

    /// <summary>0: the target was newer, and nothing was written.</summary>
    Newer = 2,
}

/// <summary>Commands of one operation for one key, and what the server said to them.</summary>
public struct CommandUnit
{
    /// <summary>Index of the operation.</summary>
    public required int Operation { get; init; }

    /// <summary>How many commands, not counting ASKING, MULTI and EXEC.</summary>
    public int Commands { get; set; }

    /// <summary>Whether MULTI and EXEC are around them.</summary>
    public required bool IsTransaction { get; init; }

    /// <summary>Whether ASKING stands before MULTI. Only with a transaction, for the whole of which one is enough.</summary>
    public bool IsAsking { get; init; }

    /// <summary>What <see cref="Number"/> means.</summary>
    public UnitCheck Check { get; set; }

    /// <summary>The number that <see cref="UnitCheck.Count"/> asks for.</summary>
    public int Expected { get; set; }

    /// <summary>The last number that a command of the unit gave.</summary>
    public long Number { get; set; }

    /// <summary>The first error that the server gave; <see langword="null"/> when there was none.</summary>
    public string? Error { get; set; }
}

/// <summary>Follows the replies to a pipeline of units. Pure: items in, results out.</summary>
/// <remarks>A command whose reply is an array has no place in a unit; all that delivery sends answer with one item.</remarks>
public sealed class UnitReplies
{
    private readonly List<CommandUnit> _units = [];
    private int _unit;
    private int _reply;
    private int _result = -1;

    /// <summary>The units in the order in which they were sent.</summary>
    public Span<CommandUnit> Units => CollectionsMarshal.AsSpan(_units);

    /// <summary>Whether every reply has come.</summary>
    public bool IsDone => _unit == _units.Count;

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        _units.Clear();
        (_unit, _reply, _result) = (0, 0, -1);
    }

    /// <summary>Expects the replies of one more unit.</summary>
    public void Expect(in CommandUnit unit) => _units.Add(unit);

    /// <summary>Takes the next item.</summary>
    /// <exception cref="RespFormatException">An item that no server sends there.</exception>
    public void Add(in RespItem item)
    {
        if (IsDone)
            throw RespFormatException.Unexpected(item.Kind);
        ref var unit = ref CollectionsMarshal.AsSpan(_units)[_unit];
        if (!unit.IsTransaction || _result >= 0)
            AddResult(item, ref unit);
        else if (_reply < unit.Commands + (unit.IsAsking ? 2 : 1))
            AddQueued(item, ref unit);
        else
            AddExec(item, ref unit);
    }

    // ASKING and MULTI, then one for each command.
    private void AddQueued(in RespItem item, ref CommandUnit unit)
    {
        if (item.Kind == RespKind.Error)
            unit.Error ??= Encoding.UTF8.GetString(item.Text);
        else if (item.Kind != RespKind.Simple)
            throw RespFormatException.Unexpected(item.Kind);
        _reply++;
    }

    private void AddExec(in RespItem item, ref CommandUnit unit)
    {
        switch (item.Kind)
        {
            case RespKind.Array when item.Number == unit.Commands:
                _result = 0;
                if (unit.Commands == 0)
                    Next();
                break;
            case RespKind.Error:
                unit.Error ??= Encoding.UTF8.GetString(item.Text);
                Next();
                break;
            default:
                throw RespFormatException.Unexpected(item.Kind);
        }
    }

    private void AddResult(in RespItem item, ref CommandUnit unit)
    {
        switch (item.Kind)
        {
            case RespKind.Error:
                unit.Error ??= Encoding.UTF8.GetString(item.Text);
                break;
            case RespKind.Integer:
                unit.Number = item.Number;
                break;
            case RespKind.Array or RespKind.NullArray:
                throw RespFormatException.Unexpected(item.Kind);
        }

        if (_result < 0)
            _result = 0; // a unit without a transaction has results from its first reply on
        if (++_result == unit.Commands)
            Next();
    }

    private void Next()
    {
        _unit++;
        (_reply, _result) = (0, -1);
    }
}
