package keeper

import (
	"strings"
	"testing"

	"github.com/bantoops/banto"
)

// TestDeadMan has a tree of processes without contact: all of it ends. With
// contact it lives on, through its keeper's death, too.
func TestDeadMan(t *testing.T) {
	b, g := setUp(t), openGates(t)
	if !b.last.DeadMan {
		t.Fatalf("%+v", b.last)
	}
	b.start(1, program("gate", g.Addr().String()))
	free := g.next()
	s := program("tree", g.Addr().String())
	s.DeadManMS = limitMS
	b.start(2, s)
	if e := b.ended(2); e.Reason != banto.ReasonLost || !strings.Contains(e.Message, "no contact to the manager yet") {
		t.Fatalf("%+v", e)
	}
	stop := b.feed()
	b.contact()
	b.start(3, s)
	all := []*gate{g.next(), g.next(), g.next(), g.next()}
	stop()
	b.killKeeper()
	b.connect()
	e := b.ended(3)
	wantLost(t, e)
	for _, g := range all {
		g.gone()
	}
	if len(b.hear.Ended) != 2 {
		t.Errorf("%+v", b.hear.Ended)
	}
	free.say("I live")
	free.exit(0)
	wantExit(t, b.ended(1), 0)
}

// TestDeadManObject has a job that does not hear CTRL_BREAK.
func TestDeadManObject(t *testing.T) {
	b, g := setUp(t), openGates(t)
	b.contact()
	s := program("deaf", g.Addr().String())
	s.DeadManMS = 3 * limitMS
	b.start(1, s)
	at := g.next()
	e := b.ended(1)
	if e.Reason != banto.ReasonLost || !strings.Contains(e.Message, "ended with its job object") {
		t.Fatalf("%+v", e)
	}
	at.gone()
}
