//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/bantoops/banto/internal/pgtest"
	"golang.org/x/sys/unix"
)

// slowDisk is what a disk of a cloud adds to an fsync.
const slowDisk = 2 * time.Millisecond

// smokeBudget is when the short form begins nothing new.
const smokeBudget = 45 * time.Second

// options are the flags.
type options struct {
	binary, names, store, out, profile, cache string
	all, smoke, list                          bool
	rounds, agents, minutes                   int
}

func main() {
	if became, err := become(os.Args[1:]); became {
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// become makes this program one of those that it starts itself, if it is told to.
func become(args []string) (became bool, err error) {
	switch {
	case len(args) > 1 && args[0] == slowArg:
		return true, becomeSlow(args[1:])
	case len(args) == 2 && args[0] == syncArg:
		return true, saySync(args[1])
	case len(args) == 1 && args[0] == simAgentsArg:
		return true, runSimAgents(os.Stdin, os.Stdout)
	}
	return false, nil
}

const usage = `Measures what Banto publishes, against the real binary.

Usage
  bench [flags]

Examples
  make bench                                   every row that does not take many minutes
  make bench NAME=chain                        one row, on every store it runs on
  make bench NAME=chain,throughput STORE=sqlite
  make bench-smoke                             in short, for ratios; under a minute
  go run ./bench -list                         the rows
  go run ./bench -binary bin/banto -all        everything; hours

Exit codes: 0 all was measured (a goal that is missed is printed as missed),
1 something could not be measured, 2 wrong use, 130 interrupted.

Flags
`

func flags(args []string, errs io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(errs)
	f.StringVar(&o.binary, "binary", "bin/banto", "the real binary, as it is released")
	f.StringVar(&o.names, "name", "", "only these rows, with commas between them")
	f.StringVar(&o.store, "store", "all", "only on this store: sqlite, postgres or all")
	f.BoolVar(&o.all, "all", false, "slow rows too, and as long as the published figures want them")
	f.BoolVar(&o.smoke, "smoke", false, "short forms of the rows that have one")
	f.BoolVar(&o.list, "list", false, "list the rows")
	f.StringVar(&o.out, "o", "", "also write the figures to this file; those of other rows stay in it")
	f.IntVar(&o.rounds, "rounds", 0, "rounds of the rows that repeat the same; else as the row thinks right")
	f.IntVar(&o.agents, "agents", 0, "simulated agents of the rows that have them; else as the row thinks right")
	f.IntVar(&o.minutes, "minutes", 0, "minutes of the rows that go on and on; else as the row thinks right")
	f.StringVar(&o.cache, "cache", "", "keep stores that take long to make in this directory, for the next time")
	f.StringVar(&o.profile, "cpuprofile", "", "keep CPU profiles of the managers in this directory")
	f.Usage = func() {
		fmt.Fprint(errs, usage) //nolint:errcheck // help that nobody sees
		f.PrintDefaults()
	}
	if err := f.Parse(args); err != nil {
		return o, err
	}
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("%q is not a flag (rows are named with -name)", f.Arg(0))
	case o.store != "sqlite" && o.store != "postgres" && o.store != "all":
		return o, fmt.Errorf("-store is sqlite, postgres or all, not %q", o.store)
	case o.all && o.smoke:
		return o, errors.New("-all and -smoke are opposites")
	}
	return o, nil
}

func run(ctx context.Context, args []string, out, errs io.Writer) int {
	o, err := flags(args, errs)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	var chosen []Row
	if err == nil {
		chosen, err = choose(rows(), o.names, o)
	}
	if err != nil {
		fmt.Fprintln(errs, "bench:", err) //nolint:errcheck // as below
		return 2
	}
	if o.list {
		fmt.Fprint(out, listed(rows())) //nolint:errcheck // a terminal that is gone misses nothing
		return 0
	}
	results, err := measure(ctx, o, chosen, out)
	if len(results) > 0 {
		fmt.Fprint(out, "\n", table(results)) //nolint:errcheck // as above
	}
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(errs, "bench: interrupted") //nolint:errcheck // as above
		return 130
	case err != nil:
		fmt.Fprintln(errs, "bench:", err) //nolint:errcheck // as above
		return 1
	}
	for _, r := range results {
		if r.Err != nil {
			return 1
		}
	}
	return 0
}

// measure runs rows, one after the other. What one of them gave is printed and
// written at once: others may take hours.
func measure(ctx context.Context, o options, chosen []Row, out io.Writer) ([]Result, error) {
	binary, err := filepath.Abs(o.binary)
	if err == nil {
		_, err = os.Stat(binary)
	}
	if err != nil {
		return nil, fmt.Errorf("there is no binary (make build makes it): %w", err)
	}
	// Submissions come over many connections, which are kept.
	if carrier, ok := http.DefaultTransport.(*http.Transport); ok {
		carrier.MaxIdleConnsPerHost = 512
	}
	// Whatever loses its parent becomes a child of this process, which ends it.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, err
	}
	facts, err := gather(ctx, binary)
	if err != nil {
		return nil, err
	}
	fmt.Fprint(out, facts.text(), "\n") //nolint:errcheck // as above
	var results []Result
	for _, row := range chosen {
		for _, e := range envs(row, o) {
			if why := leftOut(e, o, time.Since(facts.Date)); why != "" {
				fmt.Fprintf(out, "\n== %s on %s: left out: %s\n", row.Name, e.Store, why) //nolint:errcheck // as above
				continue
			}
			e.Binary, e.Log = binary, out
			if o.out != "" {
				e.Beside = filepath.Dir(o.out)
			}
			r := one(ctx, row, e)
			if err := context.Cause(ctx); err != nil {
				return results, err // a row that was interrupted says nothing
			}
			results = append(results, r)
			fmt.Fprint(out, r.text()) //nolint:errcheck // as above
			if o.out == "" {
				continue
			}
			if err := update(o.out, rows(), facts, results); err != nil {
				return results, err
			}
		}
	}
	return results, nil
}

// leftOut says why the short form leaves something out.
func leftOut(e *Env, o options, so time.Duration) string {
	switch {
	case !o.smoke:
		return ""
	case e.Store == "postgres" && pgtest.Bin() == "":
		return "no PostgreSQL is installed here"
	case so > smokeBudget:
		return "the machine is slow, and the time is over"
	}
	return ""
}

// envs are those that a row runs in.
func envs(row Row, o options) []*Env {
	var out []*Env
	for _, store := range stores(row, o.store) {
		delays := []time.Duration{0}
		if row.Sync && !o.smoke {
			delays = append(delays, slowDisk)
		}
		for _, delay := range delays {
			out = append(out, &Env{Store: store, Short: o.smoke, All: o.all, Sync: delay, Rounds: o.rounds, Agents: o.agents, Minutes: o.minutes, Cache: o.cache, Profile: o.profile})
		}
	}
	return out
}

// work is what is done, and that it is not all of it.
func (e *Env) work(row Row) string {
	if e.Short {
		return "in short, " + row.Work
	}
	return row.Work
}

// one runs a row in an environment, and takes everything down behind it.
func one(ctx context.Context, row Row, e *Env) Result {
	r := Result{Row: row.Name, Store: e.Store, Sync: e.Sync, Load: load()}
	fmt.Fprintf(e.Log, "\n== %s on %s: %s\n", row.Name, r.On(), e.work(row)) //nolint:errcheck // as above
	from := time.Now()
	if e.Dir, r.Err = os.MkdirTemp("", "banto-bench-"); r.Err != nil {
		return r
	}
	func() {
		defer e.end()
		r.Measures, r.Err = row.Run(ctx, e)
	}()
	r.Took = time.Since(from)
	return r
}
