package runner

import (
	"strings"
	"testing"
	"testing/synctest"

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

// At its start the manager announces every host of the store, and nobody else.
func TestHostsAreAnnouncedAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run()
		w.joined(hostC, "web01", nil)
		w.joined("h-dddddddddd", "web02", nil)
		if _, err := w.r.RemoveHost(t.Context(), operator, "web01", false, ""); err != nil {
			t.Fatal(err)
		}
		w.end()
		w.run(func(o *Options) { o.Removed = func(k store.RevokedKey) { t.Errorf("told of %s again", k.PublicKey) } })
		defer w.close()
		if w.link.may[hostA] != 1 || w.link.may[hostB] != 1 || w.link.may["h-dddddddddd"] != 1 || len(w.link.may) != 3 {
			t.Errorf("announced: %v", w.link.may)
		}
	})
}
