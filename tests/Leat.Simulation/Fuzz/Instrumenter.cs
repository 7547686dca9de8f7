using Mono.Cecil;
using Mono.Cecil.Cil;
using Mono.Cecil.Rocks;

namespace Leat.Simulation.Fuzz;

/// <summary>Rewrites an assembly so that every basic block of its code tells <see cref="Coverage"/> that it runs.</summary>
internal static class Instrumenter
{
    /// <summary>The rewritten assembly's bytes.</summary>
    public static byte[] Instrument(string path)
    {
        using var resolver = new DefaultAssemblyResolver();
        resolver.AddSearchDirectory(Path.GetDirectoryName(path));
        resolver.AddSearchDirectory(Path.GetDirectoryName(typeof(object).Assembly.Location));
        using var assembly = AssemblyDefinition.ReadAssembly(path, new() { AssemblyResolver = resolver, InMemory = true });
        var module = assembly.MainModule;
        var enter = module.ImportReference(typeof(Coverage).GetMethod(nameof(Coverage.Enter)));
        var hit = module.ImportReference(typeof(Coverage).GetMethod(nameof(Coverage.Hit)));
        var block = 0;
        foreach (var method in module.GetTypes().SelectMany(type => type.Methods).Where(method => method.HasBody))
            Instrument(method.Body, enter, hit, ref block);
        using var written = new MemoryStream();
        assembly.Write(written);
        return written.ToArray();
    }

    private static void Instrument(MethodBody body, MethodReference enter, MethodReference hit, ref int block)
    {
        body.SimplifyMacros();
        var first = body.Instructions[0];
        foreach (var leader in Leaders(body).ToArray())
        {
            // The leader itself becomes the first inserted instruction, so that every jump to it comes by.
            var moved = Instruction.Create(OpCodes.Nop);
            (moved.OpCode, moved.Operand) = (leader.OpCode, leader.Operand);
            (leader.OpCode, leader.Operand) = (OpCodes.Ldc_I4, NumberOf(block++));
            var processor = body.GetILProcessor();
            processor.InsertAfter(leader, moved);
            processor.InsertAfter(leader, Instruction.Create(OpCodes.Call, leader == first ? enter : hit));
        }

        body.OptimizeMacros();
    }

    // Spread over the map: neighbouring numbers would make pairs that fall on the same cell.
    private static int NumberOf(int block) => (int)(((uint)block * 2654435761u) >> 13) & (Coverage.Cells - 1);

    private static HashSet<Instruction> Leaders(MethodBody body)
    {
        var leaders = new HashSet<Instruction> { body.Instructions[0] };
        foreach (var instruction in body.Instructions)
        {
            if (instruction.Operand is Instruction target)
                leaders.Add(target);
            else if (instruction.Operand is Instruction[] targets)
                leaders.UnionWith(targets);
            if (instruction.OpCode.FlowControl == FlowControl.Cond_Branch && instruction.Next is not null)
                leaders.Add(instruction.Next);
        }

        foreach (var handler in body.ExceptionHandlers)
        {
            leaders.Add(handler.HandlerStart);
            if (handler.FilterStart is not null)
                leaders.Add(handler.FilterStart);
        }

        return leaders;
    }
}
