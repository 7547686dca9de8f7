namespace Leat.Pipeline.Definitions;

/// <summary>Why a file could not be read, in a few words and without its path, which the message around it names.</summary>
internal static class FileReasons
{
    /// <summary>The reason, as the end of a sentence.</summary>
    public static string Reason(this Exception error) => error switch
    {
        FileNotFoundException or DirectoryNotFoundException => "it does not exist",
        UnauthorizedAccessException => "permission denied, or it is a folder",
        _ => error.Message.TrimEnd('.'),
    };
}
