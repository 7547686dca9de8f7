using Leat.Changes;

namespace Leat.Connectors.MySql.Shapes;

/// <summary>What a statement means for captured rows.</summary>
internal sealed class StatementEffect
{
    /// <summary>A statement that means nothing.</summary>
    public static readonly StatementEffect None = new();

    /// <summary>Numbers of the shapes of tables that have lost all their rows, in order.</summary>
    public List<uint> Emptied { get; } = [];

    /// <summary>Tables whose rows have changed without being told: they have to be read again; with the reason.</summary>
    public List<(TableName Table, string Reason)> ReadAgain { get; } = [];

    /// <summary>Whether any table's shape, or which table a name stands for, may have changed.</summary>
    public bool TouchesShapes { get; set; }
}
