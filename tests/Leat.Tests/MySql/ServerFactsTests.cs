using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Wire;
using Xunit;

namespace Leat.Tests.MySql;

/// <summary>Which servers can be read, and how their places compare.</summary>
public sealed class ServerFactsTests
{
    private const string A = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
    private const string B = "77d1902c-01da-11f1-9a41-908d6e5f6e8d";

    private static MySqlEndpoint Endpoint => new() { Host = "db", User = "leat" };

    [Theory]
    [InlineData("10.11.6-MariaDB-log")]
    [InlineData("10.5.0-MariaDB")]
    [InlineData("11.8.2-MariaDB-ubu2404")]
    [InlineData("5.6.24-log")]
    [InlineData("8.0.36")]
    [InlineData("8.4.11-11")]
    [InlineData("9.7.0")]
    public void Every_server_of_today_can_be_read(string version) => Assert.Null(MySqlErrors.VersionThatStops("shop", Endpoint, Server(version)));

    [Theory]
    [InlineData("10.4.33-MariaDB")]
    [InlineData("5.5.62")]
    [InlineData("5.1.73-log")]
    [InlineData("proxy")]
    public void Servers_that_are_too_old_are_refused(string version) => Assert.Equal(
        $"Source 'shop': db:3306 is '{version}'; Leat reads MariaDB 10.5 and MySQL 5.6 or newer. Connect to one of those, or to a replica of this server that is newer. [LEAT-4040]",
        MySqlErrors.VersionThatStops("shop", Endpoint, Server(version))?.Message);

    [Fact]
    public void TiDB_is_refused_with_the_reason() => Assert.Equal(
        "Source 'shop': db:3306 is TiDB ('8.0.11-TiDB-v8.5.1'), which has no binlog that a replica could ask for. TiDB can be a target, not a source; its own changefeeds (TiCDC) write to "
        + "MySQL and MariaDB, which can be captured. [LEAT-4059]", MySqlErrors.VersionThatStops("shop", Endpoint, Server("8.0.11-TiDB-v8.5.1"))?.Message);

    [Theory]
    [InlineData($"{{\"server_id\":1,\"server_uuid\":\"{A}\",\"gtid\":\"{A}:1-42,{A}:blue:7\",\"file\":\"bin.000002\",\"offset\":5000000000,\"event\":\"4999999969:00abcdef\"}}")]
    [InlineData($"{{\"server_id\":1,\"server_uuid\":\"{A}\",\"gtid\":\"\",\"file\":\"\",\"offset\":0}}")]
    [InlineData($"{{\"server_id\":1,\"server_uuid\":\"{A}\",\"file\":\"bin.000002\",\"offset\":120}}")]
    public void A_position_of_MySQL_is_read_and_written_alike(string text)
    {
        Assert.True(MySqlPosition.TryParse(text, out var position));
        Assert.Equal(text, position.ToString());
    }

    [Theory]
    [InlineData($"{{\"server_id\":1,\"server_uuid\":\"{A}\",\"gtid\":\"{A}\"}}")]
    [InlineData($"{{\"server_id\":1,\"server_uuid\":\"{A}\"}}")] // neither GTIDs nor a file
    [InlineData("{\"server_id\":1,\"file\":\"bin.000001\",\"offset\":4}")] // of MariaDB, which always has GTIDs
    [InlineData("{\"server_id\":1,\"gtid\":\"0-1-2\",\"event\":\"12\"}")]
    public void What_names_no_place_is_no_position(string text) => Assert.False(MySqlPosition.TryParse(text, out _));

    [Fact]
    public void A_position_from_before_there_were_others_is_still_understood()
    {
        Assert.True(MySqlPosition.TryParse("{\"gtid\":\"0-1-42\"}", out var position));

        Assert.Equal(("GTID 0-1-42", 0u, ""), (position.Place, position.ServerId, position.ServerUuid));
    }

    [Theory]
    [InlineData("0-1-42", "0-1-42", true)]
    [InlineData("0-1-42", "0-2-41", true)]
    [InlineData("0-1-42", "0-1-43", false)]
    [InlineData("0-1-42", "0-1-42,1-1-1", false)]
    [InlineData($"{A}:1-42", $"{A}:1-42", true)]
    [InlineData($"{A}:1-42", $"{A}:43", false)]
    [InlineData($"{A}:1-42", $"{B}:1", false)]
    [InlineData($"{A}:1-42", "0-1-1", false)]
    public void Gtids_decide_whether_a_place_is_reached(string at, string wanted, bool isReached)
    {
        // Files say nothing here: they may be those of two servers.
        Assert.Equal(isReached, Position(at, "bin.000009", 900).HasReached(Position(wanted, "bin.000001", 100)));
    }

    [Theory]
    [InlineData("bin.000002", 100, "bin.000002", 100, true)]
    [InlineData("bin.000002", 100, "bin.000002", 101, false)]
    [InlineData("bin.000002", 5_000_000_000, "bin.000002", 4_999_999_999, true)]
    [InlineData("bin.000010", 4, "bin.000009", 900, true)]
    [InlineData("bin.1000000", 4, "bin.999999", 900, true)]
    [InlineData("bin.999999", 900, "bin.1000000", 4, false)]
    public void Files_decide_where_there_are_no_gtids(string file, long offset, string otherFile, long otherOffset, bool isReached) =>
        Assert.Equal(isReached, Unnamed(A, file, offset).HasReached(Unnamed(A, otherFile, otherOffset)));

    [Fact]
    public void Files_of_two_servers_are_never_compared() => Assert.False(Unnamed(A, "bin.000009", 900).HasReached(Unnamed(B, "bin.000001", 4)));

    private static ServerHandshake Server(string version) => new(version, 1, 0, [], "");

    private static MySqlPosition Position(string gtids, string file, long offset)
    {
        Assert.True(Connectors.MySql.Binlog.Gtids.TryParse(gtids, out var read));
        var position = new MySqlPosition { Gtids = read };
        position.SetFile(file, offset);
        return position;
    }

    private static MySqlPosition Unnamed(string uuid, string file, long offset)
    {
        var position = new MySqlPosition { Gtids = null };
        position.SetServerUuid(uuid);
        position.SetFile(file, offset);
        return position;
    }
}
