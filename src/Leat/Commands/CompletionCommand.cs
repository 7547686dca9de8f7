using System.CommandLine;

namespace Leat.Commands;

/// <summary><c>leat completion SHELL</c>: prints a script that asks the program itself what may follow.</summary>
internal static class CompletionCommand
{
    private const string Bash = """
        # Completion of leat for bash. Load it with:  source <(leat completion bash)
        _leat_complete() {
            local IFS=$'\n'
            COMPREPLY=($(compgen -W "$(leat "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
            [[ ${#COMPREPLY[@]} -gt 0 ]] || COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"))
        }
        complete -o filenames -F _leat_complete leat
        """;

    private const string Zsh = """
        #compdef leat
        # Completion of leat for zsh. Load it with:  source <(leat completion zsh)
        _leat() {
            local -a words_known
            words_known=("${(@f)$(leat "[suggest:${#BUFFER}]" "${BUFFER}" 2>/dev/null)}")
            if [[ -n "${words_known[1]}" ]]; then
                compadd -- "${words_known[@]}"
            else
                _files
            fi
        }
        compdef _leat leat
        """;

    private const string Fish = """
        # Completion of leat for fish. Load it with:  leat completion fish | source
        function __leat_complete
            set -l line (commandline -cp)
            leat "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null
        end
        complete -c leat -a '(__leat_complete)'
        """;

    private static readonly Dictionary<string, string> Scripts = new() { ["bash"] = Bash, ["zsh"] = Zsh, ["fish"] = Fish };

    public static Command Create(Terminal terminal)
    {
        var shell = new Argument<string>("shell")
        {
            Description = "bash, zsh or fish.",
            CustomParser = result =>
            {
                if (!Scripts.ContainsKey(result.Tokens[0].Value))
                    result.AddError($"'{result.Tokens[0].Value}' is not a shell that Leat knows: expected bash, zsh or fish.");
                return result.Tokens[0].Value;
            },
        };
        shell.CompletionSources.Add([.. Scripts.Keys]);
        var command = new LeatCommand("completion", "Prints a script that lets a shell complete commands and options.")
        {
            Examples = [new("source <(leat completion bash)", "for this shell"), new("leat completion fish | source", "the same for fish")],
        };
        command.Arguments.Add(shell);
        command.SetAction(terminal, context =>
        {
            context.Terminal.Out.WriteLine(Scripts[context.Parse.GetRequiredValue(shell)]);
            return Task.FromResult(ExitCodes.Done);
        });
        return command;
    }
}
