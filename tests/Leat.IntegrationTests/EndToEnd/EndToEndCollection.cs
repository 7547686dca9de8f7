using Xunit;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>Whole programs and three servers at a time: one after the other, and beside nothing else.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public static class EndToEndCollection
{
    /// <summary>Name of the collection.</summary>
    public const string Name = "end to end";
}
