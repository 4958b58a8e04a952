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
	// finder is the package whose tests must fail; empty: the simulator. It is
	// named where another guard stands behind this one, so that no world breaks.
	finder string
	few    bool // it is among the few that are always tried
}

var mutations = []mutation{
	{
		name: "the epoch is not proved at the commit", file: "sim/memstore/store.go", few: true,
		text:  "\tif r.lease.Epoch != epoch {\n\t\treturn store.ErrDeposed",
		wrong: "\tif r.lease.Epoch < epoch {\n\t\treturn store.ErrDeposed",
	},
	{
		name: "the agent obeys a manager that was deposed", file: "agent/link/machine.go", finder: "./agent/link",
		text: "if d.Epoch < m.epoch {", wrong: "if d.Epoch < 0 {",
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
		name: "a kill of an unknown attempt leaves no tombstone", file: "agent/keeper/claims.go", finder: "./agent/keeper -run TestClaims",
		text:  "\t\tc.end(fx, Ended{Attempt: k.Attempt, At: now, Reason: k.Reason, Message: killedEarly})\n",
		wrong: "\t\tfx.tell.Ended = append(fx.tell.Ended, Ended{Attempt: k.Attempt, At: now, Reason: k.Reason, Message: killedEarly})\n",
	},
	{
		name: "results are acknowledged before the commit", file: "manager/runner/commit.go", few: true,
		text:  "\t\tif err := r.opt.Store.Write(ctx, b.write); err != nil {\n",
		wrong: "\t\tr.acknowledge(b)\n\t\tif err := r.opt.Store.Write(ctx, b.write); err != nil {\n",
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
		name: "a pong needs no proof of the lease", file: "manager/gateway/contact.go", finder: "./manager/gateway",
		text: "if p.came < c.proved {", wrong: "if p.number > 0 {",
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
	for _, m := range mutations {
		source, err := os.ReadFile(filepath.Join(root, m.file))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(source), m.text); n != 1 {
			t.Errorf("%s: %q stands in %s %d times, want once", m.name, m.text, m.file, n)
			continue
		}
		if mode == "all" || mode == "few" && m.few {
			t.Run(strings.ReplaceAll(m.name, " ", "-"), func(t *testing.T) {
				t.Logf("%-60s %s", m.name, m.try(t, root, strings.Replace(string(source), m.text, m.wrong, 1)))
			})
		}
	}
}

// try builds the finder with the mutated file, and says how it failed.
func (m *mutation) try(t *testing.T, root, mutated string) string {
	dir := t.TempDir()
	file, overlay := filepath.Join(dir, "mutated.go"), filepath.Join(dir, "overlay.json")
	text, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(root, m.file): file}})
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string][]byte{file: []byte(mutated), overlay: text} {
		if err := os.WriteFile(name, body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"test", "-count", "1", "-vet", "off", "-timeout", "5m", "-overlay", overlay}
	finder := "simulator"
	if m.finder != "" {
		finder = m.finder
		args = append(args, strings.Fields(m.finder)...)
	} else {
		args = append(args, "./sim", "-run", "TestSimulator", "-args", "-seeds=4000")
	}
	began := time.Now()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "BANTO_SIM_SEEDS=", "BANTO_MUTATE=")
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		t.Errorf("nobody finds that %s (%s)", m.name, finder)
		return "NOT FOUND"
	case bytes.Contains(out, []byte("[build failed]")) || bytes.Contains(out, []byte("[setup failed]")):
		t.Errorf("it does not build:\n%s", out)
	}
	return fmt.Sprintf("found by %s in %s: %s", finder, time.Since(began).Round(time.Second), firstFault(out))
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
