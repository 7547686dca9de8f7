using System.Text;

namespace Leat.Connectors.Redis.Wire;

/// <summary>Follows the replies to a pipeline of transactions: <c>MULTI</c>, commands, <c>EXEC</c>, again and again. Pure: items in, results out.</summary>
public sealed class TransactionReplies
{
    private readonly List<int> _commandsOfTransaction = [];
    private int _transaction;
    private int _reply;
    private long _results = -1;

    /// <summary>Errors in the order in which they came.</summary>
    public List<(int Transaction, int Command, string Text)> Errors { get; } = [];

    /// <summary>Transactions of which nothing was done, with the server's answer to EXEC; empty when something that was watched had changed.</summary>
    public List<(int Transaction, string Text)> Aborted { get; } = [];

    /// <summary>Whether every reply has come.</summary>
    public bool IsDone => _transaction == _commandsOfTransaction.Count;

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        _commandsOfTransaction.Clear();
        Errors.Clear();
        Aborted.Clear();
        (_transaction, _reply, _results) = (0, 0, -1);
    }

    /// <summary>Expects the replies of a transaction of that many commands, MULTI and EXEC not counted.</summary>
    public void Expect(int commands) => _commandsOfTransaction.Add(commands);

    /// <summary>Takes the next item.</summary>
    /// <exception cref="RespFormatException">An item that no server sends there.</exception>
    public void Add(in RespItem item)
    {
        if (IsDone)
            throw RespFormatException.Unexpected(item.Kind);

        var commands = _commandsOfTransaction[_transaction];
        if (_results >= 0)
            AddResult(item, commands);
        else if (_reply <= commands)
            AddQueued(item);
        else
            AddExec(item, commands);
    }

    // Reply 0 answers MULTI, then one for each command.
    private void AddQueued(in RespItem item)
    {
        if (item.Kind == RespKind.Error)
            Errors.Add((_transaction, _reply - 1, Encoding.UTF8.GetString(item.Text)));
        else if (item.Kind is RespKind.Array or RespKind.NullArray or RespKind.Bulk)
            throw RespFormatException.Unexpected(item.Kind);
        else if (_reply > 0 && item.Kind != RespKind.Simple)
            throw RespFormatException.Unexpected(item.Kind);
        _reply++;
    }

    private void AddExec(in RespItem item, int commands)
    {
        switch (item.Kind)
        {
            case RespKind.Array when item.Number == commands:
                _results = 0;
                if (commands == 0)
                    Next();
                break;
            case RespKind.Error:
                Aborted.Add((_transaction, Encoding.UTF8.GetString(item.Text)));
                Next();
                break;
            case RespKind.NullArray: // what the connection watched has changed
                Aborted.Add((_transaction, ""));
                Next();
                break;
            default:
                throw RespFormatException.Unexpected(item.Kind);
        }
    }

    private void AddResult(in RespItem item, int commands)
    {
        if (item.Kind is RespKind.Array or RespKind.NullArray)
            throw RespFormatException.Unexpected(item.Kind);
        if (item.Kind == RespKind.Error)
            Errors.Add((_transaction, (int)_results, Encoding.UTF8.GetString(item.Text)));
        if (++_results == commands)
            Next();
    }

    private void Next()
    {
        _transaction++;
        (_reply, _results) = (0, -1);
    }
}
