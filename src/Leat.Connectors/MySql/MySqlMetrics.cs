using System.Diagnostics.Metrics;

namespace Leat.Connectors.MySql;

/// <summary>What MySQL sources count. Names and units are a public contract: dashboards and alerts use them.</summary>
internal static class MySqlMetrics
{
    private static readonly Meter Meter = new("Leat.MySql");

    private static readonly Counter<long> Transactions = Meter.CreateCounter<long>(
        name: "leat.mysql.transactions", unit: "{transaction}", description: "Transactions with captured rows, as told to the log.");

    private static readonly Counter<long> Starts = Meter.CreateCounter<long>(
        name: "leat.mysql.starts", unit: "{connection}", description: "Replication streams opened; more than one is a reconnection.");

    private static readonly Counter<long> Doubts = Meter.CreateCounter<long>(
        name: "leat.mysql.unverified", unit: "{table}", description: "Tables whose columns a statement made uncertain.");

    /// <summary>A table's columns are not certain any more.</summary>
    public static void Unverified(string source) => Doubts.Add(1, new KeyValuePair<string, object?>("source", source));

    /// <summary>A transaction was told.</summary>
    public static void Transaction(string source) => Transactions.Add(1, new KeyValuePair<string, object?>("source", source));

    /// <summary>A stream was opened.</summary>
    public static void Start(string source) => Starts.Add(1, new KeyValuePair<string, object?>("source", source));

    private static readonly Histogram<double> Lag = Meter.CreateHistogram<double>(
        name: "leat.mysql.heartbeat_lag", unit: "ms", description: "From writing a heartbeat row to reading it in the binlog stream.");

    /// <summary>A heartbeat came back.</summary>
    public static void Heartbeat(string source, double milliseconds) => Lag.Record(milliseconds, new KeyValuePair<string, object?>("source", source));
}
