using Leat.IntegrationTests.Log;
using Xunit.Runner.InProc.SystemConsole;

// The tests, or what a test runs as a process of its own so that it can be killed.
return args is [LogScenario.Argument, var folder] ? LogScenario.Run(folder, Console.Out) : await ConsoleRunner.Run(args);
