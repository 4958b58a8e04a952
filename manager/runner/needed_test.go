package runner

import (
	"strings"
	"testing"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// What names a host, or waits for it, keeps it from being removed unforced.
func TestAHostThatIsNeeded(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.joined(hostC, "web01", nil)
		w.field.down(hostC, "sold")
		w.apply(store.KindGroup, "webs", "group: webs\nhosts: [db01, web01]\n")
		w.apply(store.KindAccount, "nightly", "account: nightly\nusers: [{hosts: web01, user: www}]\n")
		id := w.submit(flowOf(t, "a/b", "p1@web01", "p2@db01"))
		settled()
		_, err := w.r.RemoveHost(t.Context(), operator, "web01", false, "")
		refused(t, err, banto.KindConflict, "documents name it: group webs, account nightly; 1 parts wait for a place on it: p1 of "+string(id))
		if _, err := w.r.RemoveHost(t.Context(), operator, "web01", true, ""); err != nil {
			t.Fatal(err)
		}
		settled()
		if got := w.states(id); !strings.HasPrefix(got, "p1=error(no-host)") {
			t.Error(got)
		}
		w.same()
	})
}
