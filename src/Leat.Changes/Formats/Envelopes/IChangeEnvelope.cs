using System.Buffers;

namespace Leat.Changes.Formats.Envelopes;

/// <summary>Whose documents changes are printed as.</summary>
public enum EnvelopeFormat
{
    /// <summary>Our own: docs/formats/change-json.md.</summary>
    Leat = 0,

    /// <summary>The change events of Debezium's MySQL and MariaDB connectors, without the schema part.</summary>
    Debezium = 1,

    /// <summary>The flat messages of Canal.</summary>
    Canal = 2,

    /// <summary>The rows of Maxwell's daemon.</summary>
    Maxwell = 3,
}

/// <summary>What an envelope needs to know besides the changes.</summary>
public sealed record EnvelopeSettings
{
    /// <summary>The source's name; Debezium's <c>topic.prefix</c>.</summary>
    public required string Source { get; init; }

    /// <summary>The version that documents name as that of the program which made them.</summary>
    public required string Version { get; init; }

    /// <summary>The clock for the time at which a document is made.</summary>
    public required TimeProvider Time { get; init; }

    /// <summary>Also what the original gives only when it is asked for: Debezium's transaction block; Maxwell's position, server and primary key. Default: off, as theirs.</summary>
    public bool Details { get; init; }

    /// <summary>Print <c>{"key":…,"value":…}</c>, as the original's messages have a key too, with Debezium's tombstones. Default: off, values alone.</summary>
    public bool Keys { get; init; }

    /// <summary>Debezium: decimals as text (its <c>decimal.handling.mode=string</c>) rather than base64 of the unscaled number. Default: off, as its.</summary>
    public bool DecimalsAsText { get; init; }
}

/// <summary>Where a transaction begins, as far as its reader knows.</summary>
/// <param name="File">The binlog file; empty when not known.</param>
/// <param name="Offset">Offset in it, in bytes; 0 when not known.</param>
public readonly record struct ChangePlace(string File, long Offset);

/// <summary>Writes changes as the documents of some program, each as one line of JSON. Described in docs/formats/envelopes.md. Not for several threads at once.</summary>
public interface IChangeEnvelope : IDisposable
{
    /// <summary>Writes the documents of a change, with a line break after each, and returns how many: 0 when the format has none for it.</summary>
    /// <param name="change">Not a <see cref="ChangeKind.Position"/>. The changes of a transaction come in their order.</param>
    /// <param name="schema">The shape of its rows.</param>
    /// <param name="place">Where its transaction begins.</param>
    /// <param name="lines">Takes UTF-8.</param>
    int Write(EncodedChange change, TableSchema schema, in ChangePlace place, IBufferWriter<byte> lines);
}

/// <summary>The envelopes there are.</summary>
public static class ChangeEnvelopes
{
    /// <summary>A new one.</summary>
    public static IChangeEnvelope Create(EnvelopeFormat format, EnvelopeSettings settings) => format switch
    {
        EnvelopeFormat.Debezium => new DebeziumEnvelope(settings),
        EnvelopeFormat.Canal => new CanalEnvelope(settings),
        EnvelopeFormat.Maxwell => new MaxwellEnvelope(settings),
        _ => new LeatEnvelope(),
    };
}
