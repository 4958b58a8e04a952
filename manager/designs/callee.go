package designs

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/job/jobnet/jobyaml"
	"github.com/bantoops/banto/store"
)

// callee gives a jobnet that another runs, as it would be after the apply; nil
// if there would be none.
func (c *checker) callee(path string) (*jobnet.Jobnet, error) {
	if j, ok := c.callees[path]; ok {
		return j, nil
	}
	def, err := c.d.opt.Store.Definition(c.ctx, store.KindJobnet, path, 0)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("cannot read jobnet %s: %w", path, err)
	}
	c.callees[path] = nil
	if err == nil {
		if doc, _, problems := parseStored(def); len(problems) == 0 {
			c.callees[path] = doc.Jobnet
		}
	}
	return c.callees[path], nil
}

// calls judges what a jobnet of the request runs: it must be there, take the
// values that it is given, and not come round to this one.
func (c *checker) calls(doc jobyaml.Document) error {
	for i := range doc.Jobnet.Parts {
		p := &doc.Jobnet.Parts[i]
		if p.Call == nil || p.Kind != jobnet.KindJobnet {
			continue
		}
		called, err := c.callee(p.Call.Jobnet)
		if err != nil {
			return err
		}
		at := "parts." + p.Name
		if called == nil {
			c.tell(doc, p.Call.Pos, at+".jobnet", banto.Problem{Message: fmt.Sprintf("there is no jobnet %q", p.Call.Jobnet), Hint: "apply it with this one, or before; banto jobnet list"})
			continue
		}
		c.values(doc, p, called, "")
		ring, err := jobnet.Ring(doc.Path, p.Call.Jobnet, c.callee)
		if err != nil {
			return err
		}
		if ring != nil {
			c.tell(doc, p.Call.Pos, at+".jobnet", jobnet.InACircle(ring))
		}
	}
	return nil
}

// values judges what a part hands to the parameters of a jobnet.
func (c *checker) values(doc jobyaml.Document, p *jobnet.Part, called *jobnet.Jobnet, suffix string) {
	for _, fault := range p.CheckCall(called) {
		fault.File, fault.Message = doc.File, fault.Message+suffix
		c.found = append(c.found, fault)
	}
}

// callers judges the jobnets in use that run one of the request whose parameters are
// other ones than before.
func (c *checker) callers(p *plan, handled map[string]bool) error {
	other := map[string]*jobnet.Jobnet{}
	for _, doc := range p.docs {
		if doc.Jobnet == nil {
			continue
		}
		def, err := c.d.opt.Store.Definition(c.ctx, store.KindJobnet, doc.Path, 0)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("cannot read jobnet %s: %w", doc.Path, err)
		}
		if old, _, faults := parseStored(def); len(faults) == 0 && !doc.Jobnet.TakesAll(old.Jobnet) {
			other[doc.Path] = doc.Jobnet
		}
	}
	if len(other) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(other))
	return c.d.stored(c.ctx, store.KindJobnet, "", func(info store.Definition) error {
		if handled[info.Path] {
			return nil
		}
		full, err := c.d.opt.Store.Definition(c.ctx, store.KindJobnet, info.Path, info.Version)
		if err != nil {
			return fmt.Errorf("cannot read jobnet %s: %w", info.Path, err)
		}
		if !mayName(full.Source, names) {
			return nil
		}
		stored, offset, faults := parseStored(full)
		if len(faults) > 0 {
			return nil
		}
		before := len(c.found)
		for i := range stored.Jobnet.Parts {
			if part := &stored.Jobnet.Parts[i]; part.Call != nil && other[part.Call.Jobnet] != nil {
				c.values(stored, part, other[part.Call.Jobnet], " (jobnet "+info.Path+", which is in use, runs it)")
			}
		}
		shift(c.found[before:], stored.File, offset)
		return nil
	})
}
