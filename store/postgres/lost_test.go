package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/pgtest"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/postgres"
)

// marker is a text that is in the transaction that is to be cut, and nowhere else.
const marker = "cut-this-transaction"

// put writes an audit entry whose text finds it again.
func put(s store.Store, text string) error {
	return s.Write(context.Background(), func(tx store.Tx) error { return tx.PutAudit(banto.AuditEntry{Object: text, Detail: text}) })
}

// count gives how often a text was written.
func count(t *testing.T, s store.Store, text string) int {
	t.Helper()
	all, err := s.ListAudit(t.Context(), text, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func begun(t *testing.T, url string, opt postgres.Options) *postgres.Store {
	t.Helper()
	s := open(t, url, opt)
	if _, err := s.Begin(t.Context(), "m1/1", time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := put(s, "first"); err != nil { // its statements are prepared
		t.Fatal(err)
	}
	return s
}

// TestCutConnection cuts the connection before a transaction has reached the
// server, half way, and before its answer comes back: each time it is written
// once, and whoever asked is told so.
func TestCutConnection(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	for name, rule := range map[string]func(cuts *atomic.Int32, seen *atomic.Bool) func(up bool, data []byte) (int, bool){
		"before": func(cuts *atomic.Int32, _ *atomic.Bool) func(bool, []byte) (int, bool) {
			return func(up bool, data []byte) (int, bool) {
				if up && bytes.Contains(data, []byte(marker)) && cuts.Add(-1) >= 0 {
					return 0, true
				}
				return len(data), false
			}
		},
		"half way": func(cuts *atomic.Int32, _ *atomic.Bool) func(bool, []byte) (int, bool) {
			return func(up bool, data []byte) (int, bool) {
				if up && bytes.Contains(data, []byte(marker)) && cuts.Add(-1) >= 0 {
					return len(data) - 20, true // the Sync is among what is missing
				}
				return len(data), false
			}
		},
		"before the answer": func(cuts *atomic.Int32, seen *atomic.Bool) func(bool, []byte) (int, bool) {
			return func(up bool, data []byte) (int, bool) {
				if up && bytes.Contains(data, []byte(marker)) && cuts.Add(-1) >= 0 {
					seen.Store(true)
				} else if !up && seen.CompareAndSwap(true, false) {
					return 0, true
				}
				return len(data), false
			}
		},
		"within the answer": func(cuts *atomic.Int32, seen *atomic.Bool) func(bool, []byte) (int, bool) {
			return func(up bool, data []byte) (int, bool) {
				if up && bytes.Contains(data, []byte(marker)) && cuts.Add(-1) >= 0 {
					seen.Store(true)
				} else if !up && seen.CompareAndSwap(true, false) {
					return len(data) - 4, true // all but the last message is there
				}
				return len(data), false
			}
		},
	} {
		for _, times := range []int32{1, 2} {
			t.Run(fmt.Sprint(name, " ", times), func(t *testing.T) {
				t.Parallel()
				url := server.NewDatabase(t)
				p, through := newProxy(t, url)
				s := begun(t, through, postgres.Options{})
				direct := open(t, url, postgres.Options{})
				var cuts atomic.Int32
				var seen atomic.Bool
				cuts.Store(times)
				p.set(rule(&cuts, &seen))
				if err := put(s, marker); err != nil {
					t.Fatalf("it was to be settled: %v", err)
				}
				if n := count(t, direct, marker); n != 1 {
					t.Errorf("it was written %d times", n)
				}
				if err := put(s, "after"); err != nil {
					t.Errorf("the next: %v", err)
				}
			})
		}
	}
}

// TestCutForLonger: when nobody can be asked, the caller is told that it is not
// certain, and the next transaction is refused once if it was written: what was
// read in between may be too old.
func TestCutForLonger(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	for _, written := range []bool{true, false} {
		t.Run(fmt.Sprint("written ", written), func(t *testing.T) {
			t.Parallel()
			url := server.NewDatabase(t)
			p, through := newProxy(t, url)
			s := begun(t, through, postgres.Options{})
			direct := open(t, url, postgres.Options{})
			var seen atomic.Bool
			p.set(func(up bool, data []byte) (int, bool) {
				if up && bytes.Contains(data, []byte(marker)) {
					p.closed(true)
					if !written {
						return 0, true
					}
					seen.Store(true)
				} else if !up && seen.CompareAndSwap(true, false) {
					return 0, true
				}
				return len(data), false
			})
			err := put(s, marker)
			if !errors.Is(err, store.ErrUncertain) || banto.KindOf(err) != banto.KindUnavailable {
				t.Fatalf("got %v, want ErrUncertain, unavailable", err)
			}
			called := false
			again := func() error {
				return s.Write(context.Background(), func(tx store.Tx) error {
					called = true
					return tx.PutAudit(banto.AuditEntry{Object: "next"})
				})
			}
			if err := again(); !errors.Is(err, store.ErrUncertain) || called {
				t.Errorf("while it is cut: %v, called %v", err, called)
			}
			p.set(nil)
			p.closed(false)
			// On a busy machine a new connection may be given up and made once more.
			for err = again(); banto.KindOf(err) == banto.KindUnavailable; err = again() {
				if called || !errors.Is(err, store.ErrUncertain) {
					t.Fatalf("before it is settled: %v, called %v", err, called)
				}
			}
			if written && (!errors.Is(err, store.ErrUncertain) || called) {
				t.Errorf("the first behind it: %v, called %v, want ErrUncertain and nothing tried", err, called)
			}
			if !written && err != nil {
				t.Errorf("nothing was written, so nothing is out of date: %v", err)
			}
			want := map[bool]int{true: 1, false: 0}[written]
			if n := count(t, direct, marker); n != want {
				t.Errorf("it was written %d times, want %d", n, want)
			}
			called = false
			if err := again(); err != nil || !called {
				t.Errorf("then it goes on: %v", err)
			}
			remembers := func() error {
				return s.Write(store.Remembering(context.Background()), func(store.Tx) error { return nil })
			}
			if err := remembers(); errors.Is(err, store.ErrUncertain) != written {
				t.Errorf("who remembers what was read before, and was not told yet: %v", err)
			}
			if err := remembers(); err != nil {
				t.Errorf("told twice: %v", err)
			}
		})
	}
}

// TestLateCommit: a transaction that the server has, and has not committed when
// its answer is given up, is either settled as written, or never written.
func TestLateCommit(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	url := server.NewDatabase(t)
	p, through := newProxy(t, url)
	s := begun(t, through, postgres.Options{Holder: "m1/1"})
	direct := open(t, url, postgres.Options{})
	// All but the end reaches the server; the connection stays open there, since
	// the proxy swallows what comes and does not close its end.
	hang := make(chan struct{})
	var once atomic.Bool
	p.set(func(up bool, data []byte) (int, bool) {
		if up && bytes.Contains(data, []byte(marker)) && once.CompareAndSwap(false, true) {
			go func() {
				<-hang
			}()
			return len(data) - 5, false
		}
		return len(data), false
	})
	done := make(chan error)
	go func() { done <- put(s, marker) }()
	waitFor(t, func() bool { return holdsLease(t, server, url) })
	p.cutClients() // the manager sees the end of it; the server still waits
	if err := <-done; err != nil {
		t.Fatalf("it was to be settled: %v", err)
	}
	close(hang)
	if n := count(t, direct, marker); n != 1 {
		t.Errorf("it was written %d times", n)
	}
}

// waitFor waits for a condition outside of this process.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(90 * time.Second); !ok(); {
		select {
		case <-end:
			t.Fatal("it does not come to that")
		case <-tick.C:
		}
	}
}

func database(url string) string {
	name, _, _ := strings.Cut(url[strings.LastIndex(url, "/")+1:], "?")
	return name
}

// holdsLease says whether a transaction has locked the lease's row.
func holdsLease(t *testing.T, server *pgtest.Server, url string) bool {
	t.Helper()
	return server.Do(t, database(url), "SELECT count(*) FROM pg_locks WHERE relation = 'lease'::regclass AND mode = 'RowExclusiveLock' AND granted") != "0"
}

// TestServerRestart: a server that stops at once and comes back is no fault of
// the one who writes, and nothing that was answered is missing.
func TestServerRestart(t *testing.T) {
	t.Parallel()
	server := pgtest.New(t, "fsync=on")
	url := server.NewDatabase(t)
	s := begun(t, url, postgres.Options{})
	out := s.Outputs()
	id := banto.NewAttemptID("20261121-7k3mq0x", 1)
	var answered, said atomic.Int64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := int64(1); ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := put(s, fmt.Sprint("n", i)); err == nil {
				answered.Add(1)
			} else {
				said.Add(1)
				if banto.KindOf(err) != banto.KindUnavailable && !errors.Is(err, store.ErrUncertain) {
					t.Errorf("what the caller is told: %v", err)
				}
			}
		}
	}()
	for range 2 {
		before := answered.Load()
		waitFor(t, func() bool { return answered.Load() > before+20 })
		server.Restart(t)
	}
	before := answered.Load()
	waitFor(t, func() bool { return answered.Load() > before+20 })
	close(stop)
	<-done
	all, err := s.ListAudit(t.Context(), "", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, e := range all {
		seen[e.Object]++
	}
	delete(seen, "first")
	for text, n := range seen {
		if n != 1 {
			t.Errorf("%s is there %d times", text, n)
		}
	}
	if int64(len(seen)) < answered.Load() || int64(len(seen)) > answered.Load()+said.Load() {
		t.Errorf("%d are there; %d were answered, %d were not", len(seen), answered.Load(), said.Load())
	}
	if size, err := out.Write(id, 0, []byte("works")); size != 5 || err != nil {
		t.Errorf("outputs: %d, %v", size, err)
	}
	waitFor(t, func() bool { // its session is made again
		l, err := s.Lease(t.Context())
		return err == nil && !l.Gone
	})
}

// TestSlowServer: a transaction that takes longer than it may is ended, is not
// written, and the next one is.
func TestSlowServer(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	url := server.NewDatabase(t)
	s := begun(t, url, postgres.Options{Patience: 3 * time.Second})
	server.Do(t, database(url), "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$")
	server.Do(t, database(url), "CREATE TRIGGER slow BEFORE INSERT ON audit FOR EACH ROW WHEN (NEW.object = 'slow') EXECUTE FUNCTION slow()")
	err := put(s, "slow")
	if banto.KindOf(err) != banto.KindUnavailable || errors.Is(err, store.ErrUncertain) {
		t.Errorf("got %v", err)
	}
	if err := put(s, "next"); err != nil {
		t.Errorf("the next: %v", err)
	}
	if n := count(t, s, "slow"); n != 0 {
		t.Errorf("what was ended was written %d times", n)
	}
}
