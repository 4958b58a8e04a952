package postgres

import (
	"context"
	"slices"
	"sync"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// absent are trackers and keys that were looked for before a transaction and not
// found, so that it need not ask again, once for each. They mean something until
// the end of the next transaction, also if that comes while they are looked for:
// nobody else writes, and if somebody does, the proof fails.
type absent struct {
	mu       sync.Mutex
	times    int // how often they were forgotten
	trackers map[banto.TrackerID]bool
	keys     map[[2]string]bool
}

// TrackersThere implements store.Submissions.
func (s *Store) TrackersThere(ctx context.Context, ids []banto.TrackerID) ([]banto.TrackerID, error) {
	times := s.absent.forgotten()
	there, err := s.Reader.TrackersThere(ctx, ids)
	if err != nil {
		return nil, err
	}
	s.absent.mu.Lock()
	defer s.absent.mu.Unlock()
	if s.absent.times != times { // one of them may have been made meanwhile
		return there, nil
	}
	s.absent.trackers = make(map[banto.TrackerID]bool, len(ids))
	for _, id := range ids {
		s.absent.trackers[id] = true
	}
	for _, id := range there {
		delete(s.absent.trackers, id)
	}
	return there, nil
}

// SubmittedKeys implements store.Submissions.
func (s *Store) SubmittedKeys(ctx context.Context, principal string, keys []string) ([]store.Submission, error) {
	times := s.absent.forgotten()
	made, err := s.Reader.SubmittedKeys(ctx, principal, keys)
	if err != nil {
		return nil, err
	}
	s.absent.mu.Lock()
	defer s.absent.mu.Unlock()
	if s.absent.times != times {
		return made, nil
	}
	if s.absent.keys == nil {
		s.absent.keys = make(map[[2]string]bool, len(keys))
	}
	for _, key := range keys {
		if !slices.ContainsFunc(made, func(m store.Submission) bool { return m.Key == key }) {
			s.absent.keys[[2]string{principal, key}] = true
		}
	}
	return made, nil
}

func (a *absent) tracker(id banto.TrackerID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.trackers[id]
}

func (a *absent) key(of [2]string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.keys[of]
}

// forgotten gives how often they were forgotten.
func (a *absent) forgotten() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.times
}

func (a *absent) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.trackers, a.keys = nil, nil
	a.times++
}

// following gives the seq that the next tracker of an instant has, unless others of
// that instant, or later ones, are there already.
func (t *tx) following(doing string, id banto.TrackerID, at int64) (seq int64, ok bool, err error) {
	if t.dropped[id] || !t.s.absent.tracker(id) {
		return 0, false, nil
	}
	if t.s.newest == 0 {
		if t.s.newest, err = t.number(doing, newestTracker); err != nil {
			return 0, false, err
		}
	}
	return at, at > t.s.newest, nil
}

// newestTracker is where no tracker of the store is behind.
const newestTracker = "SELECT COALESCE(max(seq), 0) FROM trackers"
