package cli

import (
	"bufio"
	"context"
	"io"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
)

// Streams is all of the world that a command touches.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	Env      func(string) string
	Now      func() time.Time
	Local    *time.Location // the zone that times are shown in
	// Terminal gives the size of the terminal that a writer leads to, and
	// whether it leads to one. nil: none does.
	Terminal func(io.Writer) (width, height int, ok bool)
	Keyboard Keyboard // that In comes from; nil: In is no terminal
	Exe      string   // path of this binary
	Version  string
}

// Run runs the command line and gives the exit code. When ctx is cancelled the
// command ends soon, and says what goes on without it.
func Run(ctx context.Context, args []string, std Streams) int {
	if std.Local == nil {
		std.Local = time.Local
	}
	lang := chooseLanguage(args, std.Env)
	e := &env{std: std, lang: lang, words: catalogue(lang)}
	root := newRoot(e)
	root.SetArgs(args)
	root.SetIn(std.In)
	root.SetOut(std.Out)
	root.SetErr(std.Err)
	_, err := root.ExecuteContextC(ctx)
	return e.finish(ctx, err)
}

// env is what every command needs: the streams, the language, and the flags
// that all commands know.
type env struct {
	std   Streams
	lang  language
	words map[string]string // of the language, by the English text

	url, token, wanted string // flags; wanted is the language

	onScreen atomic.Bool // the whole terminal is taken: nothing may be written beside it

	sources map[string]string // files that were read, to show the lines that problems are in
	input   *bufio.Reader     // of standard input, once lines are read from it
}

// terminal gives the size of the terminal that standard output leads to.
func (e *env) terminal() (width, height int, ok bool) { return e.size(e.std.Out) }

func (e *env) size(w io.Writer) (width, height int, ok bool) {
	if e.std.Terminal == nil {
		return 0, 0, false
	}
	return e.std.Terminal(w)
}

// width is how many columns a line may have: $COLUMNS where it is said, else
// the terminal's; 0, without a limit, where a program reads.
func (e *env) width() int {
	if n, ok := positive(e.std.Env("COLUMNS")); ok {
		return n
	}
	width, _, _ := e.terminal()
	return width
}

// colours says whether a writer may get colours.
func (e *env) colours(w io.Writer) bool {
	_, _, ok := e.size(w)
	return ok && e.std.Env("NO_COLOR") == "" && e.std.Env("TERM") != "dumb"
}

// pen paints for standard output.
func (e *env) pen() pen { return pen{on: e.colours(e.std.Out)} }

// command makes a command in the house's style: it never prints usage after an
// error, and it is never registered anywhere but in the table of cmd_root.go.
func (e *env) command(use, short string, run func(*cobra.Command, []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, RunE: run,
		SilenceUsage: true, SilenceErrors: true, DisableFlagsInUseLine: true,
	}
}

// print writes a text to standard output.
func (e *env) print(text string) error {
	_, err := io.WriteString(e.std.Out, text)
	return e.written(err)
}
