//go:build unix

package scripts_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/bantoops/banto/cli"
	"github.com/rogpeppe/go-internal/testscript"
)

// onScreen runs the command line in this process on a terminal of that size,
// and writes what stands on the terminal at the end to the file screen. With
// ! the command must not end with exit code 0.
func onScreen(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: screen COLUMNS ROWS ARGUMENT…")
	}
	columns, err := strconv.Atoi(args[0])
	ts.Check(err)
	rows, err := strconv.Atoi(args[1])
	ts.Check(err)
	var out, errs bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	code := cli.Run(ctx, args[2:], cli.Streams{
		In: strings.NewReader(""), Out: &out, Err: &errs, Env: ts.Getenv, Now: time.Now, Local: time.UTC, Version: "story",
		Terminal: func(w io.Writer) (int, int, bool) { return columns, rows, w == &out },
	})
	ts.Check(os.WriteFile(ts.MkAbs("screen"), []byte(draw(out.String())), 0o666))
	ts.Check(os.WriteFile(ts.MkAbs("raw"), out.Bytes(), 0o666))
	if (code != 0) != neg {
		ts.Fatalf("exit code %d\n%s%s", code, out.String(), errs.String())
	}
}

var sequence = regexp.MustCompile(`^\x1b\[([0-9;]*)([A-Za-z])`)

// draw gives what a terminal shows once it has got all of a text: of the
// control sequences it knows those that the commands use.
func draw(text string) string {
	var lines [][]rune
	row, column := 0, 0
	at := func() {
		for len(lines) <= row {
			lines = append(lines, nil)
		}
	}
	for len(text) > 0 {
		at()
		if m := sequence.FindStringSubmatch(text); m != nil {
			text = text[len(m[0]):]
			n, _ := strconv.Atoi(m[1])
			switch m[2] {
			case "A":
				row = max(0, row-max(n, 1))
			case "K":
				lines[row] = lines[row][:min(column, len(lines[row]))]
			case "J":
				lines[row] = lines[row][:min(column, len(lines[row]))]
				lines = lines[:row+1]
			}
			continue
		}
		r := []rune(text[:min(len(text), 4)])[0]
		text = text[len(string(r)):]
		switch r {
		case '\n':
			row, column = row+1, 0
		case '\r':
			column = 0
		default:
			for len(lines[row]) <= column {
				lines[row] = append(lines[row], ' ')
			}
			lines[row][column] = r
			column++
		}
	}
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(strings.TrimRight(string(line), " ") + "\n")
	}
	return b.String()
}
