namespace Leat.Pipeline.Definitions;

/// <summary>What a configuration file may refer to: environment variables and files. A seam, so that tests need neither.</summary>
/// <param name="Variable">Value of an environment variable, or <see langword="null"/> when it is not set.</param>
/// <param name="ReadFile">Text of a file; throws <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/> when it cannot be read.</param>
public sealed record ConfigEnvironment(Func<string, string?> Variable, Func<string, string> ReadFile)
{
    /// <summary>The variables of this process and the files of this machine.</summary>
    public static ConfigEnvironment Process { get; } = new(Environment.GetEnvironmentVariable, File.ReadAllText);
}
