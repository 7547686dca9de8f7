return await Leat.LeatProgram.RunAsync(args, Leat.Terminal.OfProcess(), CancellationToken.None);
