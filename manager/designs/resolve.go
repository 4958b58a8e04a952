package designs

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/store"
)

// Resolved is a jobnet that is in use, ready to run.
type Resolved struct {
	Flow    *jobnet.Flow
	Body    []byte // of the flow, encoded; not to be changed
	Hash    string
	Version int
}

// Resolve gives the flow of the jobnet in use under that path, its folders'
// defaults included.
func (d *Designs) Resolve(ctx context.Context, path string) (Resolved, error) {
	if r, ok := d.cache.fresh(path, d.generation.Load()); ok {
		return r, nil
	}
	d.compiling.Lock()
	defer d.compiling.Unlock()
	generation := d.generation.Load()
	if r, ok := d.cache.fresh(path, generation); ok {
		return r, nil
	}
	what := "cannot use jobnet " + path
	defs, versions, err := d.chain(ctx, path)
	if err != nil {
		return Resolved{}, failed(what, store.KindJobnet, path, err)
	}
	if r, ok := d.cache.same(path, versions, generation); ok {
		return r, nil
	}
	r, ok := d.kept(ctx, defs)
	if !ok {
		var problems []banto.Problem
		if r, problems = compile(defs); len(problems) > 0 {
			return Resolved{}, invalid(what, problems)
		}
		d.keep(ctx, defs, r)
	}
	d.cache.putResolved(path, versions, generation, r)
	return r, nil
}

// chain reads a jobnet and its folders, the jobnet last, and spells their
// versions.
func (d *Designs) chain(ctx context.Context, path string) ([]store.Definition, string, error) {
	var defs []store.Definition
	var versions strings.Builder
	for _, f := range jobnet.FolderChain(path) {
		def, err := d.opt.Store.Definition(ctx, store.KindFolder, f, 0)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, "", fmt.Errorf("cannot read folder %s: %w", f, err)
		}
		if err == nil {
			defs = append(defs, def)
		}
		versions.WriteString(strconv.Itoa(def.Version) + "/")
	}
	def, err := d.opt.Store.Definition(ctx, store.KindJobnet, path, 0)
	if err != nil {
		return nil, "", fmt.Errorf("cannot read jobnet %s: %w", path, err)
	}
	versions.WriteString(strconv.Itoa(def.Version))
	return append(defs, def), versions.String(), nil
}

// compile makes the flow of stored definitions, the jobnet last.
func compile(defs []store.Definition) (Resolved, []banto.Problem) {
	var folders []*jobnet.Folder
	var problems []banto.Problem
	last := len(defs) - 1
	for _, def := range defs[:last] {
		doc, _, faults := parseStored(def)
		problems = append(problems, faults...)
		if len(faults) == 0 {
			folders = append(folders, doc.Folder)
		}
	}
	doc, offset, faults := parseStored(defs[last])
	if problems = append(problems, faults...); len(problems) > 0 {
		return Resolved{}, problems
	}
	flow, faults := jobnet.Compile(doc.Jobnet, folders)
	if len(faults) > 0 {
		shift(faults, doc.File, offset)
		return Resolved{}, faults
	}
	return resolved(flow, defs[last].Version), nil
}

func resolved(flow *jobnet.Flow, version int) Resolved {
	body := flow.Encode()
	return Resolved{Flow: flow, Body: body, Hash: jobnet.Hash(body), Version: version}
}

// FlowByHash gives a flow that some tracker runs.
func (d *Designs) FlowByHash(ctx context.Context, hash string) (*jobnet.Flow, error) {
	if f, ok := d.cache.flow(hash); ok {
		return f, nil
	}
	d.compiling.Lock()
	defer d.compiling.Unlock()
	if f, ok := d.cache.flow(hash); ok {
		return f, nil
	}
	what := "cannot read flow " + hash
	body, err := d.opt.Store.Flow(ctx, hash)
	if errors.Is(err, store.ErrNotFound) {
		return nil, banto.Fail(banto.KindNotFound, what, "the store does not hold it", "a store that lost it is damaged: put a backup in its place").Because(err)
	}
	if err != nil {
		return nil, failed(what, "", "", err)
	}
	flow, err := jobnet.Decode(body)
	if err != nil {
		return nil, banto.Fail(banto.KindInternal, what, "it cannot be decoded", "the manager's log says more").Because(err)
	}
	d.cache.putFlow(hash, flow, len(body))
	return flow, nil
}

// cache keeps flows, the last used ones, up to a number of encoded bytes. One
// flow is kept however large it is.
type cache struct {
	mu    sync.Mutex
	limit int
	size  int
	used  *list.List // of *entry, the last used first
	byKey map[string]*list.Element
}

// entry is a flow by its hash, or a jobnet in use by its path.
type entry struct {
	key        string
	size       int
	flow       *jobnet.Flow
	resolved   Resolved
	versions   string
	generation int64 // in which the versions were last seen to hold
}

func newCache(limit int) cache {
	return cache{limit: limit, used: list.New(), byKey: map[string]*list.Element{}}
}

func (c *cache) get(key string) *entry {
	e, ok := c.byKey[key]
	if !ok {
		return nil
	}
	c.used.MoveToFront(e)
	return e.Value.(*entry)
}

func (c *cache) put(e *entry) {
	if old, ok := c.byKey[e.key]; ok {
		c.drop(old)
	}
	c.byKey[e.key] = c.used.PushFront(e)
	c.size += e.size
	for c.size > c.limit && c.used.Len() > 1 {
		c.drop(c.used.Back())
	}
}

func (c *cache) drop(el *list.Element) {
	e := c.used.Remove(el).(*entry)
	delete(c.byKey, e.key)
	c.size -= e.size
}

// fresh gives a jobnet that was resolved in this generation.
func (c *cache) fresh(path string, generation int64) (Resolved, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.get("path:" + path); e != nil && e.generation == generation {
		return e.resolved, true
	}
	return Resolved{}, false
}

// same gives a jobnet that was resolved from these versions.
func (c *cache) same(path, versions string, generation int64) (Resolved, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.get("path:" + path); e != nil && e.versions == versions {
		e.generation = generation
		return e.resolved, true
	}
	return Resolved{}, false
}

func (c *cache) putResolved(path, versions string, generation int64, r Resolved) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(&entry{key: "flow:" + r.Hash, size: len(r.Body), flow: r.Flow}) // a tracker of it is read next
	c.put(&entry{key: "path:" + path, size: len(r.Body), resolved: r, versions: versions, generation: generation})
}

func (c *cache) flow(hash string) (*jobnet.Flow, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.get("flow:" + hash); e != nil {
		return e.flow, true
	}
	return nil, false
}

func (c *cache) putFlow(hash string, flow *jobnet.Flow, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(&entry{key: "flow:" + hash, size: size, flow: flow})
}
