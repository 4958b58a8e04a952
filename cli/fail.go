package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

// Exit codes beside those of banto.Kind.
const (
	exitBad         = 1   // the tracker ended in error, was cancelled, or is blocked
	exitInterrupted = 130 // as shells say it of SIGINT
)

// exit ends a command with a code when all has been said.
type exit int

func (x exit) Error() string { return fmt.Sprintf("exit code %d", int(x)) }

// finish tells an error and gives the exit code.
func (e *env) finish(ctx context.Context, err error) int {
	if err == nil {
		return 0
	}
	var code exit
	if errors.As(err, &code) {
		return int(code)
	}
	if ctx.Err() != nil {
		return exitInterrupted
	}
	e.tell(err)
	return banto.KindOf(err).ExitCode()
}

// tell prints an error: its problems, each with its place, and one line that
// says what happened, why and what to do.
func (e *env) tell(err error) {
	p := pen{on: e.colours(e.std.Err)}
	var info *banto.ErrorInfo
	if !errors.As(err, &info) {
		info = banto.Fail(banto.KindInternal, e.say("this should not have happened"), err.Error(),
			e.say("please report it with what you did"))
	}
	var b strings.Builder
	for _, problem := range info.Problems {
		e.writeProblem(&b, p, problem)
	}
	b.WriteString(p.paint(styleRed, "banto:") + " " + plain(info.Error()) + "\n")
	// Nobody is left to tell when standard error is gone.
	_, _ = io.WriteString(e.std.Err, b.String())
}

// wrongUse is the error of a command line that cannot be.
func (e *env) wrongUse(cmd *cobra.Command, why string) error {
	return banto.Fail(banto.KindInvalid, e.say("cannot run %s", cmd.CommandPath()), why,
		e.say("%s --help shows how", cmd.CommandPath()))
}

// takes checks the number of arguments; what says what they are.
func (e *env) takes(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return e.wrongUse(cmd, e.say("it needs %s", what))
		case most >= 0 && len(args) > most && most == 0:
			return e.wrongUse(cmd, e.say("it takes no argument, not %q", args[0]))
		case most >= 0 && len(args) > most:
			return e.wrongUse(cmd, e.say("it takes %s and nothing more, not %q", what, args[most]))
		}
		return nil
	}
}

// unknownCommand is the error of a command that is not there.
func (e *env) unknownCommand(cmd *cobra.Command, name string) error {
	cmd.SuggestionsMinimumDistance = 2
	hint := e.say("%s --help lists the commands", cmd.CommandPath())
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		hint = e.say("did you mean %s?", cmd.CommandPath()+" "+near[0])
	}
	return banto.Fail(banto.KindInvalid, e.say("cannot run %s", cmd.CommandPath()+" "+name),
		e.say("there is no such command"), hint)
}
