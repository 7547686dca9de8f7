using System.Diagnostics.Metrics;
using System.Net;
using Leat.Pipeline;
using Leat.Pipeline.Definitions;
using Leat.Server;
using Leat.Tests.Pipeline;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;
using static Leat.Tests.Pipeline.TestChange;

namespace Leat.Tests.Server;

public sealed class PrometheusTextTests : IDisposable
{
    private readonly Meter _meter = new("Test");

    public void Dispose() => _meter.Dispose();

    [Fact]
    public void Names_have_their_unit_and_counters_a_total()
    {
        _meter.CreateObservableCounter("leat.source.changes", () => new Measurement<long>(17, new KeyValuePair<string, object?>("source", "shop")), unit: "{change}", description: "Row changes captured.");
        _meter.CreateObservableGauge("leat.pipeline.lag.time", () => 1.5, unit: "s", description: "Age of the oldest change.");
        _meter.CreateObservableGauge("leat.log.bytes", () => 4096L, unit: "By", description: "Size.");
        _meter.CreateObservableCounter("leat.log.deleted", () => 3L, unit: "By", description: "Deleted.");
        _meter.CreateObservableGauge("leat.log.findings", () => 2, description: "Damage.");

        Assert.Equal(
            """
            # HELP leat_source_changes_total Row changes captured.
            # TYPE leat_source_changes_total counter
            leat_source_changes_total{source="shop"} 17
            # HELP leat_pipeline_lag_time_seconds Age of the oldest change.
            # TYPE leat_pipeline_lag_time_seconds gauge
            leat_pipeline_lag_time_seconds 1.5
            # HELP leat_log_bytes Size.
            # TYPE leat_log_bytes gauge
            leat_log_bytes 4096
            # HELP leat_log_deleted_bytes_total Deleted.
            # TYPE leat_log_deleted_bytes_total counter
            leat_log_deleted_bytes_total 3
            # HELP leat_log_findings Damage.
            # TYPE leat_log_findings gauge
            leat_log_findings 2

            """, PrometheusText.Of(_meter));
    }

    [Fact]
    public void Labels_and_help_are_escaped_and_empty_instruments_left_out()
    {
        _meter.CreateObservableGauge("held", () => new Measurement<long>(
            1, new KeyValuePair<string, object?>("source", "a\"b\\c\nd"), new KeyValuePair<string, object?>("holder", "pipeline x")), description: "One \\ two\nthree \"four\".");
        _meter.CreateObservableGauge("none", () => Array.Empty<Measurement<long>>());

        Assert.Equal(
            "# HELP held One \\\\ two\\nthree \"four\".\n# TYPE held gauge\nheld{source=\"a\\\"b\\\\c\\nd\",holder=\"pipeline x\"} 1\n", PrometheusText.Of(_meter));
    }

    [Fact]
    public void Other_meters_of_the_process_are_not_printed()
    {
        using var other = new Meter("Test");
        other.CreateObservableGauge("theirs", () => 1);

        Assert.Equal("", PrometheusText.Of(_meter));
    }

    [Fact]
    public async Task An_engine_serves_all_its_instruments_and_the_document_names_each()
    {
        var folder = Directory.CreateTempSubdirectory("leat-metrics-").FullName;
        try
        {
            var source = new ScriptedSource();
            source.Add(Insert(1, 1));
            var sink = new ScriptedSink();
            var file = new LeatFile
            {
                Path = "leat.yaml", Log = new() { Folder = folder }, Pipelines = [TestEngine.CopyItems with { OpenSink = _ => sink }],
                Sources = [new("shop", "scripted", _ => source, default)],
            };
            await using var engine = Engine.Open(file, NullLoggerFactory.Instance, TimeProvider.System);
            await using var server = await StatusServer.StartAsync(
                0, engine.Status, engine.Snapshots, engine.Deliveries, engine.Meter, NullLoggerFactory.Instance, TestContext.Current.CancellationToken);
            using var client = new HttpClient();

            using var answer = await client.GetAsync(new Uri(server.Address, "/metrics"), TestContext.Current.CancellationToken);
            var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

            Assert.Equal((HttpStatusCode.OK, PrometheusText.ContentType), (answer.StatusCode, answer.Content.Headers.ContentType?.ToString()));
            Assert.Contains("\nleat_pipeline_health{pipeline=\"copy\",state=\"starting\"} 1\nleat_pipeline_health{pipeline=\"copy\",state=\"catching_up\"} 0\n", text, StringComparison.Ordinal);
            Assert.Contains("\nleat_pipeline_operations_total{pipeline=\"copy\",outcome=\"applied\"} 0\n", text, StringComparison.Ordinal);
            var document = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs/operating/status-api.md"), TestContext.Current.CancellationToken);
            var told = text.Split('\n').Where(line => line.StartsWith("# TYPE ", StringComparison.Ordinal)).Select(line => line.Split(' ')[2]).ToArray();
            Assert.InRange(told.Length, 15, 60);
            Assert.All(told, name => Assert.Contains($"`{name}`", document, StringComparison.Ordinal));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
