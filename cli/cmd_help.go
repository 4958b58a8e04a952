package cli

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

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
	b.WriteString(strings.Join(wrap(unbroken(first(cmd.Long, cmd.Short)), e.helpWidth()), "\n") + "\n")
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

// unbroken makes one line of a text: its line breaks are those of the source, not
// of the reader's terminal. Japanese has no blank between its lines.
func unbroken(text string) string {
	var b strings.Builder
	wide := false // the last character
	for line := range strings.SplitSeq(text, "\n") {
		begin, _ := utf8.DecodeRuneInString(line)
		if b.Len() > 0 && !(wide && runeWidth(begin) == 2) {
			b.WriteByte(' ')
		}
		b.WriteString(line)
		end, _ := utf8.DecodeLastRuneInString(line)
		wide = runeWidth(end) == 2
	}
	return b.String()
}

// helpWidth is how wide help is at most: lines that are longer are hard to read.
func (e *env) helpWidth() int {
	if w := e.width(); w > 0 {
		return min(max(w, 40), widestHelp)
	}
	return widestHelp
}

const (
	widestHelp = 80
	widestName = 30 // of a flag or a command that has its text beside it
)

func (e *env) helpCommands(b *strings.Builder, cmd *cobra.Command, heading func(string)) {
	list := func(title string, belongs func(*cobra.Command) bool) {
		var all []explained
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() && belongs(sub) {
				all = append(all, explained{cell{sub.Name(), styleBold}, sub.Short})
			}
		}
		e.helpEntries(b, title, all, heading)
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
	var all []explained
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
		all = append(all, explained{cell{text: name}, usage})
	})
	e.helpEntries(b, title, all, heading)
}

// explained is a name with what is said of it.
type explained struct {
	name cell
	text string
}

// helpEntries writes entries with their texts in a column, each in as many lines
// as it takes.
func (e *env) helpEntries(b *strings.Builder, title string, all []explained, heading func(string)) {
	if len(all) == 0 {
		return
	}
	heading(title)
	widest := 0
	for _, one := range all {
		if w := textWidth(one.name.text); w <= widestName {
			widest = max(widest, w)
		}
	}
	const indent = 2
	margin := indent + widest + gap
	for _, one := range all {
		b.WriteString(strings.Repeat(" ", indent) + e.pen().paint(one.name.look, one.name.text))
		used := indent + textWidth(one.name.text)
		for _, line := range wrap(one.text, e.helpWidth()-margin) {
			if used > margin-gap {
				b.WriteByte('\n')
				used = 0
			}
			b.WriteString(strings.Repeat(" ", margin-used) + line)
			used = margin
		}
		b.WriteByte('\n')
	}
}
