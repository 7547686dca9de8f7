using Leat.Changes;

namespace Leat;

/// <summary>What the program tells the shell. Described in docs/operating/cli.md; scripts depend on every number.</summary>
public static class ExitCodes
{
    /// <summary>Done, or stopped in order by one signal.</summary>
    public const int Done = 0;

    /// <summary>A failure while running, or a defect.</summary>
    public const int Failed = 1;

    /// <summary>Wrong usage, or a configuration that is not right.</summary>
    public const int Usage = 2;

    /// <summary>Something that is needed cannot be had: a server, a port, the disk, a lock.</summary>
    public const int Environment = 3;

    /// <summary>The check ran and found differences.</summary>
    public const int Differences = 4;

    /// <summary>Stopped at once by an interrupt (Ctrl-C).</summary>
    public const int Interrupted = 130;

    /// <summary>Stopped at once by a request to terminate.</summary>
    public const int Terminated = 143;

    /// <summary>The code for a failure, by the number of its error.</summary>
    public static int For(Exception failure) => failure switch
    {
        LeatException error => For(error.Code),
        _ => Failed,
    };

    /// <summary>The code for an error by its number: 1000 to 1299 are the configuration, 4000 to 4699 the other side of a connector, but for what the file says of it; of the log, its lock and its disk.</summary>
    public static int For(ErrorCode code) => code.Number switch
    {
        >= 1000 and < 1300 or >= 5100 and < 5110 or >= 5001 and <= 5005 or >= 5060 and <= 5062 or 5071 or >= 5075 and <= 5077 or 5096 or 5097 => Usage,
        2077 or 2079 or 2080 or 2083 => Usage,
        3020 or 3022 or 4034 or 4058 or 4085 or 4087 or 4088 or 4096 or 4400 or 4401 => Usage, // a table, position or condition that somebody wrote, and that is none
        4206 or (>= 4210 and <= 4214) or (>= 4216 and <= 4220) or 4227 or 4302 or 4303 or (>= 4520 and <= 4529) or 4535 or 4536 => Usage, // settings of sinks that do not fit the tables
        2001 or 2002 or 2003 or 2004 or 2016 or 2084 or 2087 => Environment,
        >= 4000 and < 4700 or >= 5010 and < 5030 or >= 5050 and < 5060 or 5070 or 5072 => Environment,
        5120 => Usage,
        5121 or 5122 => Environment,
        _ => Failed,
    };

    /// <summary>The worst of several: usage before environment before failure before differences.</summary>
    public static int Worst(IEnumerable<int> codes)
    {
        int[] worstFirst = [Usage, Environment, Failed, Differences];
        var all = codes.ToHashSet();
        return worstFirst.FirstOrDefault(all.Contains, Done);
    }
}
