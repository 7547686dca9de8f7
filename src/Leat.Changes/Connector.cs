using Leat.Changes.Configuration;

namespace Leat.Changes;

/// <summary>Opens a source or sink whose settings were read and found right.</summary>
public delegate T Opener<out T>(ConnectorContext context);

/// <summary>A kind of source: the key under a source's name, e.g. <c>mysql</c>, and how its settings are read.</summary>
/// <param name="Name">The key in the configuration file.</param>
/// <param name="Read">Reads the block (noting all problems, and <see cref="ConfigReader.Done"/>) and returns how to open it.</param>
public sealed record SourceKind(string Name, Func<ConfigReader, Opener<ISource>> Read);

/// <summary>A kind of sink: the key under <c>sink:</c>, e.g. <c>redis</c>, and how its settings are read.</summary>
/// <param name="Name">The key in the configuration file.</param>
/// <param name="Read">Reads the block (noting all problems, and <see cref="ConfigReader.Done"/>) and returns how to open it.</param>
public sealed record SinkKind(string Name, Func<ConfigReader, Opener<ISink>> Read);
