package runner

import (
	"container/list"
	"context"
	"errors"
	"fmt"

	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/store"
)

// maxCachedParts bounds the flow cache by the parts of its flows, since one
// flow may have a hundred thousand.
const maxCachedParts = 300_000

// flowCache keeps flows that are known to be in the store, by hash, those used
// last. Trackers share them: a flow is immutable.
type flowCache struct {
	by    map[string]*list.Element
	order *list.List // of cachedFlow, last used in front
	parts int
}

type cachedFlow struct {
	hash string
	flow *jobnet.Flow
}

func newFlowCache() *flowCache {
	return &flowCache{by: make(map[string]*list.Element), order: list.New()}
}

// get gives a cached flow, or nil.
func (c *flowCache) get(hash string) *jobnet.Flow {
	e := c.by[hash]
	if e == nil {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(cachedFlow).flow
}

// put keeps a flow that is in the store.
func (c *flowCache) put(hash string, f *jobnet.Flow) {
	if e := c.by[hash]; e != nil {
		c.order.MoveToFront(e)
		return
	}
	c.by[hash] = c.order.PushFront(cachedFlow{hash, f})
	c.parts += len(f.Parts) + 1
	for c.parts > maxCachedParts && c.order.Len() > 1 {
		last := c.order.Remove(c.order.Back()).(cachedFlow)
		delete(c.by, last.hash)
		c.parts -= len(last.flow.Parts) + 1
	}
}

// errUnusable is why a tracker cannot be brought back although the store can be
// read.
var errUnusable = errors.New("cannot be brought back")

// load gives a flow, from the cache or the store.
func (c *flowCache) load(ctx context.Context, s store.Definitions, hash string) (*jobnet.Flow, error) {
	if f := c.get(hash); f != nil {
		return f, nil
	}
	body, err := s.Flow(ctx, hash)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("%w: the flow %s is not there", errUnusable, hash)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the flow %s: %w", hash, err)
	}
	f, err := jobnet.Decode(body)
	if err != nil {
		return nil, fmt.Errorf("%w: the flow %s does not decode: %w", errUnusable, hash, err)
	}
	c.put(hash, f)
	return f, nil
}
