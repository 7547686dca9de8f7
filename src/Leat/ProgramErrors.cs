using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Connectors.MySql.Offline;
using Leat.Log;
using Leat.Pipeline.Definitions;

namespace Leat;

/// <summary>What can go wrong in the program itself. Codes 5000 to 5199, without 5010 to 5019, which are the server's.</summary>
public static class ProgramErrors
{
    /// <summary>A defect: an exception that nobody foresaw.</summary>
    public static LeatException Defect(Exception cause) => new(
        new(5000), $"Leat failed in a way that it does not know: {cause.GetType().Name}: {cause.Message.TrimEnd('.')}.",
        "This is a defect. Please report it with the output of the same command and --log-level debug.", cause);

    /// <summary>A failure of the log, in its own words.</summary>
    public static LeatException OfLog(LogException error) => new(new(error.Code), error.What, error.Remedy, error);

    /// <summary>A command line that is not understood.</summary>
    public static LeatException Usage(string what, string remedy) => new(new(5001), what, remedy);

    /// <summary>An error code that does not exist.</summary>
    public static LeatException UnknownCode(string written, string? nearest) => new(
        new(5003), $"'{written}' is not an error of Leat.",
        nearest is null ? "Run 'leat explain' for a list of all." : $"Did you mean '{nearest}'? Run 'leat explain' for a list of all.");

    /// <summary>A name that the configuration does not have.</summary>
    public static LeatException UnknownName(string file, string what, string written, string? nearest, IEnumerable<string> known) => new(
        new(5004), $"{file} has no {what} '{written}'.",
        nearest is null ? $"It has: {string.Join(", ", known)}." : $"Did you mean '{nearest}'?");

    /// <summary>Several to choose from and none chosen.</summary>
    public static LeatException Choose(string file, string what, string option, IEnumerable<string> known) => new(
        new(5005), $"{file} has several {what}s.", $"Choose one with {option}: {string.Join(", ", known)}.");

    /// <summary>A pipeline wants a table that its source does not capture.</summary>
    public static Finding TableNotCaptured(PipelineDefinition pipeline, TableRule rule, IReadOnlyList<TableSchema> captured)
    {
        var names = captured.Select(schema => schema.Table.ToString()).ToArray();
        var nearest = rule.Pattern is null ? Nearest.Of(rule.Table.ToString(), names) : null;
        var wanted = rule.Pattern is { } pattern ? $"wants tables like {pattern.Expression}, of which source '{pipeline.From}' captures none" : $"wants the table {rule.Table}, which source '{pipeline.From}' does not capture";
        return Finding.Error(
            new(5002), "tables", $"Pipeline '{pipeline.Name}' {wanted}.",
            nearest is not null ? $"Did you mean '{nearest}'?" : $"Add it to the source's 'tables:'. Captured are: {string.Join(", ", names)}.") with { Location = rule.Location };
    }

    /// <summary>A new file would replace one that is there.</summary>
    public static LeatException FileExists(string file) => new(
        new(5120), $"{file} is there already, and is left as it is.", "Name another file with --output, or remove this one first.");

    /// <summary>A new file cannot be written.</summary>
    public static LeatException FileNotWritten(string file, Exception cause) => new(
        new(5121), $"{file} cannot be written: {cause.Message.TrimEnd('.')}.", "Name a file in a folder that exists and that this account may write to, or leave --output out.", cause);

    /// <summary>The log's folder cannot be written to.</summary>
    public static LeatException LogNotWritable(string folder, string problem) => new(
        new(5122), $"The log cannot be kept in {folder}: {problem}.", "Give Leat's user the right to write there, or name another folder as `log: { folder: … }`.");

    /// <summary>There is too little space for the log to take anything.</summary>
    public static Finding LittleSpace(string folder, long freeBytes, long neededBytes) => Finding.Warning(
        new(5123), "space", $"Only {Units.About(freeBytes)} are free on the disk of {folder}; capture waits while there are less than {Units.About(neededBytes)} (twice `reserve`).",
        "Make room there, name a folder on another disk as `log: { folder: … }`, or make `log: { reserve: … }` smaller.");

    /// <summary>Deleted rows shall stay at the target, but the source does not tell them whole.</summary>
    public static Finding SoftDeleteOfPartialRows(TableRule rule) => Finding.Warning(
        new(5124), "soft_delete", $"Table '{rule.Alias}' keeps deleted rows (`soft_delete`), but with the server's binlog_row_image a delete does not tell its whole row: the pipeline is Blocked at the first one.",
        "SET GLOBAL binlog_row_image = FULL; and binlog_row_image = FULL in the server's configuration; open sessions keep theirs until they end.") with { Location = rule.Location };

    /// <summary>No running Leat at the address.</summary>
    public static LeatException NothingListens(Uri server, string why, Exception? cause) => new(
        new(5020), $"No Leat answers at {server}: {why}.",
        "Start one with 'leat run FILE', or name another address with --server.", cause);

    /// <summary>Something listens that is not Leat, or another version.</summary>
    public static LeatException NotLeat(Uri server, string why, Exception? cause) => new(
        new(5021), $"What answers at {server} is not a Leat that this program understands: {why}.",
        "Name the address that 'leat run' printed with --server, and use the same version of both.", cause);

    /// <summary>The running Leat does not do what was asked of it.</summary>
    public static LeatException SnapshotRefused(string source, string why) => new(
        new(5090), $"Tables of source '{source}' are not read again: {why}", "The running Leat gave the reason above; its log has more.");

    /// <summary>The running Leat does not do what was asked of a pipeline.</summary>
    public static LeatException PipelineRequestRefused(string pipeline, string why) => new(
        new(5095), $"What was asked of pipeline '{pipeline}' is not done: {why}", "The running Leat gave the reason above; its log has more.");

    /// <summary>No dead letters are named.</summary>
    public static LeatException NoLettersNamed(string command) => new(
        new(5096), $"'leat dlq {command}' is not told which dead letters are meant.", "Name them by number, or give --cause, --table or --all. 'leat dlq list PIPELINE' shows what there is.");

    /// <summary>A number that is no dead letter of the pipeline.</summary>
    public static LeatException NoSuchLetter(string pipeline, long id) => new(
        new(5097), $"Pipeline '{pipeline}' has no dead letter {id}.", "'leat dlq show PIPELINE --all' lists them with their numbers.");

    /// <summary>A record in the dead-letter stream that is none.</summary>
    public static LeatException LetterUnreadable(string pipeline, long offset, string why) => new(
        new(5098), $"The record at offset {offset} of stream '{pipeline}.deadletters' cannot be read: {why}", "Use the version of Leat that wrote it. If 'leat log verify' finds nothing, report it.");

    /// <summary>Nothing says which log is meant.</summary>
    public static LeatException LogNotNamed(string file) => new(
        new(5060), $"No log is named, and there is no {file} here that names one.", "Name its folder with --log FOLDER, or a configuration file with --file FILE.");

    /// <summary>Two things say which log is meant.</summary>
    public static LeatException LogNamedTwice() => new(
        new(5061), "--log and --file both name a log.", "Give one of them: --file takes the folder from the configuration file.");

    /// <summary>A place in a stream that is neither an offset nor a time.</summary>
    public static LeatException NoPlace(string option, string written) => new(
        new(5062), $"{option}: '{written}' is neither an offset nor a time.", "Give an offset such as 4711, or a time such as 2026-01-31T12:00:00Z (UTC when no zone is given).");

    /// <summary>A record in a source's stream that cannot be shown as a change.</summary>
    public static LeatException NotAChange(string stream, long offset, string why) => new(
        new(5063), $"The record at offset {offset} of stream {stream} cannot be shown as a change: {why}", "Use --raw to see its bytes. If 'leat log verify' finds nothing, report it.");

    /// <summary>A file that cannot be opened.</summary>
    public static LeatException BinlogNotOpened(string file, string why, Exception cause) => new(
        new(5070), $"{file} cannot be read: {why}", "Name a binlog file that this account may read, or - for standard input.", cause);

    /// <summary>A binlog that cannot be read on.</summary>
    public static LeatException Binlog(BinlogFileException error) => error.Fault switch
    {
        BinlogFileFault.NotBinlog => new(
            new(5071), $"{error.File} is no binlog file: {error.Message}.", "Name files such as bin.000001, as they lie in the server's data folder. A relay log is one too.", error),
        BinlogFileFault.Encrypted => new(
            new(5072), $"{error.File} cannot be decoded: {error.Message}, and only the server has the key.",
            "Have the server decrypt it: mariadb-binlog (or mysqlbinlog) --read-from-remote-server --raw writes a file that can be decoded.", error),
        BinlogFileFault.CutOff => new(
            new(5073), $"{error.File} is cut off at offset {error.Offset}: {error.Message}.", "All before it was decoded. Copy the file again, whole.", error),
        _ => new(
            new(5074), $"{error.File} cannot be decoded at offset {error.Offset}: {error.Message.TrimEnd('.')}.",
            "All before it was decoded. Compare with mariadb-binlog --verify-binlog-checksum; when that finds the file whole, report it.", error),
    };

    /// <summary>A pattern of tables that is none.</summary>
    public static LeatException NoPattern(string option, string written) => new(
        new(5075), $"{option}: '{written}' names no table.", "Write database.table; a star stands for any letters: shop.orders, shop.*, *.orders_*.");

    /// <summary>An option that another one leaves without a meaning.</summary>
    public static LeatException OptionsDiffer(string option, string other) => new(
        new(5076), $"{option} has no meaning with {other}.", "Leave one of them out.");

    /// <summary>Documents of changes were asked for of a stream that holds none.</summary>
    public static LeatException NoChanges(string stream) => new(
        new(5077), $"Stream {stream} holds no changes, so there is nothing to print in another program's form.", "Name a source's stream ('leat log streams' lists them), or leave --format out.");

    /// <summary>A prepared transaction commits whose rows were read by an earlier run, which kept no log.</summary>
    public static PauseException PreparedBefore(ReadOnlySpan<byte> name) => new(
        new(5078), $"The transaction {System.Text.Encoding.UTF8.GetString(name)} was prepared (XA PREPARE) before the position at which this capture began, and its rows are kept nowhere.",
        "Begin at a position before it was prepared, or after it was committed. 'leat run' keeps such rows in its log.");
}
