package runner

import (
	"context"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/pgtest"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/postgres"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// onStores plays a test once with each kind of store. fresh is for the bubble
// of time; it is called once for each call of open, which is outside of it.
func onStores(t *testing.T, play func(t *testing.T, open func(t *testing.T) (fresh func(testing.TB) *world))) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		play(t, func(*testing.T) func(testing.TB) *world { return newWorld })
	})
	t.Run("postgres", func(t *testing.T) {
		play(t, func(t *testing.T) func(testing.TB) *world {
			s, err := postgres.Open(context.Background(), pgtest.Start(t).NewDatabase(t), postgres.Options{})
			if err != nil {
				t.Fatal(err)
			}
			o := newOutside(s)
			t.Cleanup(o.stop)
			return func(t testing.TB) *world { return newWorldOn(t, o) }
		})
	})
}

// inWorlds is inWorld with each kind of store.
func inWorlds(t *testing.T, play func(t *testing.T, w *world)) {
	t.Helper()
	onStores(t, func(t *testing.T, open func(*testing.T) func(testing.TB) *world) {
		fresh := open(t)
		synctest.Test(t, func(t *testing.T) {
			w := fresh(t)
			w.run()
			defer w.close()
			play(t, w)
		})
	})
}

// outside is a store whose connections live outside of a test's bubble of time:
// what they wait for is real. Each call is made by a goroutine out there.
type outside struct {
	store.Store
	calls chan outsideCall
	done  chan chan struct{} // made outside, for those who wait inside
	ended chan struct{}
}

type outsideCall struct {
	do   func()
	done chan struct{}
}

func newOutside(s store.Store) *outside {
	o := &outside{Store: s, calls: make(chan outsideCall), done: make(chan chan struct{}, 64), ended: make(chan struct{})}
	for range cap(o.done) {
		o.done <- make(chan struct{})
	}
	go func() {
		defer close(o.ended)
		for c := range o.calls {
			go func() {
				c.do()
				c.done <- struct{}{}
			}()
		}
	}()
	return o
}

func (o *outside) stop() {
	close(o.calls)
	<-o.ended
	_ = o.Store.Close()
}

func (o *outside) run(do func()) {
	done := <-o.done
	o.calls <- outsideCall{do, done}
	<-done
	o.done <- done
}

// there makes a call outside, with a context of there.
func there[T any](o *outside, do func(context.Context) (T, error)) (v T, err error) {
	o.run(func() { v, err = do(context.Background()) })
	return v, err
}

// each makes a call outside that calls back: what it gives is passed on here,
// where it may make calls itself.
func each[T any](o *outside, do func(ctx context.Context, each func(T) error) error, here func(T) error) error {
	var all []T
	var err error
	o.run(func() {
		err = do(context.Background(), func(v T) error { all = append(all, v); return nil })
	})
	for _, v := range all {
		if err == nil {
			err = here(v)
		}
	}
	return err
}

// Close is made by stop.
func (o *outside) Close() error { return nil }

func (o *outside) Begin(_ context.Context, holder string, now time.Time) (int64, error) {
	return there(o, func(ctx context.Context) (int64, error) { return o.Store.Begin(ctx, holder, now) })
}

func (o *outside) Write(_ context.Context, fn func(store.Tx) error) (err error) {
	o.run(func() { err = o.Store.Write(context.Background(), fn) })
	return err
}

func (o *outside) Mark(_ context.Context, name string) (string, error) {
	return there(o, func(ctx context.Context) (string, error) { return o.Store.Mark(ctx, name) })
}

func (o *outside) Outbox(context.Context) ([]store.OutboxEntry, error) {
	return there(o, o.Store.Outbox)
}

func (o *outside) Revoked(context.Context) ([]store.RevokedKey, error) {
	return there(o, o.Store.Revoked)
}

func (o *outside) AccountStates(context.Context) ([]store.AccountState, error) {
	return there(o, o.Store.AccountStates)
}

func (o *outside) Tracker(_ context.Context, id banto.TrackerID) (banto.Tracker, error) {
	return there(o, func(ctx context.Context) (banto.Tracker, error) { return o.Store.Tracker(ctx, id) })
}

func (o *outside) ListTrackers(_ context.Context, q store.TrackerQuery) ([]store.TrackerRow, error) {
	return there(o, func(ctx context.Context) ([]store.TrackerRow, error) { return o.Store.ListTrackers(ctx, q) })
}

func (o *outside) Parts(_ context.Context, id banto.TrackerID, since int64, after banto.PartKey, limit int) ([]banto.Part, error) {
	return there(o, func(ctx context.Context) ([]banto.Part, error) { return o.Store.Parts(ctx, id, since, after, limit) })
}

func (o *outside) Attempts(_ context.Context, id banto.TrackerID, part banto.PartKey, after, limit int) ([]banto.Attempt, error) {
	return there(o, func(ctx context.Context) ([]banto.Attempt, error) {
		return o.Store.Attempts(ctx, id, part, after, limit)
	})
}

func (o *outside) Attempt(_ context.Context, id banto.AttemptID) (banto.Attempt, error) {
	return there(o, func(ctx context.Context) (banto.Attempt, error) { return o.Store.Attempt(ctx, id) })
}

func (o *outside) Unfinished(_ context.Context, here func(engine.Records) error) error {
	return each(o, o.Store.Unfinished, here)
}

func (o *outside) Records(_ context.Context, id banto.TrackerID) (engine.Records, error) {
	return there(o, func(ctx context.Context) (engine.Records, error) { return o.Store.Records(ctx, id) })
}

func (o *outside) Submitted(_ context.Context, principal, key string) (id banto.TrackerID, hash string, err error) {
	o.run(func() { id, hash, err = o.Store.Submitted(context.Background(), principal, key) })
	return id, hash, err
}

func (o *outside) TrackersThere(_ context.Context, ids []banto.TrackerID) ([]banto.TrackerID, error) {
	return there(o, func(ctx context.Context) ([]banto.TrackerID, error) { return o.Store.TrackersThere(ctx, ids) })
}

func (o *outside) SubmittedKeys(_ context.Context, principal string, keys []string) ([]store.Submission, error) {
	return there(o, func(ctx context.Context) ([]store.Submission, error) {
		return o.Store.SubmittedKeys(ctx, principal, keys)
	})
}

func (o *outside) Definition(_ context.Context, kind store.DefinitionKind, path string, version int) (store.Definition, error) {
	return there(o, func(ctx context.Context) (store.Definition, error) {
		return o.Store.Definition(ctx, kind, path, version)
	})
}

func (o *outside) ListDefinitions(_ context.Context, kind store.DefinitionKind, folder, after string, limit int) ([]store.Definition, error) {
	return there(o, func(ctx context.Context) ([]store.Definition, error) {
		return o.Store.ListDefinitions(ctx, kind, folder, after, limit)
	})
}

func (o *outside) Flow(_ context.Context, hash string) ([]byte, error) {
	return there(o, func(ctx context.Context) ([]byte, error) { return o.Store.Flow(ctx, hash) })
}

func (o *outside) Script(_ context.Context, hash string) ([]byte, error) {
	return there(o, func(ctx context.Context) ([]byte, error) { return o.Store.Script(ctx, hash) })
}

func (o *outside) Host(_ context.Context, name string) (banto.Host, error) {
	return there(o, func(ctx context.Context) (banto.Host, error) { return o.Store.Host(ctx, name) })
}

func (o *outside) HostByID(_ context.Context, id banto.HostID) (banto.Host, error) {
	return there(o, func(ctx context.Context) (banto.Host, error) { return o.Store.HostByID(ctx, id) })
}

func (o *outside) ListHosts(_ context.Context, after string, limit int) ([]banto.Host, error) {
	return there(o, func(ctx context.Context) ([]banto.Host, error) { return o.Store.ListHosts(ctx, after, limit) })
}

func (o *outside) Join(_ context.Context, hash string) (store.Join, error) {
	return there(o, func(ctx context.Context) (store.Join, error) { return o.Store.Join(ctx, hash) })
}

func (o *outside) ListAudit(_ context.Context, object string, before int64, limit int) ([]banto.AuditEntry, error) {
	return there(o, func(ctx context.Context) ([]banto.AuditEntry, error) {
		return o.Store.ListAudit(ctx, object, before, limit)
	})
}
