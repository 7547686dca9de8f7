using System.Diagnostics.CodeAnalysis;
using System.Text;
using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Shapes;
using Leat.Connectors.MySql.Wire;
using Leat.Connectors.Redis.Wire;
using Leat.Tests.MySql;

namespace Leat.Simulation.Fuzz.Targets;

/// <summary>Binlog events, one after the other as their own lengths cut them, as a dump stream brings them.</summary>
internal sealed class BinlogTarget : FuzzTarget
{
    public override string Name => "binlog";

    // The writer's room for one row of the largest kind, and texts of statements.
    public override long FixedBytes => 256 * 1024;

    public override long BytesEach => 1024;

    public override IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. new[] { "ALTER TABLE t", "DROP DATABASE d", "TRUNCATE t", "BEGIN", "COMMIT", "ROLLBACK", "XA END", "/*!", "*/", "--", "`d`.`t`", "'\\'" }.Select(Encoding.ASCII.GetBytes),
        [0xFC, 0xFF, 0xFF], [0xFD, 0xFF, 0xFF, 0xFF], [0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
    ];

    public override IEnumerable<byte[]> Seeds()
    {
        byte[][] events =
        [
            EventBytes.Rotate("bin.000007"), EventBytes.FormatDescription(), EventBytes.Gtid(42), EventBytes.TableMap(),
            EventBytes.Rows(EventType.WriteRowsV1, EventBytes.Image(1, "a"), EventBytes.Image(2, "bcd")),
            EventBytes.Rows(EventType.UpdateRowsV1, EventBytes.Image(2, "b"), EventBytes.Image(2, "c")), EventBytes.Xid(1234),
            EventBytes.Gtid(43, flags: 1), EventBytes.Query("ALTER TABLE t ADD x INT"), EventBytes.Gtid(44), EventBytes.TableMap(),
            EventBytes.Rows(EventType.DeleteRowsV1, EventBytes.Image(2, "b")), EventBytes.Query("ROLLBACK"),
        ];
        yield return [.. events.SelectMany(one => one)];
        yield return [.. events[..7].SelectMany(one => one)];
    }

    /// <summary>Right lengths and checksums: what a rogue server would send, too.</summary>
    public override byte[] Repair(byte[] input, SimRandom random)
    {
        for (var at = 0; input.Length - at > EventHeader.Bytes + 4;)
        {
            var rest = input.Length - at;
            var length = BitConverter.ToInt32(input, at + 9);
            if (length <= EventHeader.Bytes + 4 || length > rest)
                BitConverter.TryWriteBytes(input.AsSpan(at + 9), length = rest);
            EventBytes.Signed(input.AsSpan(at, length).ToArray()).CopyTo(input, at);
            at += length;
        }

        return input;
    }

    public override void Run(byte[] input)
    {
        var decoder = new BinlogDecoder("shop", new(), new Shapes(), new Discard(), checksums: true);
        for (var at = 0; input.Length - at >= EventHeader.Bytes;)
        {
            var length = BitConverter.ToInt32(input, at + 9);
            if (length < 1 || length > input.Length - at)
                length = input.Length - at;
            try
            {
                decoder.Apply(input.AsSpan(at, length));
            }
            catch (Exception declared) when (declared is MySqlFormatException or LeatException)
            {
                return; // a source ends here, too
            }

            at += length;
        }
    }

    private sealed class Shapes : ITableShapes
    {
        // Every type there is, then the table of the seeds.
        private static readonly MySqlTable Table = new(
            new("d", "t"),
            [
                ColumnRules.Make(new() { Name = "id", Type = ColumnType.Long, Metadata = 0 }),
                ColumnRules.Make(new() { Name = "v", Type = ColumnType.VarChar, Metadata = 20, Charset = "utf8mb4" }),
            ],
            [0]);

        public IReadOnlyCollection<TableName> Known => [Table.Name];

        public bool IsCaptured(TableName table) => true;

        public uint Newest => 0;

        public bool TryResolve(TableMap map, [NotNullWhen(true)] out MySqlTable? table)
        {
            table = Table;
            return true;
        }

        public StatementEffect Apply(string sql, string database, ulong sqlMode, string transaction) => StatementEffect.None;

        public string? CharsetOf(uint collation) => "utf8mb4";
    }

    private sealed class Discard : IChangeWriter
    {
        private readonly byte[] _room = new byte[64 * 1024];

        public uint Define(TableSchema schema) => 1;

        public void Begin(ReadOnlySpan<byte> transactionId, long committedAtMicros)
        {
        }

        public void BeginParked(ReadOnlySpan<byte> transactionId, long preparedAtMicros)
        {
        }

        // More than a row can take of an input of this size would be taken from the log's batch as well.
        public Span<byte> BeginRow(int maxBytes)
        {
            Promise(maxBytes <= _room.Length, "a row asks for more room than its bytes can fill");
            return _room.AsSpan(0, maxBytes);
        }

        public void EndRow(ChangeKind kind, uint schemaId, int beforeBytes, int afterBytes)
        {
        }

        public ValueTask CommitAsync(IPosition position, bool moreInput, CancellationToken cancellationToken) => ValueTask.CompletedTask;

        public void Rollback()
        {
        }

        public ValueTask AdvanceAsync(IPosition position, bool moreInput, CancellationToken cancellationToken) => ValueTask.CompletedTask;

        public void Progress(SnapshotProgress progress)
        {
        }
    }
}

/// <summary>Packets as they come over the network, in pieces.</summary>
internal sealed class PacketTarget : FuzzTarget
{
    public override string Name => "mysql-packet";

    // The buffer's usual size, when the pool has none.
    public override long FixedBytes => 2 * 1024 * 1024;

    public override IEnumerable<byte[]> Seeds() =>
        [[1, 0, 0, 0, 7, 3, 0, 0, 1, 1, 2, 3], [0, 0, 0, 0, 0, 0, 0, 1], [0xFF, 0xFF, 0xFF, 0, 1, 2, 3]];

    public override void Run(byte[] input)
    {
        using var packets = new PacketBuffer(4096);
        for (var at = 0; at < input.Length;)
        {
            var piece = Math.Min(1 + (input[at] % 32), input.Length - at);
            input.AsSpan(at, piece).CopyTo(packets.Free().Span);
            packets.Received(piece);
            at += piece;
            try
            {
                while (packets.TryTake(out var payload))
                    Promise(payload.Length <= 4096, "a packet above the limit was given out");
            }
            catch (MySqlFormatException)
            {
                return; // declared
            }
        }
    }
}

/// <summary>A server's packets: greeting, answers, columns, rows, statements, positions.</summary>
internal sealed class AnswerTarget : FuzzTarget
{
    public override string Name => "mysql-answer";

    public override long BytesEach => 256;

    public override IEnumerable<byte[]> Seeds() =>
    [
        Convert.FromHexString("0A352E352E352D31302E31312E362D4D617269614442000700000061626364656667680" + "0FEF72D0200FF811500000000000000000000696A6B6C6D6E6F7071727374006D7973716C5F6E61746976655F70617373776F726400"),
        [0xFF, 0x15, 0x04, .. "#28000Access denied"u8], [0, 0xFC, 0x2C, 0x01, 5, 0x0A, 0x00, 2, 0], [1, (byte)'a', 0xFB, 0],
        [3, .. "def"u8, 1, .. "d"u8, 1, .. "t"u8, 1, .. "t"u8, 2, .. "id"u8, 2, .. "id"u8, 0x0C, 63, 0, 11, 0, 0, 0, 3, 3, 0x10, 0, 0, 0],
        [.. "CREATE TABLE `d`.`t` (id INT) /* x */ -- y"u8], [.. "DROP DATABASE IF EXISTS `a``b`"u8], [.. "{\"server_id\":1,\"gtid\":\"0-1-42\",\"file\":\"bin.000007\",\"offset\":1234}"u8],
    ];

    public override void Run(byte[] input)
    {
        Declared(input, bytes => ServerHandshake.Read(bytes));
        Declared(input, bytes => ServerAnswer.ReadOk(bytes, out _));
        Declared(input, bytes => ServerAnswer.ReadError(bytes));
        Declared(input, bytes => ServerAnswer.MoreAfterEof(bytes));
        Declared(input, bytes => ResultColumn.Read(bytes));
        Declared(input, bytes => MySqlResult.Split(bytes, new (int, int)[4]));
        var text = Encoding.UTF8.GetString(input);
        StatementText.KindOf(text);
        StatementText.Mentions(text, "d", new("d", "t"));
        Promise(!MySqlPosition.TryParse(text, out var position) || MySqlPosition.TryParse(position.ToString(), out _), "a position that was read is written as none");
    }

    private static void Declared(byte[] input, Action<byte[]> read)
    {
        try
        {
            read(input);
        }
        catch (Exception declared) when (declared is MySqlFormatException or MySqlServerException)
        {
            return; // what the parsers promise
        }
    }
}

/// <summary>What a server answers to a sign-in: packets, each after a byte with its length; the first byte of all says what the endpoint allows.</summary>
internal sealed class SignInTarget : FuzzTarget
{
    private const string Password = "correct horse";

    // The smallest that holds the password: what it is worth is not what is tried here, and its text must fit a packet of 255 bytes.
    private const string PublicKey =
        "-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAM00WED2oy5pI9cBNzaG4UmMH1Zm/dYuke9NaiHIrhjbKjMGbUBBGCVst7eI6JfTqpvI3Q+E81caa0khgeV29AMCAwEAAQ==\n-----END PUBLIC KEY-----\n";

    private static readonly byte[] PasswordBytes = Encoding.UTF8.GetBytes(Password);

    public override string Name => "mysql-signin";

    // Keys are imported and used inside the framework.
    public override long FixedBytes => 1024 * 1024;

    public override long BytesEach => 512;

    public override IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. new[] { "mysql_native_password\0", "caching_sha2_password\0", "sha256_password\0", "mysql_clear_password\0", "dialog\0", "client_ed25519\0" }.Select(Encoding.ASCII.GetBytes),
        [1, 3], [1, 4], [0xFE],
    ];

    public override IEnumerable<byte[]> Seeds()
    {
        byte[] scramble = [.. "abcdefghijklmnopqrst"u8, 0];
        byte[] ok = [7, 0, 0, 0, 2, 0, 0, 0];
        foreach (var plugin in new[] { "mysql_native_password", "caching_sha2_password", "sha256_password" })
        {
            for (byte allows = 0; allows < 8; allows++)
                yield return [allows, .. Sized([0xFE, .. Encoding.ASCII.GetBytes(plugin), 0, .. scramble]), 2, 1, 4, 2, 1, 3, .. ok];
        }

        yield return [2, 2, 1, 4, .. Sized([1, .. Encoding.ASCII.GetBytes(PublicKey)]), .. ok];
        yield return [1, .. Sized([0xFE, .. "dialog"u8, 0, 4, .. "Password: "u8]), .. ok];
        yield return [0, .. Sized([0xFE, .. "mysql_clear_password"u8, 0])];
        yield return [0, 1, 0xFE];
        yield return [0, .. Sized([0xFF, 0x15, 0x04, .. "#28000Access denied"u8])];
    }

    public override void Run(byte[] input)
    {
        if (input.Length == 0)
            return;
        var endpoint = new MySqlEndpoint
        {
            Host = "db", User = "leat", Password = Password, Tls = (input[0] & 1) != 0 ? TlsMode.Required : TlsMode.Off, AllowPublicKeyRetrieval = (input[0] & 2) != 0,
        };
        var plugin = (input[0] & 8) != 0 ? NativePassword.Plugin : CachingSha2Password.Plugin;
        var exchange = new SignInExchange(endpoint, new("9.7", 1, 0, new byte[ServerHandshake.ScrambleBytes], plugin), (input[0] & 4) != 0 ? PublicKey : null);
        Keeps(endpoint, exchange.Begin());
        try
        {
            for (var at = 1; at < input.Length;)
            {
                var length = Math.Min(input[at], input.Length - at - 1);
                if (!exchange.GoesOn(input.AsSpan(at + 1, length), out var answer))
                    return;
                Keeps(endpoint, answer ?? []);
                at += 1 + length;
            }
        }
        catch (Exception declared) when (declared is MySqlFormatException or MySqlServerException or MySqlConnectionException)
        {
            return; // what the exchange promises
        }
    }

    private static void Keeps(MySqlEndpoint endpoint, byte[] answer) =>
        Promise(endpoint.IsPrivate || answer.AsSpan().IndexOf(PasswordBytes) < 0, "the password leaves in clear text without TLS");

    private static byte[] Sized(byte[] packet) => [(byte)packet.Length, .. packet];
}

/// <summary>Replies of a Redis server, whole and in pieces.</summary>
internal sealed class RespTarget : FuzzTarget
{
    public override string Name => "resp";

    public override long BytesEach => 512;

    public override IReadOnlyList<byte[]> Dictionary { get; } = [.. new[] { "\r\n", "$-1\r\n", "*-1\r\n", "*2\r\n", "*1048576\r\n", "$134217728\r\n", ":1\r\n", "+OK\r\n", "-ERR x\r\n", "$0\r\n\r\n" }.Select(Encoding.ASCII.GetBytes)];

    public override IEnumerable<byte[]> Seeds() =>
        [[.. "+OK\r\n-ERR no\r\n:12\r\n$3\r\nabc\r\n$-1\r\n*-1\r\n"u8], [.. "*3\r\n:1\r\n*2\r\n+a\r\n$1\r\nb\r\n$0\r\n\r\n"u8]];

    public override void Run(byte[] input)
    {
        var whole = Items(input, input.Length);
        // Bytes that have not arrived change nothing about those that have.
        Promise(Items(input, input.Length / 2) <= whole || whole < 0, "more is read of half the bytes than of all");
        var reader = new RespReader(input);
        try
        {
            while (RespReply.TryRead(ref reader, out _))
            {
            }
        }
        catch (RespFormatException)
        {
            return; // declared
        }
    }

    private static int Items(byte[] input, int length)
    {
        var reader = new RespReader(input.AsSpan(0, length));
        var items = 0;
        try
        {
            while (reader.TryRead(out _))
                items++;
        }
        catch (RespFormatException)
        {
            return -1;
        }

        return items;
    }
}
