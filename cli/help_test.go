package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Help fits a terminal of 80 columns, in both languages.
func TestHelpFits(t *testing.T) {
	for _, lang := range []language{english, japanese} {
		var out strings.Builder
		e := someEnv(lang, 0, &out)
		var each func(cmd *cobra.Command)
		each = func(cmd *cobra.Command) {
			out.Reset()
			e.help(cmd, nil)
			for line := range strings.SplitSeq(out.String(), "\n") {
				if w := textWidth(line); w > widestHelp {
					t.Errorf("%s (%s): %d columns: %s", cmd.CommandPath(), lang, w, line)
				}
				if strings.TrimRight(line, " ") != line {
					t.Errorf("%s (%s): blanks at the end: %q", cmd.CommandPath(), lang, line)
				}
			}
			for _, sub := range cmd.Commands() {
				each(sub)
			}
		}
		each(newRoot(e))
	}
}

// Lines are broken where the terminal ends, not where the source does.
func TestHelpIsNotBrokenTwice(t *testing.T) {
	for text, want := range map[string]string{
		"one\ntwo": "one two", "起動する\n場合": "起動する場合", "起動する。\n--print は": "起動する。 --print は", "one": "one", "": "",
	} {
		if got := unbroken(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
	var out strings.Builder
	e := someEnv(english, 0, &out)
	cmd, _, err := newRoot(e).Find([]string{"server"})
	if err != nil {
		t.Fatal(err)
	}
	e.help(cmd, nil)
	if first, _, _ := strings.Cut(out.String(), "\n\n"); strings.Count(first, "\n") > 3 {
		t.Errorf("ragged:\n%s", first)
	}
	if !strings.Contains(out.String(), "  banto server\n  banto server COMMAND\n") {
		t.Errorf("it does not say that the command runs by itself:\n%s", out.String())
	}
}
