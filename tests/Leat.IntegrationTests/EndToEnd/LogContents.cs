using System.Globalization;
using System.Text;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Log;
using Leat.Log.Posix;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>Reads a stopped Leat's log folder as any reader does.</summary>
internal static class LogContents
{
    private const int ReadBytes = 1024 * 1024;

    /// <summary>Every change stands once: by transaction id and place in it, and rows of the snapshot by table and key. Each transaction is whole.</summary>
    public static void AssertNothingTwice(string folder, string stream)
    {
        var schemas = new Dictionary<uint, TableSchema>();
        var seen = new HashSet<string>();
        var read = new HashSet<string>();
        var transaction = "";
        var next = 0u;
        using var log = LogDirectory.Open(folder, new PosixDisk(), TimeProvider.System, new ThreadScheduler(), NullLogger.Instance);
        Each(log, $"{stream}.schemas", value =>
        {
            var (id, _, schema) = SchemaJson.Read(value);
            schemas[id] = schema;
        });
        Each(log, stream, value =>
        {
            var change = new EncodedChange(value);
            switch (change.Kind)
            {
                case ChangeKind.Position:
                    return;
                case ChangeKind.Read:
                    var row = new RowReader(schemas[change.SchemaId], change.After);
                    Assert.True(row.Seek(0)); // the shop's keys are their tables' first columns
                    Assert.True(read.Add(string.Create(CultureInfo.InvariantCulture, $"{row.Schema.Table} {row.UInt64}")), "a snapshot row stands twice");
                    return;
                case ChangeKind.ReadAgain or ChangeKind.Sweep:
                    return; // asked for as often as somebody likes
                default:
                    var id = Encoding.ASCII.GetString(change.TransactionId);
                    Assert.True(seen.Add(string.Create(CultureInfo.InvariantCulture, $"{id}/{change.IndexInTransaction}")), $"{id}/{change.IndexInTransaction} stands twice");
                    Assert.True(transaction.Length == 0 || transaction == id, $"{transaction} is torn by {id}");
                    Assert.True(change.IndexInTransaction == next, $"{id}: {change.IndexInTransaction} where {next} is due");
                    var last = change.Marks.HasFlag(ChangeMarks.LastOfTransaction);
                    (transaction, next) = last ? ("", 0u) : (id, next + 1);
                    return;
            }
        });
        Assert.Equal("", transaction);
        Assert.NotEmpty(seen);
        Assert.NotEmpty(read);
    }

    private static void Each(LogDirectory log, string name, RecordAction use)
    {
        var stream = log.OpenStream(name, new());
        using var reader = stream.NewReader(stream.StartOffset);
        while (reader.Read(ReadBytes) is { } block)
        {
            using (block)
            {
                var records = block.Records();
                while (records.MoveNext())
                    use(block.Buffer.AsSpan(records.ValueStart, records.ValueLength));
            }
        }
    }

    private delegate void RecordAction(ReadOnlySpan<byte> value);
}
