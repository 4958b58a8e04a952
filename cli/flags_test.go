package cli

import (
	"context"
	"strings"
	"testing"

	"github.com/bantoops/banto"
)

// What was given to a flag and is not understood is refused in words.
func TestValuesThatAreNotUnderstood(t *testing.T) {
	long := strings.Repeat("長", longestReason+1)
	for _, tt := range []struct {
		args, want []string
	}{
		{[]string{"host", "enrol", "--expires", "soon"}, []string{`--expires wants a time such as 30m, 1h30m or 2d, not "soon"`}},
		{[]string{"host", "enrol", "--expires", "40d"}, []string{"--expires wants a time from 1m to 30d"}},
		{[]string{"host", "enrol", "--name", ""}, []string{"--name is empty; leave it out"}},
		{[]string{"server", "--guard=x"}, []string{`--guard wants true or false, not "x"`}},
		{[]string{"host", "list", "--json=maybe"}, []string{`--json wants true or false, not "maybe"`}},
		{[]string{"tracker", "comment", "20261121-7k3mq0x", long}, []string{"the comment is longer than 1000 characters"}},
		{[]string{"tracker", "hold", "20261121-7k3mq0x", "--reason", long}, []string{"the reason is longer than 1000 characters"}},
		{[]string{"host", "hold", "db01", "--reason", long}, []string{"the reason is longer than 1000 characters"}},
		{[]string{"agent", "--join", "-"}, []string{"no token came on standard input"}},
	} {
		var out strings.Builder
		std := someEnv(english, 0, &out).std
		std.In = strings.NewReader("")
		dir := t.TempDir()
		std.Env = func(name string) string {
			return map[string]string{"BANTO_CONFIG": dir + "/config.json", "BANTO_DATA": dir, "BANTO_URL": "http://127.0.0.1:1"}[name]
		}
		if code := Run(context.Background(), tt.args, std); code != 2 {
			t.Errorf("%.40q: exit code %d", tt.args, code)
		}
		for _, want := range tt.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%.40q: %q is not in %.400q", tt.args, want, out.String())
			}
		}
	}
}

// A part that still runs has not ended by anybody's word yet.
func TestWhatAForceEndHasDone(t *testing.T) {
	now := banto.MoveChange{Part: "a", From: banto.PartHeld, To: banto.PartOK}
	later := banto.MoveChange{Part: "b", From: banto.PartRunning, To: banto.PartRunning}
	for _, tt := range []struct {
		changes []banto.MoveChange
		want    string
	}{
		{[]banto.MoveChange{now}, "tracker x: ended by your word: 1"},
		{[]banto.MoveChange{later}, "tracker x: to be ended by your word: 1 (being killed)"},
		{[]banto.MoveChange{now, later, later}, "tracker x: ended by your word: 1; to be ended: 2 (being killed)"},
	} {
		e := someEnv(english, 0, &strings.Builder{})
		if got := e.forced(banto.MoveResult{Tracker: banto.Tracker{ID: "x"}, Changes: tt.changes}); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestItemsOfAPart(t *testing.T) {
	parts := []banto.PartView{{Part: banto.Part{Key: "every"}}, {Part: banto.Part{Key: "every[e1]"}}, {Part: banto.Part{Key: "every[e2]"}}, {Part: banto.Part{Key: "everyone"}}}
	if got := someOf(itemsOf(parts, "every")); got != "every[e1], every[e2]" {
		t.Errorf("got %q", got)
	}
	if got := itemsOf(parts, "everyone"); got != nil {
		t.Errorf("got %q", got)
	}
}
