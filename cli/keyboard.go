package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/bantoops/banto"
)

// Keyboard is a terminal that a person types on. What is typed is read from
// Streams.In.
type Keyboard interface {
	// Raw hands over each key as it is pressed, and shows none of them, until
	// restore is called.
	Raw() (restore func() error, err error)
}

// keyboardOf gives the keyboard of a file, nil when it is no terminal.
func keyboardOf(f *os.File) Keyboard {
	if fd := int(f.Fd()); term.IsTerminal(fd) {
		return terminalKeys(fd)
	}
	return nil
}

// terminalKeys is a terminal of the operating system, by its descriptor.
type terminalKeys int

func (fd terminalKeys) Raw() (func() error, error) {
	before, err := term.MakeRaw(int(fd))
	if err != nil {
		return nil, fmt.Errorf("cannot read the keys of this terminal: %w", err)
	}
	return func() error { return term.Restore(int(fd), before) }, nil
}

// asks says whether there is somebody to be asked: who sees standard error and
// has a keyboard.
func (e *env) asks() bool {
	_, _, sees := e.size(e.std.Err)
	return sees && e.std.Keyboard != nil
}

// ask puts a question on standard error and reads a line.
func (e *env) ask(question string) (string, error) {
	// A question that cannot be shown gets no answer either.
	_, _ = fmt.Fprint(e.std.Err, question)
	return e.line()
}

// line reads a line of standard input, without its end.
func (e *env) line() (string, error) {
	if e.input == nil {
		e.input = bufio.NewReader(e.std.In)
	}
	text, err := e.input.ReadString('\n')
	if err != nil && (!errors.Is(err, io.EOF) || text == "") {
		return "", banto.Fail(banto.KindInvalid, e.say("cannot read standard input"), e.system(err), "").Because(err)
	}
	return strings.TrimRight(text, "\r\n"), nil
}

// secret asks for something that is not to be seen. Nothing is shown from
// before the question stands there: what is typed at once is not seen either.
func (e *env) secret(question string) (string, error) {
	restore, err := e.std.Keyboard.Raw()
	if err != nil {
		return "", err
	}
	screen := struct {
		io.Reader
		io.Writer
	}{e.std.In, e.std.Err}
	text, err := term.NewTerminal(screen, "").ReadPassword(question)
	if err = errors.Join(err, restore()); err != nil {
		_, _ = fmt.Fprintln(e.std.Err)
		return "", banto.Fail(banto.KindInvalid, e.say("cannot read standard input"), e.system(err), "").Because(err)
	}
	return strings.TrimSpace(text), nil
}
