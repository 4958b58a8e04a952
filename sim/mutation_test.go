package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mutation is a guard that is broken, to see that somebody notices.
type mutation struct {
	name  string
	file  string // from the root of the repository
	text  string // stands there once
	wrong string // stands there instead
	// and is the guard in front of it, which no world gets past: both are broken,
	// and the name says so.
	and *mutation
	// second is a package whose tests must notice as well, by this guard alone.
	second string
	few    bool // it is among the few that are always tried
}

// forever lets a manager believe that it leads, whatever it can prove.
var forever = &mutation{
	file:  "lease/lease.go",
	text:  "\treturn proved + h.opt.Times.GiveUp - h.opt.Clock()\n",
	wrong: "\treturn h.opt.Times.GiveUp\n",
}

var mutations = []mutation{
	{
		name: "the epoch is not proved at the commit", file: "sim/memstore/store.go", few: true,
		text:  "\tif r.lease.Epoch != epoch {\n\t\treturn store.ErrDeposed",
		wrong: "\tif r.lease.Epoch < epoch {\n\t\treturn store.ErrDeposed",
	},
	{
		name: "the agent obeys a manager that was deposed, which does not give itself up", file: "agent/link/house.go",
		text: "if d.Epoch < m.epoch {", wrong: "if d.Epoch < 0 {", and: forever, second: "./agent/link",
	},
	{
		name: "an attempt is started without a claim", file: "agent/keeper/claims.go", few: true,
		text:  "\t\tc.record(fx, record{Claim: &claim})\n\t\tfx.sync = true\n",
		wrong: "\t\tfx.sync = true\n",
	},
	{
		name: "a claim is not on the disk before its process is made", file: "agent/keeper/claims.go",
		text:  "\t\tc.record(fx, record{Claim: &claim})\n\t\tfx.sync = true\n",
		wrong: "\t\tc.record(fx, record{Claim: &claim})\n",
	},
	{
		name: "a kill of an unknown attempt leaves no tombstone", file: "agent/keeper/claims.go", few: true, second: "./agent/keeper -run TestClaims -rapid.nofailfile",
		text:  "\t\tc.end(fx, Ended{Attempt: k.Attempt, At: now, Reason: k.Reason, Message: killedEarly})\n",
		wrong: "\t\tfx.tell.Ended = append(fx.tell.Ended, Ended{Attempt: k.Attempt, At: now, Reason: k.Reason, Message: killedEarly})\n",
	},
	{
		name: "results are acknowledged before the commit", file: "manager/runner/commit.go", few: true,
		text:  "\t\tif err := r.opt.Store.Write(store.Remembering(ctx), b.write); err != nil {\n",
		wrong: "\t\tr.acknowledge(b)\n\t\tif err := r.opt.Store.Write(store.Remembering(ctx), b.write); err != nil {\n",
	},
	{
		name: "the gateway acknowledges what it passes on", file: "manager/gateway/visit.go",
		text: "\t\tinbox.HostEnded(id, ended)\n",
		wrong: "\t\tinbox.HostEnded(id, ended)\n\t\tfor i := range ended {\n" +
			"\t\t\tv.m.Acknowledge([]banto.AttemptID{ended[i].Attempt})\n\t\t}\n",
	},
	{
		name: "a result is told before it is on the disk", file: "agent/keeper/claims.go",
		text:  "\tc.record(fx, record{Ended: &e})\n\tfx.sync = true\n",
		wrong: "\tc.record(fx, record{Ended: &e})\n",
	},
	{
		name: "an idempotency key is not kept", file: "manager/runner/submit.go",
		text:  "\t\tb.keys.put(submitKey{in.By.Name, in.Key}, submitted{hash: in.RequestHash, id: id})\n",
		wrong: "\t\t_ = submitted{hash: in.RequestHash, id: id}\n",
	},
	{
		name: "an order leaves the outbox when it is sent", file: "manager/runner/commit.go",
		text: "\t\tr.opt.Hosts.Deliver(host, byHost.vals[i])\n",
		wrong: "\t\tr.opt.Hosts.Deliver(host, byHost.vals[i])\n\t\tfor _, o := range byHost.vals[i] {\n" +
			"\t\t\tdelete(b.mem.outbox, o.ID)\n\t\t\tb.mem.confirmed = append(b.mem.confirmed, o.ID)\n\t\t}\n",
	},
	{
		name: "a pong needs no proof of the lease, and the manager does not give itself up", file: "manager/gateway/contact.go",
		text: "if p.came < c.proved {", wrong: "if p.number > 0 {", and: forever, second: "./manager/gateway",
	},
	{
		name: "a restored store is not held until it is confirmed", file: "manager/runner/recover.go",
		text:  "func (r *Runner) held() bool { return r.recovery != nil && r.recovery.rec.Held }",
		wrong: "func (r *Runner) held() bool { return false }",
	},
	{
		name: "a restored store uses numbers of attempts that keepers know", file: "manager/runner/confirm.go",
		text: "\tb.reserve(outgrown, found.Apart)\n", wrong: "\t_ = outgrown\n",
	},
	{
		name: "a machine that was put back goes on with its records", file: "manager/gateway/hello.go",
		text: "tellsClaims(h) && m.rolledBack(h) {", wrong: "tellsClaims(h) && m.rolledBack(h) && m.number < 0 {",
	},
	{
		name: "what a host does not name is over at once", file: "manager/runner/session.go", second: "./manager/runner -run HelloDoesNotName",
		text:  "\t\t\tdoubtful = append(doubtful, a)\n",
		wrong: "\t\t\tb.mustStep(id, t, in.forgotten(a, before))\n",
	},
	{
		name: "what a keeper does not know goes on", file: "manager/runner/doubt.go", second: "./manager/runner -run WhatAKeeperDoesNotKnow",
		text: "\t\tb.mustStep(id, t, d.attempts[a])\n", wrong: "\t\t_ = id\n",
	},
	{
		name: "the dead-man's limit ends nothing", file: "agent/keeper/deadman.go",
		text:  "\td.limits[id] = min(ms, int64(maxLimit/time.Millisecond)) * int64(time.Millisecond)\n",
		wrong: "\td.limits[id] = min(ms, int64(maxLimit/time.Millisecond)) * int64(time.Second)\n",
	},
	{
		name: "a start is for any claims", file: "agent/link/machine.go",
		text: "\tcase o.Start != nil && m.stale(o.Start):\n", wrong: "\tcase o.Start != nil && m.stale(o.Start) && m.number < 0:\n",
	},
	{
		name: "output is acknowledged before it is written", file: "manager/gateway/visit.go",
		text:  "\tsize, err := v.g.opt.Outputs.Write(c.Attempt, c.Offset, c.Data)\n",
		wrong: "\tv.m.Stored(c.Attempt, c.Offset+int64(len(c.Data)), false)\n\tsize, err := v.g.opt.Outputs.Write(c.Attempt, c.Offset, c.Data)\n",
	},
}

// TestMutations breaks each guard once and wants somebody to find it. That takes
// a build for each: BANTO_MUTATE=few tries some, and BANTO_MUTATE=all all of them.
// Without it only the places are looked for, so that the table does not rot.
func TestMutations(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	mode := os.Getenv("BANTO_MUTATE")
	for i := range mutations {
		m := &mutations[i]
		changed, alone := map[string]string{}, map[string]string{}
		for g := m; g != nil; g = g.and {
			changed[g.file] = g.mutate(t, root)
		}
		alone[m.file] = changed[m.file]
		if mode == "all" || mode == "few" && m.few {
			t.Run(strings.ReplaceAll(m.name, " ", "-"), func(t *testing.T) {
				m.try(t, root, changed, "./sim -run TestSimulator -args -seeds=4000")
				if m.second != "" && mode == "all" {
					m.try(t, root, alone, m.second)
				}
			})
		}
	}
}

// mutate gives the file with the guard broken.
func (m *mutation) mutate(t *testing.T, root string) string {
	source, err := os.ReadFile(filepath.Join(root, m.file))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), m.text); n != 1 {
		t.Errorf("%s: %q stands in %s %d times, want once", m.name, m.text, m.file, n)
	}
	return strings.Replace(string(source), m.text, m.wrong, 1)
}

// try runs tests with the changed files, which must fail, and logs how they did.
func (m *mutation) try(t *testing.T, root string, changed map[string]string, tests string) {
	dir := t.TempDir()
	overlay, replaced := filepath.Join(dir, "overlay.json"), map[string]string{}
	for name, text := range changed {
		file := filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
		replaced[filepath.Join(root, name)] = file
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": replaced})
	if err == nil {
		err = os.WriteFile(overlay, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"test", "-count", "1", "-vet", "off", "-timeout", "5m", "-overlay", overlay}, strings.Fields(tests)...)
	began := time.Now()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "BANTO_SIM_SEEDS=", "BANTO_MUTATE=")
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		t.Errorf("%s does not find that %s", tests, m.name)
	case bytes.Contains(out, []byte("[build failed]")) || bytes.Contains(out, []byte("[setup failed]")):
		t.Errorf("it does not build:\n%s", out)
	default:
		t.Logf("%-70s found by %s in %s: %s", m.name, strings.Fields(tests)[0], time.Since(began).Round(time.Second), firstFault(out))
	}
}

// firstFault gives the line that says what was found.
func firstFault(out []byte) string {
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "is broken") || strings.Contains(line, "panic:") {
			return fmt.Sprintf("%.160s", strings.TrimSpace(line))
		}
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "FAIL:") {
			return strings.TrimSpace(line)
		}
	}
	return "it failed"
}
