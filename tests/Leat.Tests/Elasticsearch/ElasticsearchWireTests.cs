using System.Net;
using System.Net.Sockets;
using Leat.Changes;
using Xunit;
using static Leat.Tests.Elasticsearch.Writing;

namespace Leat.Tests.Elasticsearch;

/// <summary>Requests and answers as bytes: packed, in pieces, cut, damaged, and too large for who takes them.</summary>
public sealed class ElasticsearchWireTests
{
    [Fact]
    public async Task A_413_of_who_does_not_read_what_is_too_large_is_heard_at_the_second_try()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var stop = new CancellationTokenSource();
        var serving = RefuseUnreadAsync(listener, stop.Token);
        await using var sink = Sink(new($"http://localhost:{((IPEndPoint)listener.LocalEndpoint).Port}"), "flush: { bytes: 90MiB }");
        Operation[] batch = [.. Enumerable.Range(0, 500).Select(i => Index(i, i, new string('x', 40_000)))];

        var first = await Record.ExceptionAsync(() => WriteAsync(sink, batch));
        var second = first is BatchRefusedException ? first : await Record.ExceptionAsync(() => WriteAsync(sink, batch));
        await stop.CancelAsync();
        await serving;

        Assert.True(first is BatchRefusedException or RetriableException { Code.Number: 4501 }, $"{first}");
        Assert.True(Assert.IsType<BatchRefusedException>(second).IsTooLarge);
    }

    [Fact]
    public async Task A_packed_answer_is_unpacked_and_one_that_is_damaged_on_the_way_is_tried_again()
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url, "compression: gzip");
        var answer = """{"errors":false,"items":[{"index":{"status":201}}]}""";
        server.Script = _ => new() { AnswerWith = (200, answer), Packed = bytes => bytes };
        Assert.Equal([Answer.Applied], await WriteAsync(sink, Index(1, 1, "a")));

        var length = FakeElasticsearch.Pack(answer).Length;
        var damaged = 0;
        for (var i = 0; i < 2 * length; i++)
        {
            var (at, isCut) = (i / 2, i % 2 == 0);
            server.Script = _ => new()
            {
                AnswerWith = (200, answer),
                Packed = bytes => isCut ? bytes[..at] : [.. bytes.Select((letter, place) => place == at ? (byte)(letter ^ 0xFF) : letter)],
            };
            var problem = await Record.ExceptionAsync(() => WriteAsync(sink, Index(1, 1, "a")));
            Assert.True(problem is null or RetriableException, $"{i}: {problem}");
            damaged += problem is null ? 0 : 1;
        }

        Assert.InRange(damaged, length, 2 * length); // what gzip keeps beside the bytes, such as a time, may change
    }

    [Fact]
    public async Task An_answer_in_two_pieces_is_one_wherever_it_is_parted()
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url);
        var answer = """{"errors":true,"items":[{"index":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"ö"}}}]}""";
        for (var split = 1; split < FakeElasticsearch.Wire(200, answer, null).Length; split++)
        {
            var at = split;
            server.Script = _ => new() { AnswerWith = (200, answer), SplitAfterBytes = at };
            Assert.Equal([Answer.Refused("mapper_parsing_exception: ö", "mapper_parsing_exception")], await WriteAsync(sink, Index(1, 1, "a")));
        }
    }

    [Fact]
    public async Task An_answer_that_is_cut_at_any_byte_is_tried_again()
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url);
        var answer = """{"errors":false,"items":[{"index":{"status":201}}]}""";
        var length = FakeElasticsearch.Wire(200, answer, null).Length;
        for (var cut = 0; cut < length; cut++)
        {
            var at = cut;
            server.Script = _ => new() { AnswerWith = (200, answer), CutAfterBytes = at };
            await Assert.ThrowsAsync<RetriableException>(() => WriteAsync(sink, Index(1, 1, "a")));
        }

        server.Script = _ => null;
        Assert.Equal([Answer.Stale], await WriteAsync(sink, Index(1, 1, "a")));
    }

    [Theory]
    [InlineData("", "timeout=30s")]
    [InlineData("timeout: 5m", "timeout=150s")]
    [InlineData("timeout: 1s", "timeout=1s")]
    public async Task The_server_gives_up_on_a_shard_before_we_give_up_on_the_server(string setting, string query)
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url, setting);

        await WriteAsync(sink, Index(1, 1, "a"));

        Assert.Equal(query, Assert.Single(server.Requests).Query);
    }

    [Fact]
    public async Task Large_bodies_are_packed_when_asked_for()
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url, "compression: gzip, short_answers: true");

        await WriteAsync(sink, Index(1, 1, "small"));
        var answers = await WriteAsync(sink, [.. Enumerable.Range(2, 50).Select(i => Index(i, i, new string('x', 200)))]);

        Assert.All(answers, answer => Assert.Equal(Answer.Applied, answer));
        Assert.False(server.Requests[0].Headers.ContainsKey("Content-Encoding"));
        Assert.Equal("gzip", server.Requests[1].Headers["Content-Encoding"]);
        Assert.True(server.Requests[1].WireBytes * 5 < server.Requests[1].Body.Length);
        Assert.Equal("timeout=30s&filter_path=errors,items.*.status,items.*.error", server.Requests[1].Query);
    }

    // Answers as soon as the head is there, and closes the connection with the body unread.
    private static async Task RefuseUnreadAsync(TcpListener listener, CancellationToken stopping)
    {
        while (true)
        {
            try
            {
                using var client = await listener.AcceptTcpClientAsync(stopping);
                var stream = client.GetStream();
                var head = new List<byte>();
                var one = new byte[1];
                while (!System.Text.Encoding.ASCII.GetString([.. head]).EndsWith("\r\n\r\n", StringComparison.Ordinal))
                {
                    await stream.ReadExactlyAsync(one, stopping);
                    head.Add(one[0]);
                }

                await stream.WriteAsync(FakeElasticsearch.Wire(413, "too large", "Connection: close"), stopping);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (IOException)
            {
                continue; // the other side was faster
            }
        }
    }
}
