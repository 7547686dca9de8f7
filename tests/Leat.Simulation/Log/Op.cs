using System.Globalization;

namespace Leat.Simulation.Log;

/// <summary>What one line of a <see cref="Scenario"/> does. What the numbers mean stands in <see cref="Op.Meaning"/>.</summary>
internal enum OpKind
{
    /// <summary>Starts the log; a log that runs is killed first. The faults planned before may strike it.</summary>
    Start,

    /// <summary>Appends a plain batch.</summary>
    Append,

    /// <summary>Appends a transactional batch, which begins a transaction when none is open.</summary>
    Begin,

    /// <summary>Commits the open transaction.</summary>
    Commit,

    /// <summary>Aborts the open transaction.</summary>
    Abort,

    /// <summary>One of the log's workers runs once.</summary>
    Step,

    /// <summary>Time passes.</summary>
    Advance,

    /// <summary>The wall clock is set.</summary>
    Jump,

    /// <summary>A reader that lives as long as the log reads on.</summary>
    Read,

    /// <summary>Takes a hold, or moves it: so many offsets before the end are still needed.</summary>
    Hold,

    /// <summary>Lets a hold go.</summary>
    Release,

    /// <summary>Gives a stream another setting, by the number of its place in <see cref="StreamSetup.Altered"/>.</summary>
    Alter,

    /// <summary>Deletes a stream; it is made anew at once.</summary>
    Delete,

    /// <summary>Another process begins to read the stream's oldest segment, or ends that.</summary>
    Outside,

    /// <summary>The process is killed now.</summary>
    Kill,

    /// <summary>The power is cut now.</summary>
    Cut,

    /// <summary>The log is closed in an orderly way.</summary>
    Close,

    /// <summary>Plans a kill within the operations that follow.</summary>
    PlanKill,

    /// <summary>Plans a power cut within the operations that follow.</summary>
    PlanCut,

    /// <summary>Plans a failing sync.</summary>
    PlanSyncError,

    /// <summary>Plans a failing write.</summary>
    PlanWriteError,

    /// <summary>Plans a failing creation, rename or removal.</summary>
    PlanNameError,

    /// <summary>Plans a failing read.</summary>
    PlanReadError,

    /// <summary>Sets how many bytes still fit on the disk.</summary>
    Space,
}

/// <summary>One operation of a scenario. Its chance is its own: another operation that is dropped changes nothing about it.</summary>
internal readonly record struct Op(OpKind Kind, int A = 0, int B = 0, int C = 0, uint Dice = 0)
{
    /// <summary>Its first number is a stream's.</summary>
    public bool IsOfStream => Meaning(Kind) is ["stream", ..];

    /// <summary>Names of the numbers of each kind.</summary>
    public static string[] Meaning(OpKind kind) => kind switch
    {
        OpKind.Append or OpKind.Begin => ["stream", "records", "bytes"],
        OpKind.Commit or OpKind.Abort => ["stream"],
        OpKind.Read => ["stream", "bytes"],
        OpKind.Hold => ["stream", "back"],
        OpKind.Release or OpKind.Delete or OpKind.Outside => ["stream"],
        OpKind.Alter => ["stream", "setting", "value"],
        OpKind.Advance or OpKind.Jump => ["ms"],
        OpKind.PlanKill or OpKind.PlanCut or OpKind.PlanSyncError or OpKind.PlanWriteError or OpKind.PlanNameError or OpKind.PlanReadError => ["after"],
        OpKind.Space => ["bytes"],
        _ => [],
    };

    public static Op Parse(string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var kind = Enum.Parse<OpKind>(words[0], ignoreCase: true);
        var values = words.Skip(1).Select(word => word.Split('=')).ToDictionary(pair => pair[0], pair => long.Parse(pair[1], CultureInfo.InvariantCulture));
        var names = Meaning(kind);
        int Value(int i) => i < names.Length ? (int)values[names[i]] : 0;
        return new(kind, Value(0), Value(1), Value(2), (uint)values.GetValueOrDefault("dice"));
    }

    public override string ToString()
    {
        var names = Meaning(Kind);
        Span<int> values = [A, B, C];
        var text = Kind.ToString().ToLowerInvariant();
        for (var i = 0; i < names.Length; i++)
            text += string.Create(CultureInfo.InvariantCulture, $" {names[i]}={values[i]}");
        return Dice == 0 ? text : string.Create(CultureInfo.InvariantCulture, $"{text} dice={Dice}");
    }
}
