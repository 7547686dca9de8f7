using Leat.Pipeline;
using Xunit;

namespace Leat.Tests.Pipeline;

public sealed class TurnTests
{
    [Fact]
    public async Task Lets_in_one_after_the_other_in_the_order_in_which_they_came()
    {
        var turn = new Turn();
        await turn.WaitAsync(CancellationToken.None);
        var second = turn.WaitAsync(CancellationToken.None).AsTask();
        var third = turn.WaitAsync(CancellationToken.None).AsTask();

        Assert.False(second.IsCompleted);
        turn.Release();
        await second;
        Assert.False(third.IsCompleted);
        turn.Release();
        await third;
        turn.Release();
        await turn.WaitAsync(CancellationToken.None);
    }

    [Fact]
    public async Task Passes_over_who_has_given_up()
    {
        var turn = new Turn();
        await turn.WaitAsync(CancellationToken.None);
        using var impatient = new CancellationTokenSource();
        var gone = turn.WaitAsync(impatient.Token).AsTask();
        var patient = turn.WaitAsync(CancellationToken.None).AsTask();
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);

        turn.Release();
        await patient;
    }
}
