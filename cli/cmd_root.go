package cli

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// group is a heading of banto --help.
type group string

const (
	groupDefine  group = "define"
	groupRun     group = "run"
	groupWatch   group = "watch"
	groupProcess group = "process"
	groupOther   group = "other"
)

// entry is one command: where help lists it, and what makes it.
type entry struct {
	group group
	make  func(*env) *cobra.Command
}

// commands is the table of all commands. To add one: write cmd_<name>.go and a
// line here.
func commands() []entry {
	return []entry{
		{groupDefine, newCheckCommand},
		{groupDefine, newApplyCommand},
		{groupDefine, newJobnetCommand},
		{groupRun, newSubmitCommand},
		{groupRun, newTrackerCommand},
		{groupWatch, newHostCommand},
		{groupWatch, newGroupCommand},
		{groupWatch, newAccountCommand},
		{groupWatch, newAuditCommand},
		{groupWatch, newDoctorCommand},
		{groupProcess, newUpCommand},
		{groupProcess, newServerCommand},
		{groupProcess, newAgentCommand},
		{groupProcess, newKeeperCommand},
		{groupProcess, newBackupCommand},
		{groupProcess, newRestoreCommand},
		{groupProcess, newRecoveryCommand},
		{groupOther, newLoginCommand},
		{groupOther, newSchemaCommand},
		{groupOther, newReferenceCommand},
		{groupOther, newCompletionCommand},
		{groupOther, newVersionCommand},
	}
}

// newRoot makes the root command with all others below it.
func newRoot(e *env) *cobra.Command {
	var version bool
	root := e.command("banto", e.say("Runs the nightly work of a company's servers"), nil)
	root.Args = cobra.ArbitraryArgs
	root.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case version:
			return e.writeVersion()
		case len(args) > 0:
			return e.unknownCommand(cmd, args[0])
		}
		return cmd.Help()
	}
	root.Example = "  banto up\n  banto apply -f examples/nightly-backup\n  banto submit backup/nightly --wait"
	root.AddGroup(
		&cobra.Group{ID: string(groupDefine), Title: e.say("Definitions")},
		&cobra.Group{ID: string(groupRun), Title: e.say("Runs")},
		&cobra.Group{ID: string(groupWatch), Title: e.say("Hosts and people")},
		&cobra.Group{ID: string(groupProcess), Title: e.say("Processes, and what they keep")},
		&cobra.Group{ID: string(groupOther), Title: e.say("Other")},
	)
	for _, c := range commands() {
		cmd := c.make(e)
		cmd.GroupID = string(c.group)
		root.AddCommand(cmd)
	}
	flags := root.PersistentFlags()
	flags.StringVar(&e.url, "url", "", e.say("`URL` of the manager, or of several with commas between them ($BANTO_URL)"))
	flags.StringVar(&e.token, "token", "", e.say("`token` to show to the manager ($BANTO_TOKEN)"))
	flags.StringVar(&e.wanted, "lang", "", e.say("`language` of the texts: en or ja ($BANTO_LANG)"))
	completesFlag(root, "lang", []language{english, japanese})
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if e.wanted != "" && !isLanguage(e.wanted) {
			return e.wrongUse(cmd, e.say("%q is not a language of these texts; write en or ja", e.wanted))
		}
		return nil
	}
	root.Flags().BoolVar(&version, "version", false, e.say("show the version"))
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(newHelpCommand(e))
	root.SetHelpFunc(e.help)
	root.SetUsageFunc(func(cmd *cobra.Command) error { e.help(cmd, nil); return nil })
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		var value *pflag.InvalidValueError
		if errors.As(err, &value) {
			name, text := value.GetFlag().Name, value.GetValue()
			switch value.GetFlag().Value.Type() {
			case "int", "float64":
				return e.wrongUse(cmd, e.say("--%s wants a number, not %q", name, text))
			case "bool":
				return e.wrongUse(cmd, e.say("--%s wants true or false, not %q", name, text))
			case "duration":
				return e.wrongUse(cmd, e.say("--%s wants a time such as 30m, 1h30m or 2d, not %q", name, text))
			}
		}
		return e.wrongUse(cmd, err.Error())
	})
	e.prepare(root)
	return root
}

// prepare gives every command a help flag in the reader's language.
func (e *env) prepare(cmd *cobra.Command) {
	cmd.Flags().BoolP("help", "h", false, e.say("show this help"))
	cmd.Flags().SortFlags = false
	for _, sub := range cmd.Commands() {
		e.prepare(sub)
	}
}

// family makes a command that only holds others.
func (e *env) family(use, short string, subs ...*cobra.Command) *cobra.Command {
	cmd := e.command(use, short, nil)
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return e.unknownCommand(cmd, args[0])
		}
		return e.wrongUse(cmd, e.say("it needs one of its commands: %s", names(cmd)))
	}
	cmd.AddCommand(subs...)
	return cmd
}

func names(cmd *cobra.Command) string {
	var all []string
	for _, sub := range cmd.Commands() {
		if !sub.Hidden {
			all = append(all, sub.Name())
		}
	}
	return strings.Join(all, ", ")
}
