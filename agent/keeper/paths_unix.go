//go:build unix

package keeper

import (
	"strings"
	"sync"
	"time"
)

// paths remembers for a moment where the programs are that jobs name without a
// path, in the standard directories: many jobs that start together look once, and
// whoever knows its program need not fear a file system that does not answer.
type paths struct {
	mu sync.Mutex
	at map[string]placed
}

// placed is where a program was, and when.
type placed struct {
	program string
	seen    time.Time
}

const (
	// rememberFor is short: programs are installed and removed. One that is gone
	// is looked for anew before its job is refused.
	rememberFor = time.Second
	maxPaths    = 64
)

// where says where a program is, if that is known.
func (p *paths) where(name string, now time.Time) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	found, ok := p.at[name]
	if age := now.Sub(found.seen); !ok || age < 0 || age >= rememberFor {
		return "", false
	}
	return found.program, true
}

// note keeps where a program was found. A name with a slash is a place itself.
func (p *paths) note(name, program string, now time.Time) {
	if strings.Contains(name, "/") {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at == nil || len(p.at) >= maxPaths {
		p.at = make(map[string]placed)
	}
	p.at[name] = placed{program, now}
}

// forget forgets all.
func (p *paths) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = nil
}

// sure says that a plan needs no look at a file system but our own: its place is
// nothing special, and its program is known.
func (p *planner) sure(s Start) bool {
	name, _ := programOf(s)
	if words := simple(s); words != nil {
		name = words[0]
	}
	_, known := p.paths.where(name, p.now())
	return known && s.Spec.Limits == nil && s.Spec.Account == ""
}

// stale says that a plan was made by what was remembered, which is then
// forgotten, or without a shell: another one may do better.
func (p *plan) stale() bool {
	if p.known != nil {
		p.known.forget()
	}
	return p.known != nil || p.simple
}
