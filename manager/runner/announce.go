package runner

import (
	"maps"
	"slices"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// told is what the gateway and the fabric were told of hosts. After a commit
// whose answer was lost it is compared with the store.
type told struct {
	hosts map[banto.HostID]string // public keys of those that may connect
	keys  map[string]bool         // that were revoked; nil before the first rebuild
}

// announce tells who may connect and who may not any more, as the store has it
// after a rebuild. Keys that were revoked before the start are known already.
func (r *Runner) announce(m *memory, revoked []store.RevokedKey) {
	for _, id := range slices.Sorted(maps.Keys(r.told.hosts)) {
		if _, there := m.hosts[id]; !there {
			r.tellRemoved(id, "the host was removed")
		}
	}
	for _, id := range slices.Sorted(maps.Keys(m.hosts)) {
		r.tellEnrolled(m.hosts[id])
	}
	first := r.told.keys == nil
	if first {
		r.told.keys = make(map[string]bool)
	}
	for _, k := range revoked {
		r.tellRevoked(k, first)
	}
}

// tell tells what a batch has changed of the hosts.
func (r *Runner) tell(b *batch) {
	for _, k := range b.revoked.vals {
		r.tellRevoked(k, false)
	}
	for i, id := range b.hosts.keys {
		if row := b.hosts.vals[i]; row.gone {
			r.tellRemoved(id, row.host.Why)
		} else {
			r.tellEnrolled(row.host)
		}
	}
}

func (r *Runner) tellEnrolled(h banto.Host) {
	if key, known := r.told.hosts[h.ID]; known && key == h.PublicKey {
		return
	}
	if r.told.hosts == nil {
		r.told.hosts = make(map[banto.HostID]string)
	}
	r.told.hosts[h.ID] = h.PublicKey
	r.opt.Hosts.Enrolled(h.ID, h.Generation, h.Claims)
}

func (r *Runner) tellRemoved(id banto.HostID, why string) {
	delete(r.told.hosts, id)
	delete(r.sessions, id)
	delete(r.silent, id)
	delete(r.doubts, id)
	r.opt.Hosts.Removed(id, why)
}

func (r *Runner) tellRevoked(k store.RevokedKey, known bool) {
	if r.told.keys[k.PublicKey] {
		return
	}
	r.told.keys[k.PublicKey] = true
	if !known && r.opt.Removed != nil {
		r.opt.Removed(k)
	}
}
