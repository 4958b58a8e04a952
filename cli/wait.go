package cli

import (
	"fmt"
	"time"
)

// patience is how long something may take before a person is told that it
// still goes on.
const patience = 2 * time.Second

// during runs something that may take long. On a terminal it tells that it
// still goes on, in a line that is gone at the end.
func (e *env) during(text string, run func() error) error {
	return e.progressing(func() string { return text }, run)
}

// progressing does as during, with a text that says how far it is.
func (e *env) progressing(text func() string, run func() error) error {
	width, _, ok := e.size(e.std.Err)
	if !ok {
		return run()
	}
	done := make(chan error, 1)
	go func() { done <- run() }()
	start := e.std.Now()
	tick := time.NewTicker(patience)
	defer tick.Stop()
	shown := false
	for {
		select {
		case err := <-done:
			if shown {
				// What is told on the way is not worth an error.
				_, _ = fmt.Fprint(e.std.Err, "\r\x1b[K")
			}
			return err
		case <-tick.C:
			shown = true
			tick.Reset(time.Second)
			line := fmt.Sprintf("%s %s", text(), short(e.std.Now().Sub(start).Truncate(time.Second)))
			_, _ = fmt.Fprint(e.std.Err, "\r\x1b[K"+cut(line, width-1))
		}
	}
}
