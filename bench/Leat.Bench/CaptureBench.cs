using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Shapes;
using Leat.Connectors.MySql.Wire;

namespace Leat.Bench;

/// <summary>How fast one binlog file is received, checked and decoded into encoded changes that nobody keeps.</summary>
internal static class CaptureBench
{
    /// <summary><c>HOST PORT USER FILE [PASSWORD]</c>: reads the file from start to end and prints rows, columns, rate and allocated bytes.</summary>
    public static async Task Run(string[] args)
    {
        var endpoint = new MySqlEndpoint
        {
            Host = args[0], Port = int.Parse(args[1], CultureInfo.InvariantCulture), User = args[2], Password = args.Length > 4 ? args[4] : "",
        };
        var options = new MySqlSourceOptions { Endpoint = endpoint, Tables = [new("bench", "*")] };
        await using var control = await MySqlConnection.OpenAsync(endpoint, TimeProvider.System, CancellationToken.None);
        var catalog = new MySqlCatalog(options);
        await catalog.LoadAllAsync(control, CancellationToken.None);

        var started = Stopwatch.GetTimestamp();
        await using var connection = await MySqlConnection.OpenAsync(endpoint, TimeProvider.System, CancellationToken.None);
        await DumpRequest.StartFileAsync(connection, args[3], serverId: 0, CancellationToken.None);
        var writer = new CountingWriter();
        using var decoder = new BinlogDecoder("bench", new MySqlPosition(), new CatalogShapes(catalog, options), writer, checksums: true);
        await using var events = new EventStream("bench", endpoint, connection, writer, TimeSpan.FromMinutes(1), TimeProvider.System, CancellationToken.None);
        var allocated = GC.GetTotalAllocatedBytes(precise: true);
        var transactions = 0L;
        try
        {
            while (decoder.Position.File.Length == 0 || decoder.Position.File == args[3])
            {
                if (await events.NextAsync(decoder, oneOnly: false) == Decoded.Commit)
                {
                    transactions++;
                    await writer.CommitAsync(decoder.Position, events.AskMore(), CancellationToken.None);
                }
            }
        }
        catch (MySqlConnectionException ended) when (ended.Fault == ConnectionFault.Lost)
        {
            // The last file has no next one: the server ends the stream instead.
        }

        allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"rows={writer.Rows} columns={writer.Columns} transactions={transactions} encoded={writer.Bytes >> 20}MiB seconds={seconds:F3} rows/s={writer.Rows / seconds:F0} allocated={allocated} B"));
    }

    /// <summary>The tables as the server has them now: nobody changes them here.</summary>
    private sealed class CatalogShapes(MySqlCatalog catalog, MySqlSourceOptions options) : ITableShapes
    {
        public IReadOnlyCollection<TableName> Known => [];

        public uint Newest => 0;

        public bool IsCaptured(TableName table) => options.IsCaptured(table);

        public string? CharsetOf(uint collation) => catalog.CharsetOf(collation);

        public bool TryResolve(TableMap map, [NotNullWhen(true)] out MySqlTable? table)
        {
            table = catalog.Find(map.Table) ?? throw new InvalidOperationException($"{map.Table} is not at the server.");
            return true;
        }

        public StatementEffect Apply(string sql, string database, ulong sqlMode, string transaction) => StatementEffect.None;
    }

    private sealed class CountingWriter : IChangeWriter
    {
        private readonly List<TableSchema> _schemas = [];
        private byte[] _room = new byte[1024 * 1024];

        public long Rows { get; private set; }

        public long Columns { get; private set; }

        public long Bytes { get; private set; }

        public uint Define(TableSchema schema)
        {
            _schemas.Add(schema);
            return (uint)_schemas.Count - 1;
        }

        public void Begin(ReadOnlySpan<byte> transactionId, long committedAtMicros)
        {
        }

        public Span<byte> BeginRow(int maxBytes)
        {
            if (_room.Length < maxBytes)
                _room = new byte[maxBytes];
            return _room;
        }

        public void EndRow(ChangeKind kind, uint schemaId, int beforeBytes, int afterBytes)
        {
            Rows++;
            Columns += _schemas[(int)schemaId].Columns.Length * (kind == ChangeKind.Update ? 2 : 1);
            Bytes += beforeBytes + afterBytes;
        }

        public ValueTask CommitAsync(IPosition position, bool moreInput, CancellationToken cancellationToken) => ValueTask.CompletedTask;

        public void Rollback()
        {
        }

        public ValueTask AdvanceAsync(IPosition position, bool moreInput, CancellationToken cancellationToken) => ValueTask.CompletedTask;

        public void Progress(SnapshotProgress progress)
        {
        }
    }
}
