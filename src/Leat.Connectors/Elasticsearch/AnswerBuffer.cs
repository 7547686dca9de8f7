namespace Leat.Connectors.Elasticsearch;

/// <summary>The body of an answer, in a buffer that is used again and again.</summary>
internal sealed class AnswerBuffer
{
    private const int FirstBytes = 16 * 1024;
    private const int MostBytes = 512 * 1024 * 1024; // the longest page of rows that is asked for is far below

    private byte[] _bytes = new byte[FirstBytes];
    private int _length;

    /// <summary>The body.</summary>
    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    /// <summary>The same; valid until the next answer.</summary>
    public ReadOnlyMemory<byte> Memory => _bytes.AsMemory(0, _length);

    /// <summary>Reads a body to its end.</summary>
    /// <exception cref="IOException">The connection broke, or the body is longer than anything that was asked for.</exception>
    public async ValueTask FillAsync(Stream body, CancellationToken cancellationToken)
    {
        _length = 0;
        while (true)
        {
            var read = await body.ReadAsync(_bytes.AsMemory(_length), cancellationToken);
            if (read == 0)
                return;
            _length += read;
            if (_length < _bytes.Length)
                continue;
            if (_length >= MostBytes)
                throw new IOException($"the answer is longer than {MostBytes} bytes");
            Array.Resize(ref _bytes, _length * 2);
        }
    }
}
