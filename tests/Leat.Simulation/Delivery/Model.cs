using System.Collections.Immutable;
using Leat.Changes;
using Leat.Log;
using Leat.Pipeline.Definitions;

namespace Leat.Simulation.Delivery;

/// <summary>A change at the outside system, encoded as capture does it; without rows the table is truncated.</summary>
internal sealed record ToldChange(TableSchema Table, ChangeKind Kind, byte[] Before, byte[] After)
{
    /// <summary>What happened, by the rows that there are.</summary>
    public static ChangeKind KindOf(bool hasBefore, bool hasAfter) => (hasBefore, hasAfter) switch
    {
        (false, false) => ChangeKind.Truncate,
        (false, true) => ChangeKind.Insert,
        (true, false) => ChangeKind.Delete,
        _ => ChangeKind.Update,
    };
}

/// <summary>What is delivered in a run: the outside system that changes are captured from, the pipeline, and how a target holds what it is given.</summary>
/// <remarks>It lives on when the process ends; its position is the number of transactions told.</remarks>
internal abstract class Model
{
    /// <summary>Woken by each commit.</summary>
    public Waiters More { get; } = new();

    /// <summary>Transactions so far.</summary>
    public abstract int Transactions { get; }

    /// <summary>Its tables.</summary>
    public abstract ImmutableArray<TableSchema> Tables { get; }

    /// <summary>Dead letters that a person asks for at once while the target still refuses them.</summary>
    public virtual int LettersAtOnce => int.MaxValue;

    /// <summary>Whether it says where it stands when there is nothing to tell.</summary>
    public virtual bool SaysWhereItStands => false;

    /// <summary>The tables and the document of a pipeline.</summary>
    /// <param name="pipeline">All else of it.</param>
    public abstract PipelineDefinition Define(PipelineDefinition pipeline);

    /// <summary>What there is at first.</summary>
    public virtual void Begin()
    {
        // Nothing, where nobody says otherwise.
    }

    /// <summary>Commits a transaction.</summary>
    public abstract void Commit();

    /// <summary>The changes of a transaction.</summary>
    public abstract IEnumerable<ToldChange> Told(int transaction);

    /// <summary>The rows of a table as they are now.</summary>
    public abstract IEnumerable<byte[]> RowsOf(TableSchema table);

    /// <summary>Whether there is a row.</summary>
    public abstract bool Has(TableSchema table, int id);

    /// <summary>The target's key of a row.</summary>
    public static string KeyOf(Shape shape, ReadOnlySpan<byte> row)
    {
        var reader = new RowReader(shape.Schema, row);
        reader.Seek(shape.Key[0]);
        return $"{shape.Alias}:{reader.Int64}";
    }

    /// <summary>Whether every target that is not healed refuses an operation.</summary>
    public abstract bool IsPoison(in Operation operation);

    /// <summary>What a target holds under a key after an operation; <see langword="null"/>: nothing.</summary>
    /// <param name="held">What it held before.</param>
    /// <param name="operation">What it is to do.</param>
    public abstract byte[]? Apply(byte[]? held, in Operation operation);

    /// <summary>What a target shall hold for a row.</summary>
    public abstract TargetRow Expect(Shape shape, ReadOnlySpan<byte> row);

    /// <summary>What a target holds, as it is read.</summary>
    public abstract TargetRow Read(Shape shape, string key, byte[] held);

    /// <summary>The source as one process sees it.</summary>
    public ISource Open() => new ModelConnection(this);
}
