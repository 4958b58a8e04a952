//go:build unix

package keeper

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bantoops/banto"
)

// limit prepares what bounds an attempt: a control group that holds all its
// processes where the host has one, else limits of each process by itself. What
// could not be set as it was asked for is said in the notes.
func (p *planner) limit(out *plan, id banto.AttemptID, l banto.Limits) (notes []string) {
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	path, set, why := p.groups().make(id, l)
	out.group, out.nice = path, l.Nice
	var ulimits []string
	if l.Memory > 0 && !set["memory"] {
		note("its memory limit holds for each process by itself: %s", why)
		if most, limited := hardest(unix.RLIMIT_AS); !limited || uint64(l.Memory) < most {
			ulimits = append(ulimits, fmt.Sprintf("ulimit -v %d", max(l.Memory>>10, 1)))
		}
	}
	if l.CPU > 0 && !set["cpu"] {
		note("its processor limit could not be set: %s", why)
	}
	if l.Processes > 0 && !set["pids"] {
		// The system's own limit counts all processes of the user.
		note("its limit of processes could not be set: %s", why)
	}
	if l.Files > 0 {
		if most, limited := hardest(unix.RLIMIT_NOFILE); !limited || uint64(l.Files) <= most {
			ulimits = append(ulimits, fmt.Sprintf("ulimit -n %d", l.Files))
		} else {
			note("it may open %d files at most, and not %d: the agent itself may not open more", most, l.Files)
			ulimits = append(ulimits, fmt.Sprintf("ulimit -n %d", most))
		}
	}
	if len(ulimits) > 0 {
		out.throughShell(ulimits)
	}
	return notes
}

// hardest gives the limit that we ourselves cannot pass.
func hardest(what int) (uint64, bool) {
	var r unix.Rlimit
	if err := unix.Getrlimit(what, &r); err != nil || r.Max == unix.RLIM_INFINITY {
		return 0, false
	}
	return uint64(r.Max), true //nolint:unconvert // the types differ between systems
}

// throughShell sets limits of a process before it becomes the program: a small
// shell does it, which then is the program, under the same process ID.
func (p *plan) throughShell(ulimits []string) {
	before := strings.Join(append(ulimits, `exec "$@"`), "; ")
	p.args = slices.Concat([]string{"sh", "-c", before, "sh", p.program}, p.args[1:])
	p.program = "/bin/sh"
}

// setNice makes a process and what it starts give way to others.
func setNice(pid, nice int) (note string) {
	if nice == 0 {
		return ""
	}
	if err := unix.Setpriority(unix.PRIO_PGRP, pid, nice); err != nil {
		return fmt.Sprintf("its nice value could not be set: %v", err)
	}
	return ""
}
