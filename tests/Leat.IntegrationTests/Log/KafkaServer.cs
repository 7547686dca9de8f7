using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Leat.IntegrationTests.Log;

/// <summary>As much of a Kafka broker as a consumer needs: one topic with one partition, answered with the bytes of segment files as they are.</summary>
/// <remarks>
/// Knows nothing of Leat but what docs/formats/log-segment.md says: file names, the first 61 bytes of a batch, entries of <c>.txnindex</c>.
/// Source of the requests: "Kafka protocol guide"; ApiVersions 3, Metadata 4, ListOffsets 1, Fetch 11.
/// </remarks>
internal sealed class KafkaServer : IAsyncDisposable
{
    private const short Fetch = 1, ListOffsets = 2, Metadata = 3, ApiVersions = 18;
    private const short OffsetOutOfRange = 1;

    // Number, least and highest version. Produce is never asked for: a client looks at it to find out which messages a broker knows.
    private static readonly (short Api, short Least, short Highest)[] Versions =
        [(0, 0, 7), (Fetch, 4, 11), (ListOffsets, 1, 1), (Metadata, 4, 4), (ApiVersions, 0, 3)];

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly KafkaLog _log;
    private readonly string _topic;
    private readonly Task _running;

    public KafkaServer(KafkaLog log, string topic)
    {
        (_log, _topic) = (log, topic);
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _running = RunAsync();
    }

    public int Port { get; }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        _listener.Dispose();
        _stopping.Dispose();
    }

    private async Task RunAsync()
    {
        var connections = new List<Task>();
        try
        {
            while (true)
                connections.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stopping.Token)));
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(connections);
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var connection = client;
        var stream = client.GetStream();
        try
        {
            var length = new byte[4];
            while (await stream.ReadAtLeastAsync(length, 4, throwOnEndOfStream: false, _stopping.Token) == 4)
            {
                var request = new byte[BinaryPrimitives.ReadInt32BigEndian(length)];
                await stream.ReadExactlyAsync(request, _stopping.Token);
                await stream.WriteAsync(Answer(request), _stopping.Token);
            }
        }
        catch (Exception end) when (end is OperationCanceledException or IOException)
        {
            return; // the consumer has gone, or the test is over
        }
    }

    private byte[] Answer(byte[] request)
    {
        var fields = new KafkaFields(request);
        var api = fields.ReadInt16();
        fields.ReadInt16(); // version: one only of each, but for ApiVersions whose answer every version can tell apart
        var answer = new KafkaAnswer(fields.ReadInt32());
        fields.ReadText(); // client id
        return api switch
        {
            ApiVersions => Offer(answer),
            Metadata => Describe(answer),
            ListOffsets => FindOffsets(answer, ref fields),
            _ => Read(answer, ref fields),
        };
    }

    private static byte[] Offer(KafkaAnswer answer)
    {
        answer.Int16(0).Byte((byte)(Versions.Length + 1));
        foreach (var (api, least, highest) in Versions)
            answer.Int16(api).Int16(least).Int16(highest).Byte(0);
        return answer.Int32(0).Byte(0).ToArray();
    }

    private byte[] Describe(KafkaAnswer answer) =>
        answer.Int32(0)
            .Int32(1).Int32(1).Text("127.0.0.1").Int32(Port).Text(null) // one broker, number 1
            .Text("leat").Int32(1)
            .Int32(1).Int16(0).Text(_topic).Byte(0)
            .Int32(1).Int16(0).Int32(0).Int32(1).Int32(1).Int32(1).Int32(1).Int32(1) // partition 0: leader, replicas, those in sync
            .ToArray();

    private byte[] FindOffsets(KafkaAnswer answer, ref KafkaFields fields)
    {
        fields.ReadInt32(); // replica
        fields.ReadInt32(); // topics: one
        fields.ReadText();
        fields.ReadInt32(); // partitions: one
        fields.ReadInt32();
        var time = fields.ReadInt64();
        return answer.Int32(1).Text(_topic).Int32(1).Int32(0).Int16(0).Int64(-1).Int64(time == -2 ? _log.StartOffset : _log.EndOffset).ToArray();
    }

    private byte[] Read(KafkaAnswer answer, ref KafkaFields fields)
    {
        fields.ReadInt32(); // replica
        fields.ReadInt32(); // longest wait
        fields.ReadInt32(); // fewest bytes
        fields.ReadInt32(); // most bytes
        var onlyCommitted = fields.ReadByte() == 1;
        fields.ReadInt32(); // session
        fields.ReadInt32(); // its epoch
        answer.Int32(0).Int16(0).Int32(0);
        if (fields.ReadInt32() == 0)
            return answer.Int32(0).ToArray();

        fields.ReadText();
        fields.ReadInt32(); // partitions: one
        fields.ReadInt32();
        fields.ReadInt32(); // leader epoch
        var offset = fields.ReadInt64();
        fields.ReadInt64(); // start of the reader's own log
        var most = fields.ReadInt32();
        var end = onlyCommitted ? _log.LastStableOffset : _log.EndOffset;
        var known = offset >= _log.StartOffset && offset <= _log.EndOffset;
        var records = known ? _log.Read(offset, end, most) : [];
        answer.Int32(1).Text(_topic).Int32(1).Int32(0).Int16(known ? (short)0 : OffsetOutOfRange).Int64(_log.EndOffset).Int64(_log.LastStableOffset)
            .Int64(_log.StartOffset);
        var aborted = onlyCommitted ? _log.AbortedWithin(offset, end) : [];
        answer.Int32(aborted.Count);
        foreach (var (producer, first) in aborted)
            answer.Int64(producer).Int64(first);
        return answer.Int32(-1).Bytes(records).ToArray();
    }
}
