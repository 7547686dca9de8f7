using Leat.Transform.Expressions.Evaluation;
using Leat.Transform.Expressions.Language;

namespace Leat.Transform.Expressions.Typing;

/// <summary>A part of an expression: as written, for messages, and as computed.</summary>
internal readonly record struct Operand(Syntax Syntax, Node Node)
{
    /// <summary>Where it begins.</summary>
    public Place At => Syntax.At;

    /// <summary>Its type.</summary>
    public StaticType Type => Node.Type;

    /// <summary>What it is, as a message names it.</summary>
    public string Described
    {
        get
        {
            var type = Type.Family switch
            {
                Family.Boolean => "a truth value",
                Family.Integer or Family.Unsigned or Family.Exact or Family.Real => "a number",
                Family.Text => "a text",
                Family.Calendar or Family.Instant => "a date",
                Family.Time => "a time",
                Family.Json => "JSON",
                _ => "NULL",
            };
            return Syntax is ColumnSyntax column ? $"column {column.Name} ({type})" : type;
        }
    }
}
