package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// group runs the parts of a process until one fails or all are stopped.
type group struct {
	ctx    context.Context
	cancel context.CancelFunc
	wait   sync.WaitGroup
	once   sync.Once
	mu     sync.Mutex
	err    error
	broken chan struct{}
}

func newGroup(ctx context.Context) *group {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	return &group{ctx: ctx, cancel: cancel, broken: make(chan struct{})}
}

// run starts a part. A part that returns before it was told to has failed.
func (g *group) run(name string, part func(context.Context) error) {
	g.wait.Go(func() {
		err := part(g.ctx)
		if g.ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
			return
		}
		if err == nil {
			err = errors.New("ended by itself")
		}
		g.fail(fmt.Errorf("%s: %w", name, err))
	})
}

func (g *group) fail(err error) {
	g.once.Do(func() {
		g.mu.Lock()
		g.err = err
		g.mu.Unlock()
		close(g.broken)
	})
}

// failed is closed when a part has failed.
func (g *group) failed() <-chan struct{} { return g.broken }

// why gives the first failure.
func (g *group) why() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

// stop ends all parts, waits for them, and gives the first failure.
func (g *group) stop() error {
	g.cancel()
	g.wait.Wait()
	return g.why()
}
