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

    /// <summary>All events of the newest file, from the one that stood at its end when <paramref name="writeAsync"/> began, behind the one that describes the file.</summary>
    public static async Task<List<byte[]>> WrittenByAsync(TestServer server, Func<Task> writeAsync)
    {
        await server.ExecuteAsync("FLUSH BINARY LOGS");
        var file = Path.Combine(server.DataFolder, (await server.QueryAsync("SHOW BINARY LOGS"))[^1][0]);
        await writeAsync();
        return [.. Cut(await File.ReadAllBytesAsync(file))];
    }

    /// <summary>The same for statements of one connection.</summary>
    public static Task<List<byte[]>> WrittenByAsync(TestServer server, string sql) => WrittenByAsync(server, () => server.ExecuteAsync(sql));

    /// <summary>Gives events to a decoder that captures one database and takes shapes from FULL metadata; GTIDs are left out.</summary>
    public static Recorder Decode(IEnumerable<byte[]> events, string database)
    {
        var recorder = new Recorder();
        using var decoder = new BinlogDecoder("shop", new(), new MetadataShapes("shop", table => table.Database == database, static collation => collation == 63 ? "binary" : "utf8mb4"), recorder, checksums: true);
        foreach (var one in events.Where(one => one[4] is not (33 or 34 or 35 or 42)))
        {
            Decoded decoded;
            while ((decoded = decoder.Apply(one)) == Decoded.NeedRoom)
                continue; // the same event again
            if (decoded == Decoded.Commit)
                recorder.CommitAsync(decoder.Position, moreInput: true, CancellationToken.None).GetAwaiter().GetResult();
        }

        return recorder;
    }

    private static IEnumerable<byte[]> Cut(byte[] file)
    {
        for (var at = MagicBytes; at + EventHeader.Bytes <= file.Length;)
        {
            var length = (int)BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 9));
            file[at + 17] &= 0xFE; // in the newest file the first event says that the file is in use, which its checksum does not cover
            yield return file[at..(at + length)];
            at += length;
        }
    }
}
