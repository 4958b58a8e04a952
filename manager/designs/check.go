package designs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/job/jobnet/jobyaml"
	"github.com/bantoops/banto/store"
)

// maxProblems is how many faults one answer tells.
const maxProblems = 1000

// checker judges the jobnets of an apply with the folders as they would be.
type checker struct {
	d       *Designs
	ctx     context.Context
	folders map[string]*folder        // of the request and read from the store; nil: there is none
	groups  map[string]bool           // of the request
	known   map[string]bool           // hosts that were asked for
	callees map[string]*jobnet.Jobnet // as they would be; nil: there would be none
	found   []banto.Problem
	flow    *jobnet.Flow // of the jobnet that was judged last; nil if it is not valid
}

// folder is a folder document with where it stands.
type folder struct {
	*jobnet.Folder
	file    string
	source  string
	given   bool // by the request
	version int  // in use
}

// check judges a plan, and fills in its numbers of parts.
func (d *Designs) check(ctx context.Context, p *plan) ([]banto.Problem, error) {
	c := &checker{d: d, ctx: ctx, folders: map[string]*folder{}, groups: map[string]bool{}, known: map[string]bool{}, callees: map[string]*jobnet.Jobnet{}}
	handled := map[string]bool{}
	for _, k := range p.delete {
		if k.kind == store.KindJobnet {
			handled[k.path] = true
			c.callees[k.path] = nil
		}
	}
	for _, doc := range p.docs {
		switch {
		case doc.Folder != nil:
			c.folders[doc.Path] = &folder{Folder: doc.Folder, file: doc.File, source: doc.Source, given: true}
		case doc.Group != nil:
			c.groups[doc.Path] = true
		case doc.Jobnet != nil:
			handled[doc.Path] = true
			c.callees[doc.Path] = doc.Jobnet
		}
	}
	p.parts = make([]int, len(p.docs))
	p.flows = make([]*jobnet.Flow, len(p.docs))
	p.folders = c.folders
	for i, doc := range p.docs {
		var err error
		switch {
		case doc.Jobnet != nil:
			p.parts[i] = len(doc.Jobnet.Parts)
			err = c.jobnet(doc, nil)
			p.flows[i] = c.flow
			if err == nil {
				err = c.calls(doc)
			}
		case doc.Group != nil:
			err = c.group(doc)
		case doc.Account != nil:
			err = c.account(doc)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := c.below(p.docs, handled); err != nil {
		return nil, err
	}
	if err := c.callers(p, handled); err != nil {
		return nil, err
	}
	if err := c.bereft(p); err != nil {
		return nil, err
	}
	return c.found, nil
}

// below judges the stored jobnets below the folders that change.
func (c *checker) below(docs []jobyaml.Document, handled map[string]bool) error {
	for _, doc := range docs {
		if doc.Folder == nil {
			continue
		}
		def, err := c.d.opt.Store.Definition(c.ctx, store.KindFolder, doc.Path, 0)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("cannot read folder %s: %w", doc.Path, err)
		}
		if err == nil && def.Source == doc.Source {
			continue
		}
		if err := c.folderHost(doc); err != nil {
			return err
		}
		under := doc.Path
		if under == "/" {
			under = ""
		}
		err = c.d.stored(c.ctx, store.KindJobnet, under, func(info store.Definition) error {
			if handled[info.Path] {
				return nil
			}
			handled[info.Path] = true
			full, err := c.d.opt.Store.Definition(c.ctx, store.KindJobnet, info.Path, info.Version)
			if err != nil {
				return fmt.Errorf("cannot read jobnet %s: %w", info.Path, err)
			}
			stored, offset, problems := parseStored(full)
			if len(problems) > 0 {
				c.found = append(c.found, problems...)
				return nil
			}
			return c.jobnet(stored, &inUse{offset})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// inUse marks a jobnet that is stored; its text stands offset lines further
// down in the file that it came from.
type inUse struct{ offset int }

// jobnet judges one jobnet of the request, or one in use when from is set.
func (c *checker) jobnet(doc jobyaml.Document, from *inUse) error {
	var chain []*jobnet.Folder
	var places []*folder
	for _, path := range jobnet.FolderChain(doc.Path) {
		f, err := c.folder(path)
		if err != nil {
			return err
		}
		if f != nil {
			chain = append(chain, f.Folder)
			places = append(places, f)
		}
	}
	flow, problems := jobnet.Compile(doc.Jobnet, chain)
	for i := range problems {
		if problems[i].File == "" {
			problems[i].File = doc.File
		}
	}
	valid := len(problems) == 0
	if from != nil {
		shift(problems, doc.File, from.offset)
		for i := range problems {
			problems[i].Message += " (jobnet " + doc.Path + ", which is in use, under the changed folder)"
		}
	}
	c.found = append(c.found, problems...)
	c.flow = nil
	if valid {
		c.flow = flow
		return c.hosts(doc, flow, places, from != nil)
	}
	return nil
}

// folder gives a folder as it would be after the apply, or nil.
func (c *checker) folder(path string) (*folder, error) {
	if f, ok := c.folders[path]; ok {
		return f, nil
	}
	def, err := c.d.opt.Store.Definition(c.ctx, store.KindFolder, path, 0)
	if errors.Is(err, store.ErrNotFound) {
		c.folders[path] = nil
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read folder %s: %w", path, err)
	}
	doc, _, problems := parseStored(def)
	if len(problems) > 0 {
		c.found = append(c.found, problems...)
		c.folders[path] = nil
		return nil, nil
	}
	f := &folder{Folder: doc.Folder, file: doc.File, source: def.Source, version: def.Version}
	c.folders[path] = f
	return f, nil
}

// invalid makes one error of all problems, in the order of the files' lines.
func invalid(what string, problems []banto.Problem) error {
	slices.SortStableFunc(problems, func(a, b banto.Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	problems = slices.CompactFunc(problems, func(a, b banto.Problem) bool { return a == b })
	n := len(problems)
	why := "1 problem"
	if n != 1 {
		why = fmt.Sprintf("%d problems", n)
	}
	if n > maxProblems {
		problems = append(problems[:maxProblems:maxProblems], banto.Problem{
			Message: fmt.Sprintf("and %d more", n-maxProblems), Hint: "mend these first",
		})
	}
	e := banto.Fail(banto.KindInvalid, what, why, "")
	e.Problems = problems
	return e
}
