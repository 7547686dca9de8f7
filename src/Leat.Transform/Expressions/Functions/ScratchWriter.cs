using Leat.Transform.Expressions.Evaluation;

namespace Leat.Transform.Expressions.Functions;

/// <summary>Makes one text of many parts in scratch memory. What becomes longer than <see cref="Scratch.MaxTextBytes"/> is given up. The parts may lie in scratch memory, too.</summary>
internal ref struct ScratchWriter(Scratch scratch)
{
    private const int FirstBytes = 64;

    private Span<byte> _text;
    private int _length;
    private bool _tooLong;

    public void Write(scoped ReadOnlySpan<byte> part)
    {
        var room = Room(part.Length);
        if (!_tooLong)
            part.CopyTo(room);
        _length += _tooLong ? 0 : part.Length;
    }

    public void Write(byte single)
    {
        var room = Room(1);
        if (_tooLong)
            return;
        room[0] = single;
        _length++;
    }

    /// <summary>Room for so many bytes behind what is written; empty once the text is too long. <see cref="Advance"/> follows.</summary>
    public Span<byte> Room(int bytes)
    {
        if (_tooLong || bytes > Scratch.MaxTextBytes - _length)
        {
            _tooLong = true;
            return [];
        }

        if (_text.Length - _length < bytes)
        {
            var larger = scratch.Take(Math.Min(Scratch.MaxTextBytes, Math.Max(_length + bytes, Math.Max(FirstBytes, _text.Length * 2))));
            _text[.._length].CopyTo(larger);
            _text = larger;
        }

        return _text[_length..];
    }

    public void Advance(int bytes) => _length += bytes;

    /// <summary>What was written; false when it was too long.</summary>
    public readonly bool TryEnd(out ReadOnlySpan<byte> text)
    {
        text = _tooLong ? default : _text[.._length];
        return !_tooLong;
    }
}
