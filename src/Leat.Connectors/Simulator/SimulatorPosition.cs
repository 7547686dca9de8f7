using System.Buffers;
using System.Text.Json;
using Leat.Changes;

namespace Leat.Connectors.Simulator;

/// <summary>Where in the shop's history capture stands: <c>{"transaction":42}</c>, or inside the first snapshot <c>{"transaction":0,"snapshot_rows":500}</c>.</summary>
internal sealed class SimulatorPosition : IPosition
{
    /// <summary>Transactions captured, rolled back ones included.</summary>
    public long Transaction { get; set; }

    /// <summary>Rows of the first snapshot captured so far; <see langword="null"/> once it is over.</summary>
    public long? SnapshotRows { get; set; }

    /// <summary>Reads what <see cref="WriteTo"/> wrote; <see langword="null"/> for anything else.</summary>
    public static SimulatorPosition? Parse(string text)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            if (!json.RootElement.TryGetProperty("transaction", out var transaction) || !transaction.TryGetInt64(out var number) || number < 0)
                return null;
            return new()
            {
                Transaction = number,
                SnapshotRows = json.RootElement.TryGetProperty("snapshot_rows", out var rows) ? rows.GetInt64() : null,
            };
        }
        catch (Exception cause) when (cause is JsonException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public void WriteTo(IBufferWriter<byte> target)
    {
        var room = target.GetSpan(80);
        var written = 0;
        var fits = SnapshotRows is { } rows
            ? System.Text.Unicode.Utf8.TryWrite(room, $$"""{"transaction":{{Transaction}},"snapshot_rows":{{rows}}}""", out written)
            : System.Text.Unicode.Utf8.TryWrite(room, $$"""{"transaction":{{Transaction}}}""", out written);
        if (!fits)
            throw new InvalidOperationException("The buffer gave less room than it was asked for.");
        target.Advance(written);
    }

    /// <summary>The position as it is kept in the log.</summary>
    public SourcePosition ToSourcePosition()
    {
        var bytes = new ArrayBufferWriter<byte>();
        WriteTo(bytes);
        return new(System.Text.Encoding.UTF8.GetString(bytes.WrittenSpan));
    }
}
