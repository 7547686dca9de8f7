using System.Buffers.Binary;

namespace Leat.Log.Tools;

/// <summary>Compares the derived files of a closed segment with its batches as they come by. A file that is not there is made when it is needed.</summary>
internal sealed class SideCheck : IDisposable
{
    private const int RuleAt = 40; // of the key filter

    private readonly PartitionFolder _folder;
    private readonly SegmentWindow _window;
    private readonly IndexCheck? _index;
    private readonly byte[]? _times;
    private readonly byte[]? _transactions;
    private readonly byte[]? _keys;
    private readonly TimeIndex _timesMade;
    private KeyCollector? _keysMade;

    /// <param name="folder">The stream's folder.</param>
    /// <param name="window">The segment.</param>
    public SideCheck(PartitionFolder folder, SegmentWindow window)
    {
        (_folder, _window) = (folder, window);
        _timesMade = new(window.BaseOffset);
        _index = Read(".index") is { } index ? new(window.BaseOffset, index) : null;
        _times = Read(SideFiles.TimeSuffix);
        _transactions = Read(SideFiles.TransactionSuffix);
        _keys = Read(SideFiles.KeysSuffix);
        if (_keys is not null && RuleOf(_keys) == KeyFilter.RuleOf(keys: null))
            _keysMade = new(keysOf: null, window.Bytes);
    }

    /// <summary>A batch, in order.</summary>
    public void Next(ReadOnlySpan<byte> batch, long position)
    {
        var view = new BatchView(batch);
        _index?.Next(position, view.NextOffset - 1);
        _timesMade.Add(view);
        try
        {
            _keysMade?.Add(batch, position);
        }
        catch (LogException)
        {
            Dispose(); // its records contradict themselves: told as such
        }
    }

    /// <summary>What is wrong, after the last batch. A file that was written anew meanwhile is not.</summary>
    public IEnumerable<(string File, string Problem)> Problems(Manifest manifest)
    {
        if (_index?.Problem() is { } problem)
            yield return (_folder.IndexPath(_window.BaseOffset), problem);
        if (_times is not null && !_timesMade.Close().SequenceEqual(_times) && IsStill(SideFiles.TimeSuffix, _times))
            yield return (PathOf(SideFiles.TimeSuffix), "its times are not those of the records");
        var aborted = TransactionIndex.Build(manifest.Aborted, _window, manifest.IncarnationOf);
        if (_transactions is not null && !aborted.AsSpan().SequenceEqual(_transactions) && IsStill(SideFiles.TransactionSuffix, _transactions))
            yield return (PathOf(SideFiles.TransactionSuffix), "its aborted transactions are not those of the segment");
        if (_keys is not null && !AreKeysRight(_keys) && IsStill(SideFiles.KeysSuffix, _keys))
            yield return (PathOf(SideFiles.KeysSuffix), "it is damaged, or not a filter of this segment's keys");
    }

    public void Dispose()
    {
        _keysMade?.Dispose();
        _keysMade = null;
    }

    // Keys that only the stream's user can tell cannot be compared; the checksum can.
    private bool AreKeysRight(byte[] keys) =>
        KeyFilter.IsOf(keys, _window, RuleOf(keys)) && (_keysMade is null || _keysMade.Close(_window).AsSpan().SequenceEqual(keys));

    private static uint RuleOf(ReadOnlySpan<byte> keys) => keys.Length < KeyFilter.HeaderBytes ? 0 : BinaryPrimitives.ReadUInt32BigEndian(keys[RuleAt..]);

    private bool IsStill(string suffix, byte[] before) => Read(suffix) is { } now && now.AsSpan().SequenceEqual(before);

    private byte[]? Read(string suffix)
    {
        try
        {
            return CheckedText.ReadAll(_folder.Disk, PathOf(suffix));
        }
        catch (DiskException error) when (error.Kind == DiskFailure.NotFound)
        {
            return null;
        }
    }

    private string PathOf(string suffix) => Path.ChangeExtension(_folder.SegmentPath(_window.BaseOffset), suffix);
}
