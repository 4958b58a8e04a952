package gateway

import (
	"errors"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/manager/outputs"
)

// While the store cannot say whose an attempt is, its output is neither kept
// nor dropped, and its result waits; once it can, both are taken.
func TestAStoreThatCannotSayLosesNoOutput(t *testing.T) {
	kept, err := outputs.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	const id = banto.HostID("h-1111111111")
	mine, foreign := banto.NewAttemptID("20261122-0000001", 1), banto.NewAttemptID("20261122-0000001", 2)
	var trouble error
	g := New(Options{Outputs: kept, Owns: func(_ banto.HostID, id banto.AttemptID) (bool, error) {
		return trouble == nil && id == mine, trouble
	}})
	v, now := newVisit(g, &host{id: id}), time.Now()
	tell := func() (size int64, ended int) {
		for _, id := range []banto.AttemptID{mine, foreign} {
			v.write(fabric.OutputChunk{Attempt: id, Data: []byte("hello")}, now)
		}
		n := len(v.complete([]fabric.EndedReport{{Attempt: mine, OutputSize: 5}, {Attempt: foreign, OutputSize: 5}}))
		size, err := kept.Size(mine)
		if err != nil {
			t.Fatal(err)
		}
		return size, n
	}
	trouble = errors.New("the store hangs")
	if size, ended := tell(); size != 0 || ended != 0 {
		t.Errorf("with a store in trouble %d bytes are kept and %d results passed on", size, ended)
	}
	trouble = nil
	if size, ended := tell(); size != 5 || ended != 2 { // the runner refuses the foreign one
		t.Errorf("after it %d bytes are kept and %d results passed on", size, ended)
	}
	if size, err := kept.Size(foreign); err != nil || size != 0 {
		t.Errorf("%d bytes of another's output are kept, %v", size, err)
	}
}
