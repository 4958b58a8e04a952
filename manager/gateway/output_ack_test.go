package gateway

import (
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
)

// What is told of output goes with the acknowledgement of the result that came
// with it; without one it does not wait for longer than the host's next frame.
func TestOutputIsAcknowledgedWithItsResult(t *testing.T) {
	short, long := banto.AttemptID("20260401-0000001.1"), banto.AttemptID("20260401-0000001.2")
	m := opened(t, 3)
	frame := func(at time.Duration, ended ...banto.AttemptID) {
		u := fabric.Up{Version: 3, Session: m.session, Beat: true}
		for _, id := range ended {
			u.Ended = append(u.Ended, fabric.EndedReport{Attempt: id})
		}
		m.Frame(u, start.Add(at))
	}
	next := func(at time.Duration) (acks, outputs int) {
		for d, ok := m.Next(start.Add(at)); ok; d, ok = m.Next(start.Add(at)) {
			acks, outputs = acks+len(d.Acks), outputs+len(d.OutputAcks)
		}
		return acks, outputs
	}
	for _, c := range []struct {
		what          string
		do            func()
		acks, outputs int
	}{
		{"with a result, not yet committed", func() { frame(1, short); m.Stored(short, 3, false) }, 0, 0},
		{"committed", func() { m.Acknowledge([]banto.AttemptID{short}) }, 1, 1},
		{"without a result", func() { frame(2); m.Stored(long, 3, false) }, 0, 1},
		{"a gap", func() { frame(3, long); m.Stored(long, 3, true) }, 0, 1},
		{"with a result again", func() { frame(4, long); m.Stored(long, 5, false) }, 0, 0},
		{"that is long in coming", func() { frame(5) }, 0, 1},
		{"beside another's output", func() { frame(6, short); m.Stored(short, 3, false); m.Stored(long, 9, false) }, 0, 2},
	} {
		c.do()
		if acks, outputs := next(10); acks != c.acks || outputs != c.outputs {
			t.Errorf("%s: %d results and %d outputs are acknowledged, want %d and %d", c.what, acks, outputs, c.acks, c.outputs)
		}
	}
}
