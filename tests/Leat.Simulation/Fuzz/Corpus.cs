namespace Leat.Simulation.Fuzz;

/// <summary>Inputs kept in a file: one a line in base64; lines that start with # say where it came from.</summary>
internal static class Corpus
{
    public static List<byte[]> Read(string file) =>
        File.Exists(file)
            ? [.. File.ReadLines(file).Where(line => line.Length > 0 && line[0] != '#').Select(line => line == "-" ? [] : Convert.FromBase64String(line))]
            : [];

    public static string TextOf(byte[] input) => input.Length == 0 ? "-" : Convert.ToBase64String(input);

    public static void Write(string file, IEnumerable<string> inputs)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file) ?? ".");
        File.WriteAllLines(file, inputs);
    }
}
