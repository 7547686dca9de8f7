using System.Text.Json.Nodes;
using Leat.Changes;
using Leat.Output;
using Leat.Pipeline.Compare;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Status;
using Microsoft.Extensions.Logging;

namespace Leat.Demo;

/// <summary>The check at the end of a timed demo: every target against its source, row by row.</summary>
internal sealed class DemoVerdict(LeatFile file, ILoggerFactory loggers, Terminal terminal, bool json)
{
}
