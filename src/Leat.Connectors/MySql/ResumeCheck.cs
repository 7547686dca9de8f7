using System.Globalization;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

/// <summary>Sees, before anything is streamed, that a server has all that follows a position, and that its history is the one that was read.</summary>
internal sealed class ResumeCheck(LostChanges lost, MySqlEndpoint endpoint, ServerFacts facts, MySqlConnection control, BinlogProbe probe)
{
    private const long OffsetLimit = uint.MaxValue;

    /// <summary>Refuses a position that the server cannot go on from, and makes one that it can its own.</summary>
    /// <exception cref="Leat.Changes.PauseException">Something is missing, was replaced, or cannot be told.</exception>
    public async ValueTask RequireAsync(MySqlPosition position, CancellationToken cancellationToken)
    {
        var files = await ServerState.FilesAsync(control, cancellationToken);
        var hasFile = await RequireSameFilesAsync(position, files, cancellationToken);
        if (position.Gtids is null)
        {
            if (!hasFile)
                throw MySqlErrors.NoSuchFile(lost, endpoint, position, files);
            if (position.Offset > OffsetLimit)
                throw MySqlErrors.OffsetTooFar(lost, endpoint, position);
            return;
        }

        if (position.Gtids is MySqlGtids != (facts.Product == Product.MySql))
            throw MySqlErrors.OtherProduct(lost, endpoint, position, facts.ProductName);
        if (position.Gtids is MySqlGtids set)
            await RequireMySqlAsync(position, set, hasFile, cancellationToken);
        else if (position.Gtids is MariaDbGtids last)
            await RequireMariaDbAsync(position, last, hasFile ? null : files, cancellationToken);
    }

    // Returns whether the position's file is there, and at its place what was read. A file of another server says nothing, and is forgotten.
    private async ValueTask<bool> RequireSameFilesAsync(MySqlPosition position, IReadOnlyList<BinlogFile> files, CancellationToken cancellationToken)
    {
        if (position.File.Length == 0)
            return false;
        if (!position.IsOf(facts.ServerId, facts.ServerUuid))
        {
            if (position.Gtids is null)
                throw MySqlErrors.OtherServer(lost, endpoint, position);
            position.Forget();
            return false;
        }

        if (files.FirstOrDefault(file => file.Name == position.File) is not { Name: not null } file)
        {
            // Older than all there are: purged, and the GTIDs will tell whether that matters. Newer: the numbers have begun anew.
            if (files.Count > 0 && StemOf(files[^1].Name) == StemOf(position.File) && MySqlPosition.CompareFiles(position.File, files[^1].Name) > 0)
                throw MySqlErrors.HistoryChanged(lost, endpoint, position, $"only files up to {files[^1].Name}");
            if (position.Gtids is not null)
                position.Forget();
            return false;
        }

        if (position.Offset > file.SizeBytes)
            throw MySqlErrors.HistoryChanged(lost, endpoint, position, string.Create(CultureInfo.InvariantCulture, $"a file of {file.SizeBytes} bytes"));
        if (file.SizeBytes > OffsetLimit)
            return true; // a place beyond 4 GiB cannot be asked for
        if (position.MarkOffset > 0)
        {
            if (!await probe.IsSameAsync(position.File, position.MarkOffset, position.MarkCrc, cancellationToken))
                throw MySqlErrors.HistoryChanged(lost, endpoint, position, "another event");
        }
        else if (position.Offset > 0 && position.Gtids is MariaDbGtids known)
        {
            var found = await ServerState.GtidsAtAsync(control, position.File, position.Offset, cancellationToken)
                ?? throw MySqlErrors.HistoryChanged(lost, endpoint, position, "no transaction's end");
            if (!found.HasReached(known) || !known.HasReached(found))
                throw MySqlErrors.HistoryChanged(lost, endpoint, position, $"GTID {found}");
        }

        return true;
    }

    private async ValueTask RequireMySqlAsync(MySqlPosition position, MySqlGtids ours, bool hasFile, CancellationToken cancellationToken)
    {
        if (!facts.HasGtid)
        {
            if (!hasFile)
                throw MySqlErrors.GtidsOff(lost, endpoint, position, facts.GtidMode);
            position.Gtids = null; // the same server, where GTIDs were switched off: on by file and offset
            return;
        }

        var (executed, purged) = await ServerState.ExecutedAsync(control, cancellationToken);
        if (ours.Except(executed) is { IsEmpty: false } unknown)
            throw MySqlErrors.ServerBehind(lost.Source, endpoint, unknown.ToString());
        if (purged.Except(ours) is { IsEmpty: false } missing)
            throw MySqlErrors.Missing(lost, endpoint, position, missing.ToString());
    }

    private async ValueTask RequireMariaDbAsync(MySqlPosition position, MariaDbGtids ours, IReadOnlyList<BinlogFile>? files, CancellationToken cancellationToken)
    {
        var newest = await ServerState.NewestAsync(control, cancellationToken);
        var unknown = new MariaDbGtids();
        foreach (var gtid in ours.Domains)
        {
            if (gtid.Sequence > newest.SequenceOf(gtid.Domain))
                unknown.Set(gtid);
        }

        if (!unknown.IsEmpty)
            throw MySqlErrors.ServerBehind(lost.Source, endpoint, unknown.ToString());

        // While the position's own file is there, nothing after it is gone. Otherwise the oldest file says what came before it.
        if (files is not { Count: > 0 } || await probe.BeforeAsync(files[0].Name, cancellationToken) is not MariaDbGtids before)
            return;
        var missing = new List<string>();
        foreach (var gtid in before.Domains)
        {
            var passed = ours.SequenceOf(gtid.Domain);
            if (gtid.Sequence > passed)
                missing.Add(string.Create(CultureInfo.InvariantCulture, $"{passed + 1} to {gtid.Sequence} of domain {gtid.Domain}"));
        }

        if (missing.Count > 0)
            throw MySqlErrors.Missing(lost, endpoint, position, string.Join(", ", missing));
    }

    private static string StemOf(string file) => file.LastIndexOf('.') is var dot and > 0 ? file[..dot] : file;
}
