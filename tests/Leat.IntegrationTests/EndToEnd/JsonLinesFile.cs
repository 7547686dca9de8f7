using System.Text.Json;
using Xunit;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>Reads what the JSON lines sink wrote.</summary>
internal static class JsonLinesFile
{
    /// <summary>Every line is whole, offsets never go back, and no pair of offset and operation stands twice.</summary>
    public static void AssertNothingTwice(string file)
    {
        var seen = new HashSet<(long, string)>();
        var last = -1L;
        foreach (var line in File.ReadLines(file))
        {
            using var document = JsonDocument.Parse(line);
            var offset = document.RootElement.GetProperty("offset").GetInt64();
            var op = document.RootElement.GetProperty("op").GetString() ?? "";
            Assert.True(offset >= last, $"{file}: offset {offset} after {last}");
            Assert.True(seen.Add((offset, op)), $"{file}: offset {offset}, {op} stands twice");
            last = offset;
        }

        Assert.NotEmpty(seen);
    }
}
