package link

import (
	"reflect"
	"testing"
	"time"

	"github.com/bantoops/banto/fabric"
)

// An agent that starts anew obeys none of the managers that another house has
// followed, and no lower epoch, as the one before it.
func TestTheHouseOutlivesTheAgent(t *testing.T) {
	about := func() *Machine { return NewMachine("a", func() string { return "x" }, fabric.Hello{}) }
	first := about()
	now := time.Now()
	for _, d := range []fabric.Down{{Incarnation: "site1", Epoch: 4}, {Incarnation: "site2", Epoch: 2}, {Incarnation: "site2", Epoch: 3}, {Incarnation: "site1", Epoch: 9}} {
		first.Frame(d, now)
	}
	kept, changed := first.House()
	if want := (House{Incarnation: "site2", Epoch: 3, Left: []string{"site1"}}); !changed || !reflect.DeepEqual(kept, want) {
		t.Fatalf("kept %+v", kept)
	}
	if _, changed := first.House(); changed {
		t.Error("it has changed once more")
	}
	second := about()
	second.Remember(kept)
	for _, c := range []struct {
		d    fabric.Down
		want bool
	}{
		{fabric.Down{Incarnation: "site1", Epoch: 99}, false},
		{fabric.Down{Incarnation: "site2", Epoch: 2}, false},
		{fabric.Down{Incarnation: "site2", Epoch: 3}, true},
		{fabric.Down{Incarnation: "site3", Epoch: 1}, true},
		{fabric.Down{Incarnation: "site2", Epoch: 50}, false},
	} {
		if got := second.obeys(&c.d); got != c.want {
			t.Errorf("%s epoch %d: obeyed %v", c.d.Incarnation, c.d.Epoch, got)
		}
	}
}
