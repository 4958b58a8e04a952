package api

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// Of many who want to know who leads, one asks; nobody waits for it longer than
// their own context, and it goes on when whoever began it has gone.
func TestOneAsksWhoLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		answer := make(chan string)
		var watch clock
		l := leaders{now: watch.Now, ask: func(ctx context.Context) string {
			asked.Add(1)
			select {
			case url := <-answer:
				return url
			case <-ctx.Done():
				return ""
			}
		}}
		gone, leave := context.WithCancel(t.Context())
		defer leave()
		first, others := make(chan string, 1), make(chan string, 2)
		go func() { first <- l.current(gone) }()
		synctest.Wait()
		for range cap(others) {
			go func() { others <- l.current(t.Context()) }()
		}
		synctest.Wait()
		leave()
		if url := <-first; url != "" {
			t.Errorf("it has gone, and was told %q", url)
		}
		watch.ahead.Add(int64(leaderFresh)) // an answer is fresh from when it came
		answer <- "http://m1"
		if a, b := <-others, <-others; a != "http://m1" || b != "http://m1" {
			t.Errorf("those who waited: %q and %q", a, b)
		}
		if url := l.current(gone); url != "http://m1" || asked.Load() != 1 {
			t.Errorf("behind it: %q, asked %d times", url, asked.Load())
		}
		watch.ahead.Add(int64(leaderFresh))
		if url := l.current(t.Context()); url != "" || asked.Load() != 2 {
			t.Errorf("nobody answers: %q, asked %d times", url, asked.Load())
		}
	})
}
