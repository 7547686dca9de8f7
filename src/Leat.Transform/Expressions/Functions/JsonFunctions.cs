using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Unicode;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Transform.Expressions.Evaluation;
using Leat.Transform.Expressions.Language;
using Leat.Transform.Expressions.Typing;

namespace Leat.Transform.Expressions.Functions;

/// <summary>Functions on JSON. What is not JSON is NULL.</summary>
internal static class JsonFunctions
{
    private static readonly SearchValues<byte> Escaped = SearchValues.Create([.. Enumerable.Range(0, 32).Select(i => (byte)i), (byte)'"', (byte)'\\']);

    public static KeyValuePair<string, Function>[] All { get; } =
    [
        new("json_extract", new("JSON and a path in single quotes", [Takes.Json, Takes.Text], 2, (_, call, arguments) => Found(call.Arguments[1].At, "json_extract", arguments))),
        new("json_value", new("JSON and a path in single quotes", [Takes.Json, Takes.Text], 2, (_, call, arguments) => Scalar(Found(call.Arguments[1].At, "json_value", arguments)))),
        new("json_unquote", new("one JSON value", [Takes.Json], 1, (_, _, arguments) => Unquoted(arguments[0]))),
        new("json_length", new("JSON, and perhaps a path in single quotes", [Takes.Json, Takes.Text], 1, (_, call, arguments) => new IntegerCall(StaticType.Integer, [At(call, arguments)], Length))),
        new("json_type", new("JSON, and perhaps a path in single quotes", [Takes.Json, Takes.Text], 1, (_, call, arguments) => new TextCall(StaticType.Text, [At(call, arguments)], TypeName))),
        new("json_valid", new("one value", [Takes.Json], 1, (_, _, arguments) => new TruthCall(arguments, IsValid))),
        new("json_object", new("names and values by turns", [Takes.Any], 0, (_, call, arguments) => Object(call, arguments)) { Repeats = true, TakesNull = true }),
        new("json_array", new("any values", [Takes.Any], 0, (_, _, arguments) => new TextCall(StaticType.Json, arguments, Array)) { Repeats = true, TakesNull = true }),
        new("json_quote", new("one text", [Takes.Text], 1, (_, _, arguments) => Of(arguments[0], quoted: true))),
    ];

    /// <summary>Builds <c>-&gt;</c> and <c>-&gt;&gt;</c>.</summary>
    public static Node Access(Compiler compiler, BinarySyntax binary)
    {
        var value = compiler.Operand(binary.Left);
        if (value.Type.Family == Family.Null)
            return new NullNode(binary.Operator == "->" ? StaticType.Json : StaticType.Text);
        if (value.Type.Family is not (Family.Json or Family.Text))
            throw ExpressionErrors.NotJson(value.At, value.Described, binary.Operator);
        var found = Found(binary.Right.At, binary.Operator, [value.Node, compiler.Value(binary.Right)]);
        return binary.Operator == "->" ? found : Unquoted(found);
    }

    /// <summary>A value as JSON: a text is read as JSON, others become a string, a number or a truth value as in a change written as JSON.</summary>
    public static Node Of(Node node, bool quoted = false)
    {
        if (node.Type.Family == Family.Json && !quoted)
            return node;
        return node.Type.Family == Family.Text && !quoted ? new TextCall(StaticType.Json, [node], Parsed) : new TextCall(StaticType.Json, [node], Written);
    }

    private static TextCall Found(Place at, string function, Node[] arguments)
    {
        if (arguments[1] is not TextConstant literal)
            throw ExpressionErrors.NotWrittenOut(at, function, "its path");
        var written = Encoding.UTF8.GetString(literal.Value);
        var path = Json.ParsePath(written) ?? throw ExpressionErrors.BadJsonPath(at, written);
        return new(StaticType.Json, [arguments[0]], (Node[] values, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value) =>
            values[0].TryText(row, out value) && Json.TryFind(value, path, out value) && OneLine(row.Scratch, ref value));
    }

    private static Node At(CallSyntax call, Node[] arguments) => arguments.Length == 1 ? arguments[0] : Found(call.Arguments[1].At, call.Function.ToLowerInvariant(), arguments);

    private static TextCall Unquoted(Node json) => new(StaticType.Text, [json], static (Node[] values, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value) =>
        values[0].TryText(row, out value) && Json.TryUnquote(value, row.Scratch, out value) && Utf8.IsValid(value));

    // json_value: of an object or array there is no text.
    private static TextCall Scalar(Node json) => new(StaticType.Text, [json], static (Node[] values, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value) =>
        values[0].TryText(row, out value) && value[0] is not ((byte)'{' or (byte)'[') && Json.TryUnquote(value, row.Scratch, out value) && Utf8.IsValid(value));

    private static bool Parsed(Node[] values, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value) =>
        values[0].TryText(row, out value) && Json.TryFind(value, [], out value) && Utf8.IsValid(value) && OneLine(row.Scratch, ref value);

    // A document stands in one line wherever it goes. In JSON a line break can only stand between the parts.
    private static bool OneLine(Scratch scratch, ref ReadOnlySpan<byte> value)
    {
        if (!value.ContainsAny((byte)'\n', (byte)'\r'))
            return true;
        var copy = scratch.Take(value.Length);
        value.CopyTo(copy);
        copy.Replace((byte)'\n', (byte)' ');
        copy.Replace((byte)'\r', (byte)' ');
        value = copy;
        return true;
    }

    private static bool Length(Node[] values, scoped in EvaluatedRow row, out long value)
    {
        value = values[0].TryText(row, out var json) ? Json.Length(json) : -1;
        return value >= 0;
    }

    private static bool TypeName(Node[] values, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value)
    {
        if (!values[0].TryText(row, out value) || !Json.TryFind(value, [], out value))
            return false;
        value = (char)value[0] switch
        {
            '{' => "OBJECT"u8,
            '[' => "ARRAY"u8,
            '"' => "STRING"u8,
            't' or 'f' => "BOOLEAN"u8,
            'n' => "NULL"u8,
            _ => value.ContainsAny((byte)'.', (byte)'e', (byte)'E') ? "DOUBLE"u8 : "INTEGER"u8,
        };
        return true;
    }

    private static Truth IsValid(Node[] values, scoped in EvaluatedRow row) =>
        values[0].TryText(row, out var json) ? Json.IsValid(json) ? Truth.True : Truth.False : Truth.Unknown;

    private static TextCall Object(CallSyntax call, Node[] arguments)
    {
        if (arguments.Length % 2 != 0)
            throw FunctionTable.Wrong(call);
        for (var i = 0; i < arguments.Length; i += 2)
        {
            if (arguments[i].Type.Family != Family.Text)
                throw FunctionTable.Wrong(call);
        }

        return new(StaticType.Json, arguments, MakeObject);
    }

    // A name that is NULL has no place in an object, so there is none.
    private static bool MakeObject(Node[] values, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value)
    {
        value = default;
        var writer = new ScratchWriter(row.Scratch);
        writer.Write((byte)'{');
        for (var i = 0; i < values.Length; i += 2)
        {
            if (i > 0)
                writer.Write((byte)',');
            if (!values[i].TryText(row, out var name))
                return false;
            WriteString(name, ref writer);
            writer.Write((byte)':');
            Write(values[i + 1], row, ref writer);
        }

        writer.Write((byte)'}');
        return writer.TryEnd(out value);
    }

    private static bool Array(Node[] values, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value)
    {
        var writer = new ScratchWriter(row.Scratch);
        writer.Write((byte)'[');
        for (var i = 0; i < values.Length; i++)
        {
            if (i > 0)
                writer.Write((byte)',');
            Write(values[i], row, ref writer);
        }

        writer.Write((byte)']');
        return writer.TryEnd(out value);
    }

    private static bool Written(Node[] values, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value)
    {
        value = default;
        if (!Held.TryLoad(values[0], row, out _))
            return false;
        var writer = new ScratchWriter(row.Scratch);
        Write(values[0], row, ref writer);
        return writer.TryEnd(out value);
    }

    // As ValueJson writes columns: decimals and dates are strings.
    private static void Write(Node node, scoped in EvaluatedRow row, ref ScratchWriter writer)
    {
        const int MostScalarBytes = 128;
        Span<byte> scalar = stackalloc byte[MostScalarBytes];
        int written;
        switch (node.Type.Family)
        {
            case Family.Boolean:
                writer.Write(node.Test(row) switch { Truth.True => "true"u8, Truth.False => "false"u8, _ => "null"u8 });
                break;
            case Family.Json:
                ReadOnlySpan<byte> json = default;
                writer.Write(node.TryText(row, out json) && Json.TryFind(json, [], out json) && Utf8.IsValid(json) && OneLine(row.Scratch, ref json) ? json : "null"u8);
                break;
            case Family.Text when node.TryText(row, out var text):
                if (node.Type == StaticType.Bytes)
                    WriteBase64(text, ref writer);
                else
                    WriteString(text, ref writer);
                break;
            case Family.Exact when TextOf.TryWrite(node, row, scalar, out written):
                WriteString(scalar[..written], ref writer);
                break;
            case Family.Integer or Family.Unsigned or Family.Real when TextOf.TryWrite(node, row, scalar, out written):
                writer.Write(scalar[..written]);
                break;
            case Family.Calendar or Family.Instant or Family.Time when node.TryInteger(row, out var moment):
                written = WriteMoment(node.Type, moment, scalar);
                if (written == 0)
                    writer.Write("null"u8);
                else
                    WriteString(scalar[..written], ref writer);
                break;
            default:
                writer.Write("null"u8);
                break;
        }
    }

    private static int WriteMoment(StaticType type, long moment, Span<byte> target)
    {
        var isZero = type.Family == Family.Instant ? moment == Temporal.ZeroTimestamp : !TemporalText.IsCalendarDay(Moments.DateOf(moment));
        var written = TextOf.WriteMoment(type, moment, target, isZero ? (byte)' ' : (byte)'T');
        if (type.Family == Family.Instant && !isZero && written > 0)
            target[written++] = (byte)'Z';
        return written;
    }

    private static void WriteBase64(scoped ReadOnlySpan<byte> bytes, ref ScratchWriter writer)
    {
        writer.Write((byte)'"');
        var room = writer.Room(Base64.GetMaxEncodedToUtf8Length(bytes.Length));
        if (!room.IsEmpty)
        {
            Base64.EncodeToUtf8(bytes, room, out _, out var written);
            writer.Advance(written);
        }

        writer.Write((byte)'"');
    }

    private static void WriteString(scoped ReadOnlySpan<byte> text, ref ScratchWriter writer)
    {
        writer.Write((byte)'"');
        while (text.IndexOfAny(Escaped) is var at and >= 0)
        {
            writer.Write(text[..at]);
            var escaped = text[at];
            if (escaped is (byte)'"' or (byte)'\\')
            {
                writer.Write((byte)'\\');
                writer.Write(escaped);
            }
            else
            {
                writer.Write("\\u00"u8);
                writer.Write("0123456789abcdef"u8[escaped >> 4]);
                writer.Write("0123456789abcdef"u8[escaped & 15]);
            }

            text = text[(at + 1)..];
        }

        writer.Write(text);
        writer.Write((byte)'"');
    }
}
