package designs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

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
	folders map[string]*folder // of the request and read from the store; nil: there is none
	found   []banto.Problem
	flow    *jobnet.Flow // of the jobnet that was judged last; nil if it is not valid
}

// folder is a folder document with where it stands.
type folder struct {
	*jobnet.Folder
	file    string
	given   bool // by the request
	version int  // in use
}

// check judges a plan, and fills in its numbers of parts.
func (d *Designs) check(ctx context.Context, p *plan) ([]banto.Problem, error) {
	c := &checker{d: d, ctx: ctx, folders: map[string]*folder{}}
	handled := map[string]bool{}
	for _, path := range p.delete {
		handled[path] = true
	}
	for _, doc := range p.docs {
		if doc.Folder != nil {
			c.folders[doc.Path] = &folder{Folder: doc.Folder, file: doc.File, given: true}
		} else {
			handled[doc.Path] = true
		}
	}
	p.parts = make([]int, len(p.docs))
	p.flows = make([]*jobnet.Flow, len(p.docs))
	p.folders = c.folders
	for i, doc := range p.docs {
		if doc.Jobnet == nil {
			continue
		}
		p.parts[i] = len(doc.Jobnet.Parts)
		if err := c.jobnet(doc, nil); err != nil {
			return nil, err
		}
		p.flows[i] = c.flow
	}
	if err := c.below(p.docs, handled); err != nil {
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
		c.folderHost(doc)
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
		c.found = append(c.found, c.hosts(doc, flow, places, from != nil)...)
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
	f := &folder{Folder: doc.Folder, file: doc.File, version: def.Version}
	c.folders[path] = f
	return f, nil
}

// hosts finds hosts that nobody knows. Of a jobnet in use only what a changed
// folder names is its business: another host may have been removed since.
func (c *checker) hosts(doc jobyaml.Document, flow *jobnet.Flow, chain []*folder, stored bool) []banto.Problem {
	if c.d.opt.KnownHost == nil {
		return nil
	}
	var problems []banto.Problem
	for _, name := range flow.HostRefs() {
		if c.d.opt.KnownHost(name) {
			continue
		}
		p := unknownHost(name)
		given := placeHost(&p, doc, chain, name)
		if !stored || given {
			problems = append(problems, p)
		}
	}
	return problems
}

// folderHost finds a host that a folder hands down and nobody knows, whether or
// not a jobnet is below it yet.
func (c *checker) folderHost(doc jobyaml.Document) {
	name := doc.Folder.Defaults.Host
	if name == "" || strings.Contains(name, "${") || c.d.opt.KnownHost == nil || c.d.opt.KnownHost(name) {
		return
	}
	const key = "defaults.host"
	p := unknownHost(name)
	pos := keyPos(doc.Folder.KeyPos, key, doc.Folder.Pos)
	p.File, p.Line, p.Column, p.Path = doc.File, pos.Line, pos.Column, key
	c.found = append(c.found, p)
}

func unknownHost(name string) banto.Problem {
	return banto.Problem{Message: fmt.Sprintf("host %q is not known", name), Hint: "banto host list"}
}

// placeHost says where a host is named: by a part, the jobnet, or a folder
// from the inside out. given says that a folder of the request names it.
func placeHost(p *banto.Problem, doc jobyaml.Document, chain []*folder, name string) (given bool) {
	at := func(file string, pos jobnet.Pos, path string) {
		p.File, p.Line, p.Column, p.Path = file, pos.Line, pos.Column, path
	}
	j := doc.Jobnet
	at(doc.File, j.Pos, "")
	for i := range j.Parts {
		part := &j.Parts[i]
		if part.Host != name {
			continue
		}
		at(doc.File, keyPos(part.KeyPos, "host", part.Pos), "parts."+part.Name+".host")
		return false
	}
	const key = "defaults.host"
	if j.Defaults.Host == name {
		at(doc.File, keyPos(j.KeyPos, key, j.Pos), key)
		return false
	}
	for _, f := range slices.Backward(chain) {
		if f.Defaults.Host == name {
			at(f.file, keyPos(f.KeyPos, key, f.Pos), key)
			return f.given
		}
	}
	return false
}

// keyPos gives where a key's value stands, or at least its document.
func keyPos(keys map[string]jobnet.Pos, key string, document jobnet.Pos) jobnet.Pos {
	if pos, ok := keys[key]; ok {
		return pos
	}
	return document
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
