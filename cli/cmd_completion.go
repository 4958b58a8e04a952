package cli

import (
	"bytes"

	"github.com/spf13/cobra"
)

func newCompletionCommand(e *env) *cobra.Command {
	shells := []cobra.Completion{"bash", "zsh", "fish", "powershell"}
	cmd := e.command("completion bash|zsh|fish|powershell", e.say("Print a script that completes commands in a shell"), func(cmd *cobra.Command, args []string) error {
		var b bytes.Buffer
		var err error
		switch args[0] {
		case "bash":
			err = cmd.Root().GenBashCompletionV2(&b, true)
			b.WriteString(bashAlone)
		case "zsh":
			err = cmd.Root().GenZshCompletion(&b)
		case "fish":
			err = cmd.Root().GenFishCompletion(&b, true)
		case "powershell":
			err = cmd.Root().GenPowerShellCompletionWithDesc(&b)
		default:
			return e.wrongUse(cmd, e.say("%q is none of bash, zsh, fish and powershell", args[0]))
		}
		if err != nil {
			return err
		}
		_, err = e.std.Out.Write(b.Bytes())
		return e.written(err)
	})
	cmd.Example = "  source <(banto completion bash)\n  banto completion zsh > \"${fpath[1]}/_banto\"\n  banto completion fish > ~/.config/fish/completions/banto.fish\n  banto completion powershell | Out-String | Invoke-Expression"
	cmd.Args = e.takes(1, 1, "bash, zsh, fish or powershell")
	cmd.ValidArgs = shells
	return cmd
}

// bashAlone finds the words of the line where the package bash-completion,
// whose functions the script uses, is not installed. It knows no quotes.
const bashAlone = `
if ! declare -F _get_comp_words_by_ref >/dev/null; then
    __banto_init_completion()
    {
        COMPREPLY=()
        local line="${COMP_LINE:0:COMP_POINT}"
        read -ra words <<<"$line"
        if [[ -z $line || $line == *[[:space:]] ]]; then
            words+=("")
        fi
        cword=$((${#words[@]} - 1))
        cur="${words[cword]}"
        prev="${words[cword > 0 ? cword - 1 : 0]}"
    }
fi
`
