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
