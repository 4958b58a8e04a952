//go:build linux

package main

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bantoops/banto/internal/pgtest"
	"golang.org/x/sys/unix"
)

// Facts are what a reader must know of the machine on which figures were taken.
type Facts struct {
	Date   time.Time
	Values [][2]string // name and value, in the order of printing
}

// run names the run in tables.
func (f Facts) run() string { return f.Date.UTC().Format("2006-01-02 15:04") }

func (f Facts) text() string {
	var lines [][]string
	for _, v := range f.Values {
		lines = append(lines, []string{v[0], v[1]})
	}
	return aligned(lines)
}

// gather finds the facts out.
func gather(ctx context.Context, binary string) (Facts, error) {
	f := Facts{Date: time.Now()}
	add := func(name, value string) { f.Values = append(f.Values, [2]string{name, value}) }
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return f, err
	}
	dir, err := os.MkdirTemp("", "banto-bench-facts-")
	if err != nil {
		return f, err
	}
	defer os.RemoveAll(dir)
	p50, p99, err := syncLatency(dir, 500)
	if err != nil {
		return f, err
	}
	version, err := exec.CommandContext(ctx, binary, "version").Output()
	if err != nil {
		return f, fmt.Errorf("%s version: %w", binary, err)
	}
	add("date", f.run()+" UTC")
	add("machine", fmt.Sprintf("%s, %d cores, %s", field("/proc/cpuinfo", "model name", runtime.GOARCH), runtime.NumCPU(), installed()))
	add("system", unix.ByteSliceToString(uts.Sysname[:])+" "+unix.ByteSliceToString(uts.Release[:])+autogroup())
	add("file system", fileSystem(dir))
	add("fsync", fmt.Sprintf("4 KiB written and synced: p50 %s, p99 %s", ms(p50), ms(p99)))
	add("load average", load()+" at the start")
	add("Banto", firstLine(string(version)))
	add("Go, SQLite", built(binary))
	add("PostgreSQL", postgres(ctx))
	return f, nil
}

// syncLatency measures how long a small durable write takes.
func syncLatency(dir string, times int) (p50, p99 time.Duration, err error) {
	f, err := os.Create(filepath.Join(dir, "synced"))
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	page := make([]byte, 4096)
	took := make([]time.Duration, 0, times)
	for range times {
		from := time.Now()
		if _, err := f.Write(page); err != nil {
			return 0, 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, 0, err
		}
		took = append(took, time.Since(from))
	}
	slices.Sort(took)
	return percentile(took, 50), percentile(took, 99), nil
}

// field gives the value of the first line of a file that has such a name.
func field(path, name, otherwise string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return otherwise
	}
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return otherwise
}

func installed() string {
	kib, err := strconv.ParseFloat(strings.TrimSuffix(field("/proc/meminfo", "MemTotal", ""), " kB"), 64)
	if err != nil {
		return "memory unknown"
	}
	return number(kib/(1<<20)) + " GiB"
}

func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if f := strings.Fields(string(b)); err == nil && len(f) > 0 {
		return f[0]
	}
	return "unknown"
}

// autogroup says whether processors are shared out by session: under other load
// that favours whoever has more sessions.
func autogroup() string {
	b, err := os.ReadFile("/proc/sys/kernel/sched_autogroup_enabled")
	if err == nil && strings.TrimSpace(string(b)) == "1" {
		return ", processors shared out by session (autogroup)"
	}
	return ""
}

// fileSystem names the one that a directory is on: the longest mount point that
// holds it.
func fileSystem(dir string) string {
	b, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return "unknown"
	}
	best, kind := "", "unknown"
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 3 {
			continue
		}
		under := f[1] == "/" || dir == f[1] || strings.HasPrefix(dir, f[1]+"/")
		if under && len(f[1]) >= len(best) {
			best, kind = f[1], f[2]
		}
	}
	return kind
}

// built says what a binary was made with.
func built(binary string) string {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return "unknown"
	}
	out := info.GoVersion
	for _, dep := range info.Deps {
		if dep.Path == "modernc.org/sqlite" {
			out += ", " + dep.Path + " " + dep.Version
		}
	}
	return out
}

func postgres(ctx context.Context) string {
	bin := pgtest.Bin()
	if bin == "" {
		return "none"
	}
	out, err := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimPrefix(strings.TrimSpace(string(out)), "postgres (PostgreSQL) ") + "; a private server, " + strings.Join(settings(), ", ")
}

// ms writes a duration in milliseconds.
func ms(d time.Duration) string { return number(float64(d)/1e6) + " ms" }
