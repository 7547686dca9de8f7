using System.Globalization;
using System.Text;

namespace Leat.Connectors.MySql.Wire;

/// <summary>The rows of one query as the server sends them, in text. Read it to the end or dispose it before the next command.</summary>
public sealed class MySqlResult : IAsyncDisposable
{
    private readonly MySqlConnection _connection;
    private readonly (int Offset, int Length)[] _values;
    private ReadOnlyMemory<byte> _row;
    private bool _ended;

    internal MySqlResult(MySqlConnection connection, ResultColumn[] columns)
    {
        _connection = connection;
        Columns = columns;
        _values = new (int, int)[columns.Length];
        _ended = columns.Length == 0;
    }

    /// <summary>The columns; empty when the command gives no rows.</summary>
    public IReadOnlyList<ResultColumn> Columns { get; }

    /// <summary>Bytes of the current row as received.</summary>
    public int RowBytes => _row.Length;

    /// <summary>Moves to the next row; false after the last.</summary>
    /// <exception cref="MySqlServerException">The server broke off: killed, timed out.</exception>
    public async ValueTask<bool> ReadRowAsync(CancellationToken cancellationToken)
    {
        if (_ended)
            return false;
        var payload = await _connection.ReadPacketAsync(cancellationToken);
        if (ServerAnswer.IsEof(payload.Span) || (!payload.IsEmpty && payload.Span[0] == ServerAnswer.Error))
        {
            _ended = true;
            ServerAnswer.ThrowIfError(payload.Span);
            _connection.MoreAnswers = ServerAnswer.MoreAfterEof(payload.Span);
            return false;
        }

        Split(payload.Span, _values);
        _row = payload;
        return true;
    }

    /// <summary>Whether a value of the current row is NULL.</summary>
    public bool IsNull(int column) => _values[column].Length < 0;

    /// <summary>A value of the current row; empty for NULL. Valid until the next row is asked for.</summary>
    public ReadOnlySpan<byte> Value(int column)
    {
        var (offset, length) = _values[column];
        return length < 0 ? default : _row.Span.Slice(offset, length);
    }

    /// <summary>A value as text; <see langword="null"/> for NULL.</summary>
    public string? Text(int column) => IsNull(column) ? null : Encoding.UTF8.GetString(Value(column));

    /// <summary>A value as a whole number; 0 for NULL.</summary>
    public long Number(int column) => IsNull(column) ? 0 : long.Parse(Value(column), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);

    /// <summary>Reads what is left, so that the connection can take the next command.</summary>
    public async ValueTask DisposeAsync()
    {
        while (!_ended && _connection.IsUsable)
            await ReadRowAsync(CancellationToken.None);
    }

    /// <summary>Finds the values of a text row: offset and length of each, length -1 for NULL.</summary>
    /// <exception cref="MySqlFormatException">The row is shorter or longer than its columns.</exception>
    public static void Split(ReadOnlySpan<byte> row, Span<(int Offset, int Length)> values)
    {
        var fields = new WireReader(row);
        for (var i = 0; i < values.Length; i++)
        {
            if (fields.TryReadLengthBytes(out var value))
                values[i] = (row.Length - fields.RemainingBytes - value.Length, value.Length);
            else
                values[i] = (0, -1);
        }

        if (fields.RemainingBytes != 0)
            throw MySqlFormatException.Unexpected("row length", $"{row.Length - fields.RemainingBytes}", row.Length);
    }
}
