using System.CommandLine;
using System.Globalization;
using Leat.Log;
using Leat.Log.Tools;
using Leat.Output;

namespace Leat.Commands;

/// <summary>The options that say how records are shown, and the loop that shows them.</summary>
internal sealed class LogRecords
{
    private readonly Option<bool> _keys = new("--keys") { Description = "Show keys only, not rows or values." };
    private readonly Option<bool> _raw = new("--raw") { Description = "Show values as text or hexadecimal digits, also those of changes." };
    private readonly Option<bool> _all = new("--all") { Description = "Also positions, markers, and records of aborted and open transactions." };

    private readonly EnvelopeOptions _envelopes;

    /// <summary>Adds the options to a command.</summary>
    public LogRecords(Command command)
    {
        foreach (var option in (Option[])[_keys, _raw, _all])
            command.Options.Add(option);
        _envelopes = new(command, withKeys: false);
    }

    /// <summary>How records are to be shown.</summary>
    public RecordForm FormOf(CommandContext context) =>
        new(context.Json, context.Parse.GetValue(_keys), context.Parse.GetValue(_raw), context.Parse.GetValue(_all));

    /// <summary>What makes the lines; dispose it.</summary>
    /// <exception cref="Leat.Changes.LeatException">An option has no meaning with another.</exception>
    public RecordPrinter PrinterOf(CommandContext context, LogView view, StreamView stream)
    {
        var envelope = _envelopes.Create(context, stream.Name);
        foreach (var option in (Option<bool>[])[_keys, _raw, _all])
        {
            if (envelope is not null && context.Parse.GetValue(option))
                throw ProgramErrors.OptionsDiffer(option.Name, "--format");
        }

        return new(view, stream, FormOf(context), envelope);
    }

    /// <summary>Hands the line of every record to <paramref name="show"/> until it answers false, or the view ends.</summary>
    /// <param name="context">Damage that is passed over is told at its error output.</param>
    /// <param name="reader">Where from.</param>
    /// <param name="printer">Makes the lines.</param>
    /// <param name="show">Given offset, time in ms since 1970 UTC, and line.</param>
    /// <returns>Whether nothing was damaged.</returns>
    public static bool Show(CommandContext context, ViewReader reader, RecordPrinter printer, Func<long, long, string, bool> show)
    {
        var isWhole = true;
        while (true)
        {
            context.Stopping.ThrowIfCancellationRequested();
            LogBlock? block;
            try
            {
                block = reader.Read();
            }
            catch (LogException error) when (error.Code == ViewReader.DamageCode)
            {
                FindingWriter.WriteError(context, ProgramErrors.OfLog(error));
                isWhole = false;
                continue;
            }

            if (reader.Passed is { } passed)
                context.Terminal.Error.WriteLine(FormattableString.Invariant($"Offsets {passed.First} to {passed.Next - 1} are no longer there."));
            if (block is null)
                return isWhole;
            using (block)
            {
                if (!ShowBlock(block, reader.State, printer, show))
                    return isWhole;
            }
        }
    }

    /// <summary>An offset, or a time; null when nothing is written.</summary>
    /// <exception cref="Leat.Changes.LeatException">Neither.</exception>
    public static (long? Offset, DateTimeOffset? Time) PlaceOf(string option, string? written)
    {
        if (written is null)
            return (null, null);
        if (long.TryParse(written, NumberStyles.None, CultureInfo.InvariantCulture, out var offset))
            return (offset, null);
        return DateTimeOffset.TryParse(written, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? (null, time)
            : throw ProgramErrors.NoPlace(option, written);
    }

    private static bool ShowBlock(LogBlock block, BatchState state, RecordPrinter printer, Func<long, long, string, bool> show)
    {
        if (state is BatchState.CommitMarker or BatchState.AbortMarker)
            return printer.MarkerLine(block.NextOffset - 1, state) is not { } marker || show(block.NextOffset - 1, long.MinValue, marker);
        var records = block.Records();
        while (records.MoveNext())
        {
            if (printer.LineOf(block, records, state) is { } line && !show(records.Offset, records.TimestampMs, line))
                return false;
        }

        return true;
    }
}
