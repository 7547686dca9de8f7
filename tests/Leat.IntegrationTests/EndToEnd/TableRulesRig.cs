using System.Globalization;
using Leat.Changes;
using Leat.Demo;
using Xunit;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>A MariaDB whose databases are copied into another database of it, by rules that a test writes.</summary>
internal sealed class TableRulesRig : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly Dictionary<string, string> NoEnvironment = [];

    private readonly string _folder;
    private readonly PrivateMariaDb _server;
    private readonly int _port = FreePorts.Next();
    private LeatProcess? _leat;

    private TableRulesRig(string folder, PrivateMariaDb server) => (_folder, _server) = (folder, server);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private string File => Path.Combine(_folder, "leat.yaml");

    private LeatProcess Running => _leat ?? throw new InvalidOperationException("not started");

    /// <summary>Starts the server and makes what shall be there.</summary>
    public static async Task<TableRulesRig> StartAsync(string sql)
    {
        var rig = new TableRulesRig(TestRunFolder.New(), await TestServers.MariaDbAsync());
        await rig.RunAsync("CREATE USER leat@'%' IDENTIFIED BY 'leat'; GRANT ALL ON *.* TO leat@'%'");
        await rig.RunAsync(sql);
        return rig;
    }

    /// <summary>Runs SQL.</summary>
    public Task RunAsync(string sql) => _server.ExecuteAsync(sql, Cancelled);

    /// <summary>Starts Leat with these rules, the lines below <c>tables:</c>.</summary>
    public async Task StartLeatAsync(string tables)
    {
        var server = $"host: 127.0.0.1, port: {_server.Port.ToString(CultureInfo.InvariantCulture)}, user: leat, password: leat";
        await System.IO.File.WriteAllTextAsync(
            File,
            $$"""
            log: { folder: "{{Path.Combine(_folder, "log")}}" }
            sources:
              shop: { mysql: { {{server}}, tables: ["shop*.*"] } }
            pipelines:
              copy:
                from: shop
                tables:
            {{string.Join('\n', tables.Split('\n').Select(line => "      " + line))}}
                sink: { mysql: { {{server}}, database: copy, schema: evolve } }
            """,
            Cancelled);
        _leat = LeatProcess.Run(File, _port, NoEnvironment);
    }

    /// <summary>Stops Leat in order.</summary>
    public async Task StopLeatAsync()
    {
        var (code, _, error) = await Running.StopAsync(Cancelled);
        Assert.True(code == 0, error);
        await Running.DisposeAsync();
        _leat = null;
    }

    /// <summary>Waits until a query at the target gives these rows: columns separated by spaces, rows by a comma and a space.</summary>
    public async Task UntilAsync(string query, string expected)
    {
        var found = "";
        for (var look = 0; look < 600; look++)
        {
            var status = await Running.WaitForStatusAsync(_ => true, Limit, Cancelled);
            found = await LookAsync(query);
            if (found == expected)
                return;
            Assert.True(status.GetProperty("pipelines")[0].GetProperty("state").GetString() != "blocked", $"{status.GetProperty("pipelines")[0]}");
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Cancelled);
        }

        Assert.Equal(expected, found);
    }

    /// <summary>Waits until the pipeline is Blocked, and gives the reason.</summary>
    public async Task<string> BlockedAsync()
    {
        var status = await Running.WaitForStatusAsync(now => now.GetProperty("pipelines")[0].GetProperty("state").GetString() == "blocked", Limit, Cancelled);
        return status.GetProperty("pipelines")[0].GetProperty("reason").GetString() ?? "";
    }

    /// <summary>Runs <c>leat compare</c> until the copy is equal; the last comparison says where it is not.</summary>
    public async Task EqualAsync()
    {
        var (code, output, error) = (-1, "", "");
        for (var attempt = 0; code != 0 && attempt < 5; attempt++)
            (code, output, error) = await LeatProcess.RunToEndAsync(NoEnvironment, Cancelled, "compare", File, "--server", $"http://127.0.0.1:{_port.ToString(CultureInfo.InvariantCulture)}");
        Assert.True(code == 0, output + error);
    }

    public async ValueTask DisposeAsync()
    {
        if (_leat is not null)
            await _leat.DisposeAsync();
        await _server.DisposeAsync();
    }

    // Before the target is prepared its tables and columns are not there.
    private async Task<string> LookAsync(string query)
    {
        try
        {
            return string.Join(", ", (await _server.QueryAsync(query, Cancelled)).Select(row => string.Join(' ', row)));
        }
        catch (LeatException notYet)
        {
            return notYet.Message;
        }
    }
}
