using Leat.Changes;
using Xunit;

namespace Leat.Tests.Commands;

public sealed class ExitCodeTests
{
    [Theory]
    [InlineData(1205, ExitCodes.Usage)] // a condition that does not fit
    [InlineData(3020, ExitCodes.Usage)] // a table that is not captured
    [InlineData(4034, ExitCodes.Usage)] // a position that is none
    [InlineData(4211, ExitCodes.Usage)] // settings of a sink that do not fit the tables
    [InlineData(4221, ExitCodes.Environment)] // a server that lacks something
    [InlineData(4303, ExitCodes.Usage)]
    [InlineData(4524, ExitCodes.Usage)]
    [InlineData(4534, ExitCodes.Environment)]
    [InlineData(2001, ExitCodes.Environment)] // the log folder is in use
    [InlineData(4001, ExitCodes.Environment)] // MySQL, Redis, Elasticsearch, PostgreSQL that do not answer or let in
    [InlineData(4204, ExitCodes.Environment)]
    [InlineData(4500, ExitCodes.Environment)]
    [InlineData(4601, ExitCodes.Environment)]
    [InlineData(5122, ExitCodes.Environment)]
    [InlineData(5000, ExitCodes.Failed)]
    public void The_kind_of_an_error_is_the_exit_code(int code, int exitCode) => Assert.Equal(exitCode, ExitCodes.For(new ErrorCode(code)));
}
