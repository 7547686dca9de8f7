using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Leat.Server;

/// <summary>Prints the instruments of a meter in the text format that Prometheus reads.</summary>
/// <remarks>
/// <c>leat.pipeline.lag.time</c> in seconds becomes <c>leat_pipeline_lag_time_seconds</c>: dots are underscores, seconds and bytes stand at the end of
/// the name unless they do already, and counters end in <c>_total</c>. Source: Prometheus, "Exposition formats", text format 0.0.4; "Metric and label naming".
/// </remarks>
public static class PrometheusText
{
    /// <summary>Content type of the format.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    /// <summary>All instruments and what they measure at this moment, in the order in which they were made.</summary>
    public static string Of(Meter meter)
    {
        var measured = new List<(Instrument Instrument, StringBuilder Samples)>();
        using (var listener = new MeterListener())
        {
            listener.InstrumentPublished = (instrument, self) =>
            {
                if (ReferenceEquals(instrument.Meter, meter))
                    self.EnableMeasurementEvents(instrument, state: SamplesOf(measured, instrument));
            };
            listener.SetMeasurementEventCallback<int>((instrument, value, tags, samples) => Add(samples, instrument, value, tags));
            listener.SetMeasurementEventCallback<long>((instrument, value, tags, samples) => Add(samples, instrument, value, tags));
            listener.SetMeasurementEventCallback<double>((instrument, value, tags, samples) => Add(samples, instrument, value, tags));
            listener.Start();
            listener.RecordObservableInstruments();
        }

        var text = new StringBuilder();
        foreach (var (instrument, samples) in measured.Where(one => one.Samples.Length > 0))
        {
            var name = NameOf(instrument);
            text.Append("# HELP ").Append(name).Append(' ').Append(Escaped(instrument.Description ?? "", quotes: false)).Append('\n');
            text.Append("# TYPE ").Append(name).Append(IsCounter(instrument) ? " counter\n" : " gauge\n");
            text.Append(samples);
        }

        return text.ToString();
    }

    private static StringBuilder SamplesOf(List<(Instrument Instrument, StringBuilder Samples)> measured, Instrument instrument)
    {
        var samples = new StringBuilder();
        measured.Add((instrument, samples));
        return samples;
    }

    private static void Add<T>(object? samples, Instrument instrument, T value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        where T : IFormattable
    {
        var text = (StringBuilder)samples!; // given when the instrument was enabled
        text.Append(NameOf(instrument));
        for (var i = 0; i < tags.Length; i++)
        {
            var written = Convert.ToString(tags[i].Value, CultureInfo.InvariantCulture) ?? "";
            text.Append(i == 0 ? '{' : ',').Append(tags[i].Key).Append("=\"").Append(Escaped(written, quotes: true)).Append('"');
        }

        text.Append(tags.IsEmpty ? " " : "} ").Append(value.ToString(format: null, CultureInfo.InvariantCulture)).Append('\n');
    }

    private static string NameOf(Instrument instrument)
    {
        var name = instrument.Name.Replace('.', '_');
        var unit = instrument.Unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" };
        if (!name.EndsWith(unit, StringComparison.Ordinal))
            name += unit;
        return IsCounter(instrument) ? name + "_total" : name;
    }

    private static bool IsCounter(Instrument instrument) =>
        instrument.GetType() is { IsGenericType: true } type && (type.GetGenericTypeDefinition() == typeof(ObservableCounter<>) || type.GetGenericTypeDefinition() == typeof(Counter<>));

    private static string Escaped(string text, bool quotes)
    {
        var escaped = text.Replace("\\", @"\\", StringComparison.Ordinal).Replace("\n", @"\n", StringComparison.Ordinal);
        return quotes ? escaped.Replace("\"", "\\\"", StringComparison.Ordinal) : escaped;
    }
}
