using System.Globalization;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Leat.Simulation.Delivery;

/// <summary>The whole protocol of delivery through faults and endings of every kind.</summary>
public sealed class DeliverySimulationTests(ITestOutputHelper output)
{
    /// <summary>Seeds of an ordinary run; LEAT_SEEDS asks for more, LEAT_SEED replays one and tells what it logs.</summary>
    private const long OrdinarySeeds = 800;

    private const int Threads = 2;

    [Fact]
    public void Every_change_reaches_the_target_in_order_and_none_is_lost()
    {
        var culture = CultureInfo.InvariantCulture;
        var one = Environment.GetEnvironmentVariable("LEAT_SEED") is { Length: > 0 } text ? long.Parse(text, culture) : 0;
        var count = Environment.GetEnvironmentVariable("LEAT_SEEDS") is { Length: > 0 } many ? long.Parse(many, culture) : OrdinarySeeds;
        var totals = new Totals();
        Parallel.For(one > 0 ? one : 1, (one > 0 ? one : count) + 1, new ParallelOptions { MaxDegreeOfParallelism = Threads }, (seed, loop) =>
        {
            if (!totals.Run((ulong)seed, one > 0 ? new OutputLogger(output) : null))
                loop.Break();
        });
        output.WriteLine(totals.ToString());

        Assert.True(totals.Failed is null, totals.Failed is { } failed ? Explain(failed.Seed, failed.Error) : "");
    }

    [Theory]
    [InlineData(2109)] // a sweep takes away a row whose delete was refused, and the process ends before it says so
    public void A_seed_that_failed_once_passes(ulong seed) => new DeliverySimulation(DeliveryScenario.Of(seed)).Run();

    [Fact]
    public void The_same_seed_gives_the_same_trace()
    {
        for (var seed = 1ul; seed <= 25; seed++)
            Assert.Equal(new DeliverySimulation(DeliveryScenario.Of(seed)).Run(), new DeliverySimulation(DeliveryScenario.Of(seed)).Run());
    }

    private static string Explain(ulong seed, Exception error)
    {
        var (simple, cause) = Simplify(DeliveryScenario.Of(seed), error);
        return $"""
            Seed {seed} failed: {error.Message}
            Replay it with LEAT_SEED={seed}. It takes no more than this to fail:

            {simple}

            which fails with: {cause.Message}

            {error}
            """;
    }

    // Faults are taken out for as long as it still fails.
    private static (DeliveryScenario Scenario, Exception Error) Simplify(DeliveryScenario scenario, Exception error)
    {
        for (var found = true; found;)
        {
            found = false;
            foreach (var simpler in scenario.Simpler())
            {
                if (ErrorOf(simpler) is not { } still)
                    continue;
                (scenario, error, found) = (simpler, still, true);
                break;
            }
        }

        return (scenario, error);
    }

    private static Exception? ErrorOf(DeliveryScenario scenario)
    {
        try
        {
            new DeliverySimulation(scenario).Run();
            return null;
        }
        catch (Exception error)
        {
            return error; // whatever it is, it is what a person shall see
        }
    }

    private sealed class Totals
    {
        private readonly Lock _gate = new();
        private long _seeds, _steps, _requests, _outcomes, _kills, _cuts, _disasters, _redeliveries;

        public (ulong Seed, Exception Error)? Failed { get; private set; }

        public bool Run(ulong seed, ILoggerFactory? loggers)
        {
            try
            {
                var result = new DeliverySimulation(DeliveryScenario.Of(seed), loggers: loggers).Run();
                lock (_gate)
                {
                    _seeds++;
                    _steps += result.Steps;
                    _requests += result.Requests;
                    _outcomes += result.Outcomes;
                    _kills += result.Kills;
                    _cuts += result.Cuts;
                    _disasters += result.Disasters;
                    _redeliveries += result.Redeliveries;
                }

                return true;
            }
            catch (Exception error)
            {
                // Whatever it is: the seed makes it happen again.
                lock (_gate)
                    Failed = Failed is { } other && other.Seed < seed ? Failed : (seed, error);
                return false;
            }
        }

        public override string ToString() => string.Create(
            CultureInfo.InvariantCulture, $"{_seeds} seeds, {_steps} steps, {_requests} requests, {_outcomes} outcomes, {_kills} kills, {_cuts} power cuts, {_disasters} targets and logs lost or put back, {_redeliveries} redeliveries");
    }

    private sealed class OutputLogger(ITestOutputHelper output) : ILoggerFactory, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            output.WriteLine(formatter(state, exception));

        public void Dispose()
        {
        }
    }
}
