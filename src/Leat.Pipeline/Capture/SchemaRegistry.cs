using System.Text;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Log;

namespace Leat.Pipeline.Capture;

/// <summary>The table shapes of one source by number, kept in its stream <c>&lt;source&gt;.schemas</c>. Read from any thread, added to by capture.</summary>
public sealed class SchemaRegistry
{
    // A table's version is a key of its own: compaction merges small segments and drops no shape that a kept change may use.
    private static readonly StreamOptions _options = new() { Compact = true };

    private readonly Lock _gate = new();
    private readonly StreamPartition _stream;
    private readonly Dictionary<TableSchema, uint> _numbers = [];
    private readonly Dictionary<TableName, (uint Id, int Version)> _newest = [];
    private TableSchema?[] _schemas = new TableSchema?[16];
    private uint _lastId;
    private long _durableAt;

    private SchemaRegistry(StreamPartition stream) => _stream = stream;

    /// <summary>Whether every shape given out so far would survive a power cut.</summary>
    internal bool IsDurable => _stream.SyncedOffset >= _durableAt;

    /// <summary>The highest number given to a shape; 0 before the first.</summary>
    internal uint NewestId
    {
        get
        {
            lock (_gate)
                return _lastId;
        }
    }

    /// <summary>Opens a source's schema stream and reads every shape in it.</summary>
    /// <exception cref="LogException">The stream is damaged, or the log has failed.</exception>
    /// <exception cref="LeatException">A record of it is not a shape.</exception>
    public static SchemaRegistry Open(string source, LogDirectory log)
    {
        var registry = new SchemaRegistry(log.OpenStream($"{source}.schemas", _options));
        using var reader = registry._stream.NewReader(registry._stream.StartOffset);
        while (reader.Read(1024 * 1024) is { } block)
        {
            using (block)
            {
                var records = block.Records();
                while (records.MoveNext())
                    registry.Keep(block.Buffer.AsSpan(records.ValueStart, Math.Max(0, records.ValueLength)), records.Offset);
            }
        }

        return registry;
    }

    /// <summary>The shape with this number, or <see langword="null"/>.</summary>
    public TableSchema? Find(uint id)
    {
        var schemas = Volatile.Read(ref _schemas);
        return id < (uint)schemas.Length ? Volatile.Read(ref schemas[id]) : null;
    }

    /// <summary>Every table that has a shape, in the order of their first ones.</summary>
    public IReadOnlyList<TableName> Tables
    {
        get
        {
            lock (_gate)
                return [.. _newest.Keys];
        }
    }

    /// <summary>Number of the newest shape of a table, partial ones aside; 0 when none is known.</summary>
    public uint NewestOf(TableName table)
    {
        lock (_gate)
            return _newest.GetValueOrDefault(table).Id;
    }

    /// <summary>The number of a shape, given now when it is new; <see cref="WhenDurableAsync"/> before it is used on disk.</summary>
    internal uint Define(TableSchema schema)
    {
        lock (_gate)
        {
            return _numbers.TryGetValue(schema, out var known) ? known : Add(schema);
        }
    }

    /// <summary>The number of a shape that its table has from now on: the newest of the table, or a new one.</summary>
    internal uint Renew(TableSchema schema)
    {
        lock (_gate)
        {
            var newest = _newest.GetValueOrDefault(schema.Table).Id;
            return newest != 0 && schema.Equals(_schemas[newest]) ? newest : Add(schema);
        }
    }

    /// <summary>Every shape with its number, in the order of the numbers.</summary>
    internal IReadOnlyList<KeyValuePair<uint, TableSchema>> All()
    {
        lock (_gate)
        {
            var all = new List<KeyValuePair<uint, TableSchema>>();
            for (var id = 0u; id <= _lastId && id < _schemas.Length; id++)
            {
                if (_schemas[id] is { } schema)
                    all.Add(new(id, schema));
            }

            return all;
        }
    }

    private uint Add(TableSchema schema)
    {
        var id = _lastId + 1;
        var version = _newest.GetValueOrDefault(schema.Table).Version + 1;
        var batch = _stream.NewBatch();
        var value = SchemaJson.Write(id, version, schema);
        batch.BeginRecord(Encoding.UTF8.GetBytes($"{schema.Table}:{version}"), hasKey: true);
        value.CopyTo(batch.GetSpan(value.Length));
        batch.Advance(value.Length);
        batch.EndRecord();
        _durableAt = _stream.Append(batch) + 1;
        Keep(id, version, schema);
        return id;
    }

    /// <summary>Completes when every shape given out so far would survive a power cut.</summary>
    internal ValueTask WhenDurableAsync(CancellationToken cancellationToken) => _stream.WaitSyncedAsync(_durableAt, cancellationToken);

    private void Keep(ReadOnlySpan<byte> record, long offset)
    {
        try
        {
            var (id, version, schema) = SchemaJson.Read(record);
            Keep(id, version, schema);
        }
        catch (InvalidDataException cause)
        {
            throw EngineErrors.SchemaUnreadable(_stream.Name, offset, cause);
        }
    }

    private void Keep(uint id, int version, TableSchema schema)
    {
        if (id >= _schemas.Length)
        {
            var larger = new TableSchema?[Math.Max(_schemas.Length * 2, (int)id + 1)];
            _schemas.CopyTo(larger, 0);
            Volatile.Write(ref _schemas, larger);
        }

        Volatile.Write(ref _schemas[id], schema);
        _numbers[schema] = id;
        _newest[schema.Table] = (schema.IsPartial ? _newest.GetValueOrDefault(schema.Table).Id : id, version);
        _lastId = Math.Max(_lastId, id);
    }
}
