//go:build unix

package keeper

import (
	"io"
	"log/slog"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// A journal that cannot be written holds back what waits for it, and is
// written whole as soon as it can be.
func TestJournalFails(t *testing.T) {
	dir := t.TempDir()
	j, c, _, err := openJournal(dir, machine{}, func() string { return "g" })
	if err != nil {
		t.Fatal(err)
	}
	j.f.Close()                       // writing to it fails
	next := j.path() + ".new"         // and so does beginning a new one,
	if os.Mkdir(next, 0o700) != nil { // for as long as this is there
		t.Fatal("cannot set up")
	}
	synctest.Test(t, func(t *testing.T) {
		k := &keeper{log: slog.New(slog.NewTextHandler(io.Discard, nil)), claims: c, journal: j,
			room: room{timer: time.NewTimer(time.Hour)}, alarm: &alarm{C: make(chan struct{})}}
		fx := effects{}
		c.start(&fx, Start{Attempt: try(1)}, "b")
		done := make(chan error)
		go func() { done <- k.commit(t.Context(), &fx) }()
		select {
		case err := <-done:
			t.Fatal("it did not wait", err)
		case <-time.After(10 * time.Second): // of the bubble's clock
		}
		os.Remove(next)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
	_, c, was, err := openJournal(dir, machine{}, func() string { return "other" })
	if err != nil || was.damaged != 0 || c.generation != "g" || c.byID[try(1)] == nil {
		t.Fatal(err, was, c)
	}
}
