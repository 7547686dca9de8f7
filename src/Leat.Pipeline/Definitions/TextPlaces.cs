using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Pipeline.Definitions;

/// <summary>Finds where in the file the parts of a text stand that YAML has unquoted, unfolded and unindented.</summary>
/// <remarks>
/// Walks text and file side by side: a line's end in the file is white space in the text; a doubled single quote and a backslash before a double
/// one have one sign more in the file. Anything else that differs (an escape such as <c>\t</c>, an alias, a chomped block) means that nothing is told.
/// </remarks>
internal ref struct TextPlaces(string[] lines, FileLocation at)
{
    private int _line = at.Line - 1;
    private int _column = at.Column - 1;
    private char _quote;

    /// <summary>The parts by their offset in the text; empty when the file does not show the text.</summary>
    public ImmutableArray<(int Offset, FileLocation At)> Find(string text)
    {
        if (_line < 0 || _line >= lines.Length || _column < 0 || _column >= lines[_line].Length)
            return [];
        var parts = ImmutableArray.CreateBuilder<(int, FileLocation)>();
        var first = lines[_line][_column];
        if (first is '|' or '>')
            _column = lines[_line].Length;
        else if (first is '"' or '\'')
            (_quote, _column) = (first, _column + 1);

        var begins = true;
        var end = text.TrimEnd().Length;
        for (var offset = 0; offset < end;)
        {
            if (IsLineEnd())
            {
                while (offset < end && text[offset] is ' ' or '\n')
                    offset++;
                if (!NextLine())
                    return [];
                begins = true;
            }

            begins |= SkipEscape(text[offset]);
            if (lines[_line][_column] != text[offset])
                return [];
            if (begins)
                parts.Add((offset, at with { Line = _line + 1, Column = _column + 1 }));
            begins = _quote == '\'' && text[offset] == '\'';
            _column += begins ? 2 : 1;
            offset++;
        }

        return parts.ToImmutable();
    }

    private readonly bool IsLineEnd() => lines[_line].AsSpan(Math.Min(_column, lines[_line].Length)).Trim().IsEmpty;

    private bool NextLine()
    {
        while (++_line < lines.Length)
        {
            var indentation = lines[_line].Length - lines[_line].TrimStart().Length;
            if (indentation < lines[_line].Length)
            {
                _column = indentation;
                return true;
            }
        }

        return false;
    }

    private bool SkipEscape(char wanted)
    {
        if (_quote != '"' || lines[_line][_column] != '\\' || _column + 1 >= lines[_line].Length || lines[_line][_column + 1] != wanted || wanted is not ('"' or '\\'))
            return false;
        _column++;
        return true;
    }
}
