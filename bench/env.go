//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/bantoops/banto/internal/pgtest"
)

// Env is what a row runs in. A row starts its processes through it, so that they
// end with the row however that ends.
type Env struct {
	Binary  string        // the real binary
	Dir     string        // scratch, of this run of the row alone
	Store   string        // sqlite or postgres
	Short   bool          // the form for bench-smoke
	All     bool          // the long form: -all
	Sync    time.Duration // is added to every fsync; zero: nothing is
	Rounds  int           // of rows that repeat the same; zero: as the row thinks right
	Agents  int           // simulated agents; zero: as the row thinks right
	Minutes int           // of rows that go on and on; zero: as the row thinks right
	Cache   string        // directory in which stores that take long to make are kept; empty: they are made anew
	Profile string        // directory for profiles of the manager; empty: none are taken
	Beside  string        // directory of the published figures, for what else is published; empty: nothing is
	Log     io.Writer     // progress, for a person

	slow     *slower
	database *pgtest.Server
	number   int // of houses so far
	ended    []func()
}

// After runs f when the row is over, before what was given earlier.
func (e *Env) After(f func()) { e.ended = append(e.ended, f) }

// Say tells a person how far it is.
func (e *Env) Say(format string, args ...any) {
	fmt.Fprintf(e.Log, "  "+format+"\n", args...) //nolint:errcheck // a terminal that is gone misses nothing
}

// end takes everything down that the row has started.
func (e *Env) end() {
	for _, f := range slices.Backward(e.ended) {
		f()
	}
	e.ended = nil
	killDescendants()
	os.RemoveAll(e.Dir)
	if e.slow != nil && !e.slow.over(10*time.Second) {
		e.Say("something still waits for fsyncs of this row: what comes now is measured beside it")
	}
}

// settings of the database are those of Debian's package, but for the number of
// connections; pgtest's own, for tests, have no fsync.
func settings() []string {
	return []string{"fsync=on", "full_page_writes=on", "synchronous_commit=on", "shared_buffers=128MB"}
}

// Database starts the row's PostgreSQL, once, and makes an empty database in it.
func (e *Env) Database() (*pgtest.Server, string, error) {
	if e.database == nil {
		o := pgtest.Options{Settings: settings()}
		if e.Sync > 0 {
			slow, err := e.slowed()
			if err != nil {
				return nil, "", err
			}
			o.Prefix = slow.prefix()
		}
		s, err := pgtest.Open(o)
		if err != nil {
			return nil, "", fmt.Errorf("cannot start PostgreSQL: %w", err)
		}
		e.After(s.Close)
		e.database = s
	}
	url, err := e.database.Create()
	return e.database, url, err
}

// until looks again and again until it is so, the row is interrupted, or
// patience is over.
func until(ctx context.Context, what string, every, patience time.Duration, so func() bool) error {
	if so() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain until %s: %w", what, context.Cause(ctx))
		case <-tick.C:
			if so() {
				return nil
			}
		}
	}
}

// freeAddr gives an address on loopback that nobody listens on.
func freeAddr(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// newDir makes a directory in the row's scratch.
func (e *Env) newDir(name string) (string, error) {
	e.number++
	dir := filepath.Join(e.Dir, fmt.Sprintf("%s%d", name, e.number))
	return dir, os.MkdirAll(dir, 0o700)
}
