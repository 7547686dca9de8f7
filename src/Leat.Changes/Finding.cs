namespace Leat.Changes;

/// <summary>How much a finding matters.</summary>
public enum Severity
{
    /// <summary>Looked at, and right.</summary>
    Ok = 0,

    /// <summary>Works, but somebody should know.</summary>
    Warning = 1,

    /// <summary>Leat will not run until this is mended.</summary>
    Error = 2,
}

/// <summary>A place in a configuration file. Lines and columns count from 1; 0 means the whole file.</summary>
public readonly record struct FileLocation(string File, int Line, int Column)
{
    /// <summary><c>file:line:column</c>, as editors and terminals understand it.</summary>
    public override string ToString() => Line == 0 ? File : FormattableString.Invariant($"{File}:{Line}:{Column}");
}

/// <summary>One answer of <c>leat check</c>: what was looked at, what was found, and what to do.</summary>
public sealed record Finding
{
    /// <summary>Whether it stops Leat from running.</summary>
    public required Severity Severity { get; init; }

    /// <summary>What was looked at, in two or three words: <c>grants</c>, <c>binlog_format</c>.</summary>
    public required string Check { get; init; }

    /// <summary>What was found; a whole sentence, naming server, setting, table or key.</summary>
    public required string Message { get; init; }

    /// <summary>What to do next, with the statement to paste where there is one; <see langword="null"/> when all is well.</summary>
    public string? Remedy { get; init; }

    /// <summary>Number of the error; <see langword="null"/> when all is well.</summary>
    public ErrorCode? Code { get; init; }

    /// <summary>Where in the configuration file; <see langword="null"/> for findings at a server.</summary>
    public FileLocation? Location { get; init; }

    /// <summary>Nothing to do.</summary>
    public static Finding Ok(string check, string message) => new() { Severity = Severity.Ok, Check = check, Message = message };

    /// <summary>Leat runs, but somebody should know.</summary>
    public static Finding Warning(ErrorCode code, string check, string message, string remedy) =>
        new() { Severity = Severity.Warning, Check = check, Message = message, Remedy = remedy, Code = code };

    /// <summary>Leat will not run until this is mended.</summary>
    public static Finding Error(ErrorCode code, string check, string message, string remedy) =>
        new() { Severity = Severity.Error, Check = check, Message = message, Remedy = remedy, Code = code };

    /// <summary>The same words as the exception that running into it would throw.</summary>
    public static Finding Error(string check, LeatException error) => Error(error.Code, check, error.What, error.Remedy);
}
