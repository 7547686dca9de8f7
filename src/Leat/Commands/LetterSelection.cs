using System.CommandLine;
using Leat.Pipeline.Letters;

namespace Leat.Commands;

/// <summary>The arguments that say which dead letters are meant.</summary>
internal sealed class LetterSelection
{
    private readonly Argument<long[]> _ids = new("letter") { Description = "Numbers of letters.", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<string?> _cause = new("--cause") { Description = "Those of this cause, as 'leat dlq list' shows it.", HelpName = "CAUSE" };
    private readonly Option<string?> _table = new("--table") { Description = "Those of this table, by its name in the pipeline.", HelpName = "TABLE" };
    private readonly Option<bool> _all = new("--all") { Description = "All of them." };

    /// <summary>Adds them to a command.</summary>
    public LetterSelection(Command command)
    {
        command.Arguments.Add(_ids);
        foreach (var option in (Option[])[_cause, _table, _all])
            command.Options.Add(option);
    }

    /// <summary>The letters meant.</summary>
    /// <param name="context">The command.</param>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="book">Its letters.</param>
    /// <param name="ended">Whether those that have ended are meant, too, when no number names them.</param>
    /// <exception cref="Changes.LeatException">None are named, or one that there is not.</exception>
    public IReadOnlyList<Letter> Of(CommandContext context, string pipeline, LetterBook book, bool ended)
    {
        var (ids, cause, table) = (context.Parse.GetValue(_ids) ?? [], context.Parse.GetValue(_cause), context.Parse.GetValue(_table));
        if (ids.Length > 0)
            return [.. ids.Distinct().Select(id => book.Find(id) ?? throw ProgramErrors.NoSuchLetter(pipeline, id))];
        if (cause is null && table is null && !context.Parse.GetValue(_all))
            throw ProgramErrors.NoLettersNamed(context.Command);
        return
        [
            .. book.Letters.Where(letter => (ended || letter.State == LetterState.Open)
                && (cause is null || letter.Cause == cause) && (table is null || letter.Alias == table)),
        ];
    }
}
