using Mono.Cecil;
using Mono.Cecil.Cil;
using Xunit;

namespace Leat.Tests.Tidy;

/// <summary>Calls that the product must not make, looked for in the built assemblies, where no spelling hides them.</summary>
public sealed class CallTests
{
    private static readonly string[] Assemblies =
        ["Leat.Changes", "Leat.Log", "Leat.Transform", "Leat.Connectors", "Leat.Pipeline", "Leat.Server", "leat"];

    private static readonly (string Type, string Method, int? Parameters, string Why)[] Banned =
    [
        ("System.IO.FileStream", "Flush", 1, "hides failures of fsync; the log's own disk checks them"),
        ("System.IO.RandomAccess", "FlushToDisk", null, "hides failures of fsync; the log's own disk checks them"),
        ("System.DateTime", "get_Now", null, "time comes from TimeProvider"),
        ("System.DateTime", "get_UtcNow", null, "time comes from TimeProvider"),
        ("System.DateTime", "get_Today", null, "time comes from TimeProvider"),
        ("System.DateTimeOffset", "get_Now", null, "time comes from TimeProvider"),
        ("System.DateTimeOffset", "get_UtcNow", null, "time comes from TimeProvider"),
        ("System.Environment", "get_TickCount", null, "time comes from TimeProvider"),
        ("System.Environment", "get_TickCount64", null, "time comes from TimeProvider"),
        ("System.Diagnostics.Stopwatch", "StartNew", null, "time comes from TimeProvider"),
        ("System.Diagnostics.Stopwatch", "GetTimestamp", null, "time comes from TimeProvider"),
        ("System.Diagnostics.Stopwatch", ".ctor", null, "time comes from TimeProvider"),
        ("System.Threading.Thread", "Sleep", null, "waiting is for events, or through TimeProvider"),
        ("System.Threading.Tasks.Task", "Wait", null, "blocks a thread"),
        ("System.Threading.Tasks.Task", "WaitAll", null, "blocks a thread"),
        ("System.Threading.Tasks.Task", "WaitAny", null, "blocks a thread"),
        ("System.Threading.Tasks.Task`1", "get_Result", null, "blocks a thread"),
        ("System.Threading.Tasks.ValueTask`1", "get_Result", null, "blocks a thread"),
        ("System.Runtime.CompilerServices.TaskAwaiter", "GetResult", null, "blocks a thread"),
        ("System.Runtime.CompilerServices.TaskAwaiter`1", "GetResult", null, "blocks a thread"),
        ("System.Runtime.CompilerServices.ValueTaskAwaiter", "GetResult", null, "blocks a thread"),
        ("System.Runtime.CompilerServices.ValueTaskAwaiter`1", "GetResult", null, "blocks a thread"),
        ("System.Random", "get_Shared", null, "chance comes through a seam, so that a run can be repeated by its seed"),
        ("System.Guid", "NewGuid", null, "chance comes through a seam, so that a run can be repeated by its seed"),
        ("System.Environment", "Exit", null, "ends the process without draining"),
        ("System.Environment", "FailFast", null, "ends the process without draining"),
        ("System.GC", "Collect", null, "hides who holds on to memory"),
    ];

    // Outermost type and call, with the reason why it is right there.
    private static readonly Dictionary<(string Type, string Call), string> Allowed = new()
    {
        [("Program", "TaskAwaiter.GetResult")] = "what the compiler makes of a Main that awaits",
        [("Leat.Signals", "Environment.Exit")] = "the second signal means at once",
        [("Leat.Demo.FreePorts", "Random.Shared")] = "any free port will do; no run depends on which",
        [("Leat.Demo.PrivateMariaDb", "Guid.NewGuid")] = "the name of a socket that lives as long as its server",
    };

    // The terminal itself, and the one question that is ever asked on it.
    private static readonly string[] MayTouchConsole = ["Leat.Terminal", "Leat.Demo.DemoPreparation"];

    [Fact]
    public void No_banned_call_in_the_product()
    {
        var found = from call in Calls()
                    where !Allowed.ContainsKey((call.Outer, call.Short))
                    select $"{call.Place} calls {call.Short}: {call.Why}";

        Source.None(found.Distinct().Order());
    }

    [Fact]
    public void Every_exception_to_the_rule_is_still_needed()
    {
        var used = Calls().Select(call => (call.Outer, call.Short)).ToHashSet();

        Source.None(Allowed.Keys.Except(used).Select(unused => $"{unused.Item1} does not call {unused.Item2}"));
    }

    [Fact]
    public void Only_the_terminal_touches_the_console()
    {
        var found = from use in Uses()
                    where use.Target.DeclaringType.FullName == "System.Console" && !MayTouchConsole.Contains(use.Outer)
                    select $"{use.Outer} calls Console.{use.Target.Name}";

        Source.None(found.Distinct().Order());
    }

    [Fact]
    public void Every_assembly_was_looked_at() =>
        Assert.All(Assemblies, name => Assert.Contains(Uses(), use => use.Assembly == name));

    private static IEnumerable<(string Outer, string Place, string Short, string Why)> Calls() =>
        from use in Uses()
        from ban in Banned
        where use.Target.Name == ban.Method && use.Target.DeclaringType.GetElementType().FullName == ban.Type
              && (ban.Parameters is null || ban.Parameters == use.Target.Parameters.Count)
              && !(use.Target.Name == "GetResult" && use.Place.EndsWith(".MoveNext", StringComparison.Ordinal)) // what `await` compiles to
        select (use.Outer, use.Place, $"{ban.Type[(ban.Type.LastIndexOf('.') + 1)..].Split('`')[0]}.{ban.Method.Replace("get_", "", StringComparison.Ordinal)}", ban.Why);

    private static IEnumerable<(string Assembly, string Outer, string Place, MethodReference Target)> Uses()
    {
        foreach (var name in Assemblies)
        {
            using var module = ModuleDefinition.ReadModule(Path.Combine(AppContext.BaseDirectory, $"{name}.dll"));
            foreach (var type in module.GetTypes())
            {
                foreach (var method in type.Methods.Where(method => method.HasBody))
                {
                    foreach (var instruction in method.Body.Instructions)
                    {
                        if (instruction.OpCode.FlowControl == FlowControl.Call && instruction.Operand is MethodReference target)
                            yield return (name, Outermost(type).FullName, $"{type.FullName}.{method.Name}", target);
                    }
                }
            }
        }
    }

    private static TypeDefinition Outermost(TypeDefinition type) => type.DeclaringType is null ? type : Outermost(type.DeclaringType);
}
