using System.Globalization;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>What a frozen process was in the middle of, as seen by others: the kernel's socket queues and the target server. It is not asked itself.</summary>
/// <param name="UnreadAnswers">Connections to targets on which an answer lies that the process has not read: its request was unanswered to it.</param>
/// <param name="OpenTransactions">Transactions that the process holds open at the target database.</param>
/// <param name="UnreadBinlog">Whether bytes of the binlog lie unread: capture was in the middle of something too. Told, but not counted.</param>
internal sealed record Interruption(int UnreadAnswers, int OpenTransactions, bool UnreadBinlog)
{
    /// <summary>Whether the kill falls inside an open transaction or an unanswered request.</summary>
    public bool InWork => UnreadAnswers > 0 || OpenTransactions > 0;

    /// <summary>Looks at a frozen process until its outstanding requests, if it has any, have been answered into its socket buffers.</summary>
    /// <param name="processId">A process stopped by SIGSTOP.</param>
    /// <param name="rig">Source and targets.</param>
    /// <param name="patience">How long an answer may take; the servers are idle but for this.</param>
    /// <param name="cancellationToken">Ends the looking.</param>
    public static async Task<Interruption> LookAsync(int processId, ShopRig rig, TimeSpan patience, CancellationToken cancellationToken)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var unread = UnreadBytesByRemotePort(processId);
            var answers = unread.Count(queue => queue.Bytes > 0 && rig.TargetPorts.Contains(queue.RemotePort));
            var seen = new Interruption(
                answers,
                await OpenTransactionsAsync(rig, cancellationToken),
                unread.Any(queue => queue.Bytes > 0 && queue.RemotePort == rig.Servers.Source.Port));
            if (seen.InWork || TimeProvider.System.GetElapsedTime(started) > patience)
                return seen;
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, cancellationToken);
        }
    }

    /// <summary>Waits until the target database has given up what an earlier process left open there.</summary>
    public static async Task WaitForNoneAsync(ShopRig rig, CancellationToken cancellationToken)
    {
        while (await OpenTransactionsAsync(rig, cancellationToken) > 0)
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, cancellationToken);
    }

    private static async Task<int> OpenTransactionsAsync(ShopRig rig, CancellationToken cancellationToken)
    {
        var open = await rig.Servers.Copy.QueryAsync(
            "SELECT COUNT(*) FROM information_schema.innodb_trx t JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id WHERE p.user = 'leat'",
            cancellationToken);
        return int.Parse(open[0][0], CultureInfo.InvariantCulture);
    }

    // /proc/net/tcp: local address, remote address, state, tx queue:rx queue, …, inode in the tenth column; numbers in hexadecimal.
    // A socket of a dual-mode connection stands in tcp6.
    private static List<(int RemotePort, long Bytes)> UnreadBytesByRemotePort(int processId)
    {
        var inodes = Directory.EnumerateFiles($"/proc/{processId}/fd")
            .Select(file => new FileInfo(file).LinkTarget)
            .Where(name => name?.StartsWith("socket:[", StringComparison.Ordinal) == true)
            .Select(name => name![8..^1]) // filtered just above
            .ToHashSet();
        return
        [
            .. from file in (string[])[$"/proc/{processId}/net/tcp", $"/proc/{processId}/net/tcp6"]
               where File.Exists(file)
               from line in File.ReadLines(file).Skip(1)
               let parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)
               where inodes.Contains(parts[9])
               select (Hex(parts[2].Split(':')[1]), (long)Hex(parts[4].Split(':')[1])),
        ];
    }

    private static int Hex(string text) => int.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
