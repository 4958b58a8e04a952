package lease

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bantoops/banto/store"
)

// row is a lease in memory, with a clock that the bubble moves.
type row struct {
	mu     sync.Mutex
	began  time.Time
	lease  store.Lease
	proved time.Duration
	write  func(ctx context.Context) error // nil: it works
	took   []store.TakeOver
}

func (r *row) clock() time.Duration { return time.Since(r.began) + time.Hour }

func (r *row) Lease(context.Context) (store.Lease, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lease
	l.Age = time.Since(l.RenewedAt)
	return l, nil
}

func (r *row) Take(_ context.Context, t store.TakeOver) (int64, error) {
	if l, _ := r.Lease(context.Background()); !t.Force && l.Holder != "" && l.Age < t.After {
		return 0, store.ErrHeld
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.took = append(r.took, t)
	r.lease = store.Lease{Epoch: r.lease.Epoch + 1, Holder: t.Holder, RenewedAt: time.Now()}
	r.proved = r.clock()
	return r.lease.Epoch, nil
}

func (r *row) Release(_ context.Context, next string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lease.Holder, r.lease.Next = "", next
	return nil
}

func (r *row) Write(ctx context.Context, _ func(store.Tx) error) error {
	began := r.clock()
	if r.write != nil {
		if err := r.write(ctx); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.proved, r.lease.RenewedAt = began, time.Now()
	return nil
}

func (r *row) ProvedAt() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.proved
}

func (r *row) Shared() bool { return true }

func holder(t *testing.T, r *row, name string) *Holder {
	t.Helper()
	h, err := New(Options{Store: r, Holder: name, Name: name, Clock: r.clock})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestTimesThatDoNotFitAreRefused(t *testing.T) {
	good := DefaultTimes()
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Times){
		"followed before it gives up": func(x *Times) { x.TTL = x.GiveUp },
		"gives up too soon":           func(x *Times) { x.GiveUp = x.Renew },
		"never renews":                func(x *Times) { x.Renew = 0 },
		"never looks":                 func(x *Times) { x.Poll = 0 },
	} {
		bad := good
		change(&bad)
		if err := bad.Check(); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if _, err := New(Options{Store: &row{}, Times: bad}); err == nil {
			t.Errorf("%s: a holder was made", name)
		}
	}
}

// A standby follows at once where nobody leads, after the grace where the
// holder's session is gone, and after the ttl where the holder is silent; a
// holder that renews is never followed.
func TestWhenTheLeaseIsFree(t *testing.T) {
	o := Options{Name: "b", Times: DefaultTimes()}
	type look struct {
		at time.Duration
		l  store.Lease
	}
	held := store.Lease{Epoch: 7, Holder: "a", Age: 500 * time.Millisecond}
	gone := store.Lease{Epoch: 7, Holder: "a", Age: 1200 * time.Millisecond, Gone: true}
	young := store.Lease{Epoch: 7, Holder: "a", Age: 200 * time.Millisecond, Gone: true}
	for name, c := range map[string]struct {
		looks []look
		want  bool
		force bool
	}{
		"nobody ever":                  {looks: []look{{0, store.Lease{}}}, want: true},
		"held":                         {looks: []look{{0, held}, {time.Hour, held}}},
		"silent":                       {looks: []look{{0, store.Lease{Epoch: 7, Holder: "a", Age: 8 * time.Second}}}, want: true},
		"given up":                     {looks: []look{{0, store.Lease{Epoch: 7}}}, want: true},
		"given up to us":               {looks: []look{{0, store.Lease{Epoch: 7, Next: "b"}}}, want: true},
		"given up to another":          {looks: []look{{0, store.Lease{Epoch: 7, Next: "c"}}}},
		"another does not come":        {looks: []look{{1, store.Lease{Epoch: 7, Next: "c"}}, {time.Second + 1, store.Lease{Epoch: 7, Next: "c"}}}, want: true},
		"session just gone":            {looks: []look{{0, gone}}},
		"session gone":                 {looks: []look{{1, gone}, {time.Second + 1, gone}}, want: true, force: true},
		"session gone, but it renews":  {looks: []look{{1, young}, {time.Minute, young}}},
		"session back in between":      {looks: []look{{1, gone}, {2, held}, {time.Second + 1, gone}}},
		"session of another is gone":   {looks: []look{{1, gone}, {time.Second + 1, store.Lease{Epoch: 8, Holder: "c", Age: 2 * time.Second, Gone: true}}}},
		"silent after session is gone": {looks: []look{{1, gone}, {2, store.Lease{Epoch: 7, Holder: "a", Age: 9 * time.Second, Gone: true}}}, want: true},
	} {
		var w watch
		var got bool
		for _, l := range c.looks {
			got = w.free(l.l, o, l.at)
		}
		if got != c.want || got && w.force != c.force {
			t.Errorf("%s: free %v, by force %v", name, got, w.force)
		}
	}
}

func TestALeaseThatIsKeptIsNeverFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &row{began: time.Now()}
		a, b := holder(t, r, "a"), holder(t, r, "b")
		if _, err := a.Wait(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		kept := make(chan error)
		go func() { kept <- a.Keep(ctx) }()
		short, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		if _, err := b.Wait(short, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("the standby took a lease that is kept: %v", err)
		}
		if !a.Leading() {
			t.Error("the active one does not lead")
		}
		cancel()
		if err := <-kept; err != nil {
			t.Error(err)
		}
		if err := a.Release(t.Context(), "b"); err != nil {
			t.Fatal(err)
		}
		if epoch, err := b.Wait(t.Context(), nil); err != nil || epoch != 2 {
			t.Fatalf("epoch %d: %v", epoch, err)
		}
	})
}

// One whose store hangs gives itself up, and only after that is followed.
func TestOneThatCannotProveGivesItselfUpFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &row{began: time.Now()}
		a, b := holder(t, r, "a"), holder(t, r, "b")
		if _, err := a.Wait(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		r.write = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		err := a.Keep(t.Context())
		if !errors.Is(err, ErrGivenUp) {
			t.Fatalf("it ended with %v", err)
		}
		if a.Leading() {
			t.Error("it leads on")
		}
		if l, _ := r.Lease(t.Context()); l.Age >= DefaultTimes().TTL {
			t.Error("it gave up only when another could have followed")
		}
		if _, err := b.Wait(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	})
}

func TestADeposedOneKnowsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &row{began: time.Now()}
		a := holder(t, r, "a")
		if _, err := a.Wait(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		r.write = func(context.Context) error { return store.ErrDeposed }
		if err := a.Keep(t.Context()); !errors.Is(err, store.ErrDeposed) {
			t.Fatalf("it ended with %v", err)
		}
	})
}
