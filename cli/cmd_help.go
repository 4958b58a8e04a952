package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newHelpCommand(e *env) *cobra.Command {
	cmd := e.command("help [COMMAND]", e.say("Show the help of a command"), func(cmd *cobra.Command, args []string) error {
		target, rest, err := cmd.Root().Find(args)
		if err != nil || len(rest) > 0 {
			return e.unknownCommand(cmd.Root(), strings.Join(args, " "))
		}
		e.help(target, nil)
		return nil
	})
	cmd.Hidden = true
	return cmd
}

// alone marks a command that holds others and also does something by itself.
const alone = "alone"

// help writes the help of a command to standard output.
func (e *env) help(cmd *cobra.Command, _ []string) {
	var b strings.Builder
	p := e.pen()
	b.WriteString(first(cmd.Long, cmd.Short) + "\n")
	heading := func(text string) { b.WriteString("\n" + p.paint(styleBold, text) + "\n") }

	heading(e.say("Usage"))
	if !cmd.HasAvailableSubCommands() || cmd.Annotations[alone] != "" {
		b.WriteString("  " + strings.TrimSpace(strings.TrimSuffix(cmd.CommandPath(), cmd.Name())+cmd.Use) + "\n")
	}
	if cmd.HasAvailableSubCommands() {
		b.WriteString("  " + cmd.CommandPath() + " COMMAND\n")
	}
	if cmd.HasExample() {
		heading(e.say("Examples"))
		b.WriteString(strings.TrimRight(cmd.Example, "\n") + "\n")
	}
	e.helpCommands(&b, cmd, heading)
	e.helpFlags(&b, e.say("Flags"), cmd.LocalNonPersistentFlags(), heading)
	if cmd.HasParent() {
		e.helpFlags(&b, e.say("Flags of every command"), cmd.InheritedFlags(), heading)
	} else {
		e.helpFlags(&b, e.say("Flags of every command"), cmd.PersistentFlags(), heading)
	}
	// Help that nobody reads any more needs no error.
	_, _ = io.WriteString(e.std.Out, b.String())
}

func (e *env) helpCommands(b *strings.Builder, cmd *cobra.Command, heading func(string)) {
	list := func(title string, belongs func(*cobra.Command) bool) {
		t := table{columns: []column{{}, {least: 20}}, indent: 2}
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() && belongs(sub) {
				t.add(cell{sub.Name(), styleBold}, cell{text: sub.Short})
			}
		}
		if len(t.rows) == 0 {
			return
		}
		heading(title)
		// Writing to a strings.Builder cannot fail.
		_ = t.write(b, e.pen(), e.width())
	}
	for _, g := range cmd.Groups() {
		list(g.Title, func(sub *cobra.Command) bool { return sub.GroupID == g.ID })
	}
	if len(cmd.Groups()) == 0 {
		list(e.say("Commands"), func(*cobra.Command) bool { return true })
	}
}

// helpFlags lists flags in columns that line up in any language.
func (e *env) helpFlags(b *strings.Builder, title string, flags *pflag.FlagSet, heading func(string)) {
	t := table{columns: []column{{}, {least: 30}}, indent: 2}
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		name := "    --" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", --" + f.Name
		}
		if value != "" {
			name += " " + value
		}
		if usual := f.DefValue; usual != "" && usual != "false" && usual != "[]" && usual != "0" && usual != "0s" {
			usage += fmt.Sprintf(" (%s)", e.say("usually %s", usual))
		}
		t.add(cell{text: name}, cell{text: usage})
	})
	if len(t.rows) > 0 {
		heading(title)
		// Writing to a strings.Builder cannot fail.
		_ = t.write(b, e.pen(), e.width())
	}
}
