package runner

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// A store that fails for an hour is said now and then, not at every try.
func TestTheLogOfAStoreThatFails(t *testing.T) {
	var log strings.Builder
	var clock time.Duration
	r := New(Options{Log: slog.New(slog.NewTextHandler(&log, nil)), Clock: func() time.Duration { return clock }})
	for range 1800 {
		r.ail(errors.New("the disk is full"))
		clock += longPause
	}
	if n := strings.Count(log.String(), storeAway); n < 300 || n > 400 {
		t.Errorf("said %d times in an hour", n)
	}
	if !strings.Contains(log.String(), "times=5") || strings.Count(log.String(), "the disk is full") < 300 {
		t.Error(log.String()[:2000])
	}
}
