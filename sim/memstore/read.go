package memstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/store"
)

// look runs a reading of one moment.
func (s *Store) look(ctx context.Context, read func(r *rows) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := s.state(); err != nil {
		return err
	}
	if err := s.opt.Read(); err != nil {
		return err
	}
	s.shelf.mu.Lock()
	defer s.shelf.mu.Unlock()
	return read(&s.shelf.rows)
}

// one gives a row by its key.
func one[K comparable, V any](ctx context.Context, s *Store, what string, table func(*rows) map[K]V, k K) (v V, err error) {
	err = s.look(ctx, func(r *rows) error {
		row, ok := table(r)[k]
		if !ok {
			return fmt.Errorf("%s: %w", what, store.ErrNotFound)
		}
		v = given(row)
		return nil
	})
	return v, err
}

// list gives the rows that are wanted, in their order.
func list[K comparable, V any](
	ctx context.Context, s *Store, table func(*rows) map[K]V, wanted func(V) bool, order func(a, b V) int, limit int,
) (out []V, err error) {
	err = s.look(ctx, func(r *rows) error {
		for _, row := range table(r) {
			if wanted == nil || wanted(row) {
				out = append(out, row)
			}
		}
		slices.SortFunc(out, order)
		if limit > 0 && len(out) > limit {
			out = out[:limit]
		}
		for i := range out {
			out[i] = given(out[i])
		}
		return nil
	})
	return out, err
}

// Definition implements store.Definitions.
func (s *Store) Definition(ctx context.Context, kind store.DefinitionKind, path string, version int) (d store.Definition, err error) {
	err = s.look(ctx, func(r *rows) error {
		for _, v := range r.definitions[definitionKey{kind, path}] {
			if v.Version == version || version == 0 && v.Active {
				d = given(v)
				return nil
			}
		}
		return fmt.Errorf("%s %s: %w", kind, path, store.ErrNotFound)
	})
	return d, err
}

// ListDefinitions implements store.Definitions.
func (s *Store) ListDefinitions(ctx context.Context, kind store.DefinitionKind, folder, after string, limit int) (out []store.Definition, err error) {
	folder = strings.TrimSuffix(folder, "/")
	err = s.look(ctx, func(r *rows) error {
		for k, versions := range r.definitions {
			last := versions[len(versions)-1]
			if k.kind == kind && last.Active && k.path > after && (folder == "" || strings.HasPrefix(k.path, folder+"/")) {
				last.Source = ""
				out = append(out, given(last))
			}
		}
		slices.SortFunc(out, func(a, b store.Definition) int { return cmp.Compare(a.Path, b.Path) })
		out = limited(out, limit)
		return nil
	})
	return out, err
}

func limited[V any](rows []V, limit int) []V {
	if limit > 0 && len(rows) > limit {
		return rows[:limit]
	}
	return rows
}

// Versions implements store.Definitions.
func (s *Store) Versions(ctx context.Context, kind store.DefinitionKind, path string, limit int) (out []store.Definition, err error) {
	err = s.look(ctx, func(r *rows) error {
		for _, v := range slices.Backward(r.definitions[definitionKey{kind, path}]) {
			v.Source = ""
			out = append(out, given(v))
		}
		out = limited(out, limit)
		return nil
	})
	return out, err
}

// Flow implements store.Definitions.
func (s *Store) Flow(ctx context.Context, hash string) ([]byte, error) {
	return one(ctx, s, "flow "+hash, func(r *rows) map[string][]byte { return r.flows }, hash)
}

// Script implements store.Definitions.
func (s *Store) Script(ctx context.Context, hash string) ([]byte, error) {
	return one(ctx, s, "script "+hash, func(r *rows) map[string][]byte { return r.scripts }, hash)
}

func trackers(r *rows) map[banto.TrackerID]store.TrackerRow { return r.trackers }

// Tracker implements store.Trackers.
func (s *Store) Tracker(ctx context.Context, id banto.TrackerID) (banto.Tracker, error) {
	row, err := one(ctx, s, "tracker "+string(id), trackers, id)
	return row.Tracker, err
}

// ListTrackers implements store.Trackers.
func (s *Store) ListTrackers(ctx context.Context, q store.TrackerQuery) ([]store.TrackerRow, error) {
	return list(ctx, s, trackers, func(t store.TrackerRow) bool { return asked(q, &t) },
		func(a, b store.TrackerRow) int { return cmp.Compare(b.Cursor, a.Cursor) }, q.Limit)
}

func asked(q store.TrackerQuery, t *store.TrackerRow) bool {
	switch {
	case q.Jobnet == "" || q.Jobnet == "/":
	case strings.HasSuffix(q.Jobnet, "/"):
		if !strings.HasPrefix(t.Jobnet, q.Jobnet) {
			return false
		}
	case t.Jobnet != q.Jobnet:
		return false
	}
	return (len(q.States) == 0 || slices.Contains(q.States, t.State)) && (q.Before == 0 || t.Cursor < q.Before) &&
		(q.From.IsZero() || !t.SubmittedAt.Before(q.From)) && (q.To.IsZero() || t.SubmittedAt.Before(q.To))
}

func parts(r *rows) map[partKey]banto.Part { return r.parts }

func byKey(a, b banto.Part) int { return cmp.Compare(a.Key, b.Key) }

// Parts implements store.Trackers.
func (s *Store) Parts(ctx context.Context, id banto.TrackerID, since int64, after banto.PartKey, limit int) ([]banto.Part, error) {
	return list(ctx, s, parts, func(p banto.Part) bool {
		return p.Tracker == id && (since <= 0 || p.Revision > since) && p.Key > after
	}, byKey, limit)
}

// PartsByKey implements store.Trackers.
func (s *Store) PartsByKey(ctx context.Context, id banto.TrackerID, keys []banto.PartKey) (out []banto.Part, err error) {
	err = s.look(ctx, func(r *rows) error {
		for _, k := range keys {
			if p, ok := r.parts[partKey{id, k}]; ok {
				out = append(out, given(p))
			}
		}
		return nil
	})
	return out, err
}

func attempts(r *rows) map[attemptKey]banto.Attempt { return r.attempts }

func bySeq(a, b banto.Attempt) int { return cmp.Compare(a.Seq, b.Seq) }

// Attempts implements store.Trackers.
func (s *Store) Attempts(ctx context.Context, id banto.TrackerID, part banto.PartKey, after, limit int) ([]banto.Attempt, error) {
	return list(ctx, s, attempts, func(a banto.Attempt) bool {
		return a.Tracker == id && (part == "" || a.Part == part) && a.Seq > after
	}, bySeq, limit)
}

// Attempt implements store.Trackers.
func (s *Store) Attempt(ctx context.Context, id banto.AttemptID) (banto.Attempt, error) {
	tracker, seq, err := id.Split()
	if err != nil || banto.NewAttemptID(tracker, seq) != id {
		if _, err := s.state(); err != nil {
			return banto.Attempt{}, err
		}
		return banto.Attempt{}, fmt.Errorf("attempt %s: %w", id, store.ErrNotFound)
	}
	return one(ctx, s, "attempt "+string(id), attempts, attemptKey{tracker, seq})
}

// Unfinished implements store.Trackers.
func (s *Store) Unfinished(ctx context.Context, each func(engine.Records) error) error {
	var all []engine.Records
	err := s.look(ctx, func(r *rows) error {
		at := map[banto.TrackerID]int{}
		var open []store.TrackerRow
		for _, t := range r.trackers {
			if !t.State.Ended() {
				open = append(open, t)
			}
		}
		slices.SortFunc(open, func(a, b store.TrackerRow) int { return cmp.Compare(a.Cursor, b.Cursor) })
		for i := range open {
			at[open[i].ID] = i
			all = append(all, engine.Records{Tracker: given(open[i].Tracker)})
		}
		for k, p := range r.parts {
			if i, ok := at[k.tracker]; ok {
				all[i].Parts = append(all[i].Parts, given(p))
			}
		}
		for k, a := range r.attempts {
			if i, ok := at[k.tracker]; ok && !a.State.Ended() {
				all[i].Attempts = append(all[i].Attempts, given(a))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range all {
		slices.SortFunc(all[i].Parts, byKey)
		slices.SortFunc(all[i].Attempts, bySeq)
		if err := each(all[i]); err != nil {
			return err
		}
	}
	return nil
}

// Records implements store.Trackers.
func (s *Store) Records(ctx context.Context, id banto.TrackerID) (out engine.Records, err error) {
	err = s.look(ctx, func(r *rows) error {
		t, ok := r.trackers[id]
		if !ok {
			return fmt.Errorf("tracker %s: %w", id, store.ErrNotFound)
		}
		out.Tracker = given(t.Tracker)
		for k, p := range r.parts {
			if k.tracker == id {
				out.Parts = append(out.Parts, given(p))
			}
		}
		for k, a := range r.attempts {
			if k.tracker == id && !a.State.Ended() {
				out.Attempts = append(out.Attempts, given(a))
			}
		}
		slices.SortFunc(out.Parts, byKey)
		slices.SortFunc(out.Attempts, bySeq)
		return nil
	})
	return out, err
}

// TrackersThere implements store.Submissions.
func (s *Store) TrackersThere(ctx context.Context, ids []banto.TrackerID) (out []banto.TrackerID, err error) {
	err = s.look(ctx, func(r *rows) error {
		for _, id := range ids {
			if _, ok := r.trackers[id]; ok {
				out = append(out, id)
			}
		}
		return nil
	})
	return out, err
}

// SubmittedKeys implements store.Submissions.
func (s *Store) SubmittedKeys(ctx context.Context, principal string, keys []string) (out []store.Submission, err error) {
	err = s.look(ctx, func(r *rows) error {
		for _, key := range keys {
			if row, ok := r.submitted[submitKey{principal, key}]; ok {
				out = append(out, store.Submission{Key: key, Tracker: row.id, RequestHash: row.hash})
			}
		}
		return nil
	})
	return out, err
}

// Submitted implements store.Trackers.
func (s *Store) Submitted(ctx context.Context, principal, key string) (id banto.TrackerID, hash string, err error) {
	err = s.look(ctx, func(r *rows) error {
		row, ok := r.submitted[submitKey{principal, key}]
		if !ok {
			return fmt.Errorf("key %s: %w", key, store.ErrNotFound)
		}
		id, hash = row.id, row.hash
		return nil
	})
	return id, hash, err
}
