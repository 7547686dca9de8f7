using System.Buffers.Binary;
using Leat.Changes;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Shapes;
using Leat.IntegrationTests.MySql.Servers;

namespace Leat.IntegrationTests.MySql;

/// <summary>Events of a server's binlog as they stand in its files.</summary>
internal static class BinlogFile
{
    private const int MagicBytes = 4;

    /// <summary>All events of the binlog from just before <paramref name="writeAsync"/> began; other tests may write, and begin new files, meanwhile.</summary>
    public static async Task<List<byte[]>> WrittenByAsync(TestServer server, Func<Task> writeAsync)
    {
        await server.ExecuteAsync("FLUSH BINARY LOGS");
        var first = (await server.QueryAsync("SHOW BINARY LOGS"))[^1][0];
        await writeAsync();
        var files = (await server.QueryAsync("SHOW BINARY LOGS")).Select(row => row[0]).Where(file => string.CompareOrdinal(file, first) >= 0);
        return [.. files.SelectMany(file => Cut(File.ReadAllBytes(Path.Combine(server.DataFolder, file))))];
    }

    /// <summary>The same for statements of one connection.</summary>
    public static Task<List<byte[]>> WrittenByAsync(TestServer server, string sql) => WrittenByAsync(server, () => server.ExecuteAsync(sql));

    /// <summary>Gives events to a decoder that captures one database and takes shapes from FULL metadata</summary>
    public static Recorder Decode(IEnumerable<byte[]> events, string database)
    {
        var recorder = new Recorder();
        using var decoder = new BinlogDecoder("shop", new(), new MetadataShapes("shop", table => table.Database == database, static collation => collation == 63 ? "binary" : "utf8mb4"), recorder, checksums: true);
        foreach (var one in events)
        {
            Decoded decoded;
            while ((decoded = decoder.Apply(one)) == Decoded.NeedRoom)
                continue; // the same event again
            if (decoded == Decoded.Commit)
                Xunit.Assert.True(recorder.CommitAsync(decoder.Position, moreInput: true, CancellationToken.None).AsTask().IsCompletedSuccessfully); // it never waits
        }

        return recorder;
    }

    private static IEnumerable<byte[]> Cut(byte[] file)
    {
        for (var at = MagicBytes; at + EventHeader.Bytes <= file.Length;)
        {
            var length = (int)BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 9));
            if (length > file.Length - at)
                yield break; // it is just being written
            file[at + 17] &= 0xFE; // in the newest file the first event says that the file is in use, which its checksum does not cover
            yield return file[at..(at + length)];
            at += length;
        }
    }
}
