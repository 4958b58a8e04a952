//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// sampler looks at a house's processes and store now and then.
type sampler struct {
	e       *Env
	h       *House
	procs   []*Process // server, agent, keeper
	stored  func(context.Context) (float64, error)
	columns []string
	rows    [][]float64   // the first column is the time in minutes; NaN where nothing is known
	files   atomic.Uint64 // the bits of what walking the files last gave
}

// walkEvery lies between two walks over all files, which cost.
const walkEvery = time.Minute

// walk sums up the files now and then, beside the samples: of a million files
// that takes a while.
func (s *sampler) walk(ctx context.Context) {
	for {
		s.files.Store(math.Float64bits(float64(dirBytes(ctx, s.h.Data)) / (1 << 20)))
		if s.e.idle(ctx, walkEvery) != nil {
			return
		}
	}
}

// newSampler finds the processes of a house.
func newSampler(ctx context.Context, e *Env, h *House) (*sampler, error) {
	keeper, err := h.Keeper()
	if err != nil {
		return nil, err
	}
	s := &sampler{e: e, h: h, procs: []*Process{h.Server, h.Agent, keeper}, columns: []string{"minutes"}}
	for _, p := range s.procs {
		s.columns = append(s.columns, p.Name+" RSS MiB", p.Name+" open files", p.Name+" threads")
	}
	s.columns = append(s.columns, "server heap MiB", "server goroutines", "store MiB", "all files MiB", "load average")
	if s.stored, err = e.storeBytes(ctx, h); err != nil {
		return nil, err
	}
	return s, nil
}

// take takes a sample.
func (s *sampler) take(ctx context.Context, at time.Duration) error {
	row := []float64{at.Minutes()}
	for _, p := range s.procs {
		rss, err := p.RSS()
		if err != nil {
			return fmt.Errorf("the %s is gone: %w", p.Name, err)
		}
		threads, err := p.number("Threads:")
		if err != nil {
			return err
		}
		files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.PID))
		if err != nil {
			return err
		}
		row = append(row, mib(rss), float64(len(files)), threads)
	}
	told := s.metrics(ctx)
	row = append(row, told["go_memstats_heap_alloc_bytes"]/(1<<20), told["go_goroutines"])
	if len(told) == 0 {
		row[len(row)-2], row[len(row)-1] = math.NaN(), math.NaN()
	}
	stored, err := s.stored(ctx)
	if err != nil {
		return err
	}
	files := math.Float64frombits(s.files.Load())
	if files == 0 {
		files = math.NaN() // the first walk goes on
	}
	s.rows = append(s.rows, append(row, stored/(1<<20), files, loadAverage()))
	return nil
}

// metrics asks the manager what it measures of itself; nothing where it does not.
func (s *sampler) metrics(ctx context.Context) map[string]float64 {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.h.URL+"/metrics", http.NoBody)
	if err != nil {
		return nil
	}
	req.Header.Set("Authorization", "Bearer "+s.h.Token)
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil
	}
	out := map[string]float64{}
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); ok && err == nil && !strings.HasPrefix(name, "#") {
			out[name] = v
		}
	}
	return out
}

// storeBytes gives how the size of the row's store is asked for.
func (e *Env) storeBytes(ctx context.Context, h *House) (func(context.Context) (float64, error), error) {
	if e.Store != "postgres" {
		return func(context.Context) (float64, error) {
			return float64(dirBytes(ctx, filepath.Join(h.Data, "store"))), nil
		}, nil
	}
	db, err := e.openSQL(ctx, h)
	if err != nil {
		return nil, err
	}
	e.After(func() { _ = db.Close() })
	return func(ctx context.Context) (size float64, err error) {
		err = db.QueryRowContext(ctx, "SELECT pg_database_size(current_database())").Scan(&size)
		return size, err
	}, nil
}

// column gives the values of one column.
func (s *sampler) column(name string) []float64 {
	out := make([]float64, len(s.rows))
	for i, c := range s.columns {
		if c != name {
			continue
		}
		for n, row := range s.rows {
			out[n] = row[i]
		}
	}
	return out
}

// slopes says by how much each thing grows in an hour, after the first quarter.
func (s *sampler) slopes() []Measure {
	var out []Measure
	first := len(s.rows) / 4
	x := s.column("minutes")[first:]
	for _, name := range s.columns[1 : len(s.columns)-1] {
		y := s.column(name)[first:]
		slope, ok := slopeOf(x, y)
		if !ok {
			continue
		}
		known := slices.DeleteFunc(slices.Clone(y), math.IsNaN)
		what, mebi := strings.CutSuffix(name, " MiB")
		unit := "an hour"
		if mebi {
			unit = "MiB an hour"
		}
		out = append(out, Measure{What: "growth of " + what, Value: slope * 60, Unit: unit,
			Note: fmt.Sprintf("from %s to %s; a line through %d samples behind the first quarter", trimZero(known[0]), trimZero(known[len(known)-1]), len(known))})
	}
	return out
}

// slopeOf fits a line.
func slopeOf(x, y []float64) (float64, bool) {
	var n, sx, sy, sxx, sxy float64
	for i := range x {
		if math.IsNaN(y[i]) {
			continue
		}
		n++
		sx, sy, sxx, sxy = sx+x[i], sy+y[i], sxx+x[i]*x[i], sxy+x[i]*y[i]
	}
	d := n*sxx - sx*sx
	return (n*sxy - sx*sy) / d, n > 2 && d != 0
}

// write leaves the samples as PATH.csv and PATH.svg.
func (s *sampler) write(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path + ".csv")
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	_ = w.Write(s.columns) // Flush tells
	for _, row := range s.rows {
		cells := make([]string, len(row))
		for i, v := range row {
			if !math.IsNaN(v) {
				cells[i] = strconv.FormatFloat(v, 'f', 2, 64)
			}
		}
		_ = w.Write(cells)
	}
	w.Flush()
	if err := errors.Join(w.Error(), f.Close()); err != nil {
		return err
	}
	return os.WriteFile(path+".svg", []byte(s.picture()), 0o644)
}

func (s *sampler) picture() string {
	of := func(what string) []line {
		var out []line
		for _, p := range s.procs {
			out = append(out, line{p.Name, s.column(p.Name + " " + what)})
		}
		return out
	}
	title := fmt.Sprintf("%d jobs a second with output, on %s", soakTrackers*soakJobs, s.e.Store)
	panels := []panel{
		{"memory, resident (MiB)", append(of("RSS MiB"), line{"server's heap", s.column("server heap MiB")})},
		{"open files", of("open files")},
		{"threads, goroutines", append(of("threads"), line{"server's goroutines", s.column("server goroutines")})},
		{"store (MiB)", []line{{"store", s.column("store MiB")}}},
		{"all files of manager and agent (MiB)", []line{{"files", s.column("all files MiB")}}},
		{"load average of the machine", []line{{"load", s.column("load average")}}},
	}
	return drawSVG(title, s.column("minutes"), panels)
}

// number reads a count of /proc/PID/status.
func (p *Process) number(key string) (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), "\n"+key)
	rest, _, _ = strings.Cut(rest, "\n")
	return strconv.ParseFloat(strings.TrimSpace(rest), 64)
}

// loadAverage is the machine's, of the last minute.
func loadAverage() float64 {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return math.NaN()
	}
	first, _, _ := strings.Cut(string(b), " ")
	v, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

// dirBytes is what the files below a directory hold.
func dirBytes(ctx context.Context, dir string) int64 {
	var sum int64
	entries, err := os.ReadDir(dir)
	if err != nil || ctx.Err() != nil {
		return 0
	}
	for _, e := range entries {
		if e.IsDir() {
			sum += dirBytes(ctx, filepath.Join(dir, e.Name()))
			continue
		}
		if info, err := e.Info(); err == nil {
			sum += info.Size()
		}
	}
	return sum
}
