using System.Collections.Immutable;
using Leat.Transform.Expressions.Evaluation;
using Leat.Transform.Expressions.Functions;
using Leat.Transform.Expressions.Language;

namespace Leat.Transform.Expressions.Typing;

// Comparisons and tests.
internal sealed partial class Compiler
{
    // From as many on, choices that are written out are searched by halves.
    private const int SortedChoices = 4;

    private static Orders? OrdersOf(string sign) => sign switch
    {
        "=" => Orders.Equal,
        "<>" => Orders.Less | Orders.Greater,
        "<" => Orders.Less,
        "<=" => Orders.Less | Orders.Equal,
        ">" => Orders.Greater,
        ">=" => Orders.Greater | Orders.Equal,
        _ => null,
    };

    private Node Compare(BinarySyntax binary)
    {
        var left = Operand(binary.Left);
        var right = Operand(binary.Right);
        RequireComparable(binary.At, left, right);
        var (_, nodes) = Together(binary.At, binary.Operator, [left, right]);
        return binary.Operator == "<=>" ? new SameValue(nodes[0], nodes[1]) : new Comparison(OrdersOf(binary.Operator) ?? Orders.Equal, nodes[0], nodes[1]);
    }

    private static void RequireComparable(Place at, Operand left, Operand right)
    {
        if (!CommonType.TryFind([left, right], out var type) || type.Family == Family.Json)
            throw ExpressionErrors.Mismatch(at, left.Described, right.Described);
    }

    private Node Is(IsSyntax @is) => @is.Word switch
    {
        "NULL" => new IsNull(Value(@is.Value)),
        "TRUE" => new IsTruth(Condition(@is.Value), Truth.True),
        "FALSE" => new IsTruth(Condition(@is.Value), Truth.False),
        _ => new IsTruth(Condition(@is.Value), Truth.Unknown),
    };

    private Node In(InSyntax @in)
    {
        Operand[] operands = [Operand(@in.Value), .. @in.Choices.Select(Operand)];
        foreach (var choice in operands.AsSpan(1))
            RequireComparable(choice.At, operands[0], choice);
        var (type, nodes) = Together(@in.At, "IN", operands);
        var value = nodes[0];
        var choices = nodes.RemoveAt(0);
        var written = choices.RemoveAll(choice => choice is NullNode);
        if (choices.Length >= SortedChoices && written.All(choice => choice is IntegerConstant))
            return new IsAmongIntegers(value, written.Cast<IntegerConstant>().Select(choice => choice.Value), written.Length < choices.Length);
        if (choices.Length >= SortedChoices && type.Family == Family.Text && written.All(choice => choice is TextConstant))
            return new IsAmongTexts(value, written.Cast<TextConstant>().Select(choice => choice.Value), written.Length < choices.Length);
        return new IsAmong(value, choices);
    }

    private Between Between(BetweenSyntax between)
    {
        Operand[] operands = [Operand(between.Value), Operand(between.Low), Operand(between.High)];
        RequireComparable(between.At, operands[0], operands[1]);
        RequireComparable(between.At, operands[0], operands[2]);
        var (_, nodes) = Together(between.At, "BETWEEN", operands);
        return new(nodes[0], nodes[1], nodes[2]);
    }

    private Like Like(LikeSyntax like)
    {
        var value = Operand(like.Value);
        var pattern = Operand(like.Pattern);
        if (value.Type.Family is not (Family.Text or Family.Null) || pattern.Type.Family is not (Family.Text or Family.Null))
            throw ExpressionErrors.BadPattern(like.At);
        var text = CommonType.Convert(value, StaticType.Text);
        var wanted = CommonType.Convert(pattern, StaticType.Text);
        return like.IgnoresCase
            ? new(TextFunctions.Lowered(text), TextFunctions.Lowered(wanted), (byte)char.ToLowerInvariant(like.Escape))
            : new(text, wanted, (byte)like.Escape);
    }
}
