//go:build unix

package scripts_test

import (
	"bytes"
	"context"
	"io"
	"os"
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
