package designs

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/audit"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/job/jobnet/jobyaml"
	"github.com/bantoops/banto/store"
)

// largeText is how many bytes of definitions are worth to give back the memory
// that reading them took.
const largeText = 1 << 20

// listPage is how many definitions are read at a time.
const listPage = 500

// plan is an apply that has been judged and not yet stored.
type plan struct {
	docs    []jobyaml.Document
	changes []banto.ApplyChange // one for each of docs, then the deletions
	parts   []int               // of each of docs
	flows   []*jobnet.Flow      // of each of docs that is a jobnet
	ready   []Resolved          // of each of flows that is large, without its version
	folders map[string]*folder  // that they lie in
	delete  []key
}

// key names a definition.
type key struct {
	kind store.DefinitionKind
	path string
}

func (k key) String() string { return string(k.kind) + " " + k.path }

func keyOf(doc jobyaml.Document) key { return key{store.DefinitionKind(doc.Kind), doc.Path} }

// Apply makes the definitions of all files the ones in use, or none of them.
func (d *Designs) Apply(ctx context.Context, by banto.Principal, req banto.ApplyRequest) (banto.ApplyResult, error) {
	result, err := d.apply(ctx, by, req)
	giveBack(req.Files)
	if err == nil && !req.DryRun {
		for _, c := range result.Changes {
			if c.Action != "unchanged" && aside(store.DefinitionKind(c.Kind)) {
				d.changed()
				break
			}
		}
	}
	return result, err
}

// giveBack returns to the system what reading large definitions took: a
// hundred times their size, of which a tenth is kept. By itself Go would do so
// only after minutes.
func giveBack(files []banto.File) {
	size := 0
	for _, f := range files {
		size += len(f.Text)
	}
	if size >= largeText {
		go debug.FreeOSMemory()
	}
}

// aside says whether definitions of that kind stand beside the jobnets, and
// whoever places jobs must hear of their changes.
func aside(kind store.DefinitionKind) bool {
	return kind == store.KindGroup || kind == store.KindAccount
}

func (d *Designs) changed() {
	if d.opt.Changed != nil {
		d.opt.Changed()
	}
}

func (d *Designs) apply(ctx context.Context, by banto.Principal, req banto.ApplyRequest) (banto.ApplyResult, error) {
	const what = "cannot apply"
	if err := checkSize(what, req.Files); err != nil {
		return banto.ApplyResult{}, err
	}
	d.writing.Lock()
	defer d.writing.Unlock()

	docs, problems := parseAll(req.Files)
	p := &plan{docs: docs}
	if req.Prune && len(problems) == 0 {
		var err error
		if p.delete, err = d.toPrune(ctx, docs); err != nil {
			return banto.ApplyResult{}, failed(what, "", "", err)
		}
	}
	more, err := d.check(ctx, p)
	if err != nil {
		return banto.ApplyResult{}, failed(what, "", "", err)
	}
	if problems = append(problems, more...); len(problems) > 0 {
		return banto.ApplyResult{}, invalid(what, problems)
	}
	if len(docs) == 0 {
		return banto.ApplyResult{}, banto.Fail(banto.KindInvalid, what, "the files hold no definition",
			"a definition begins with `jobnet:`, `folder:`, `group:` or `account:`")
	}
	if err := d.compare(ctx, p); err != nil {
		return banto.ApplyResult{}, failed(what, "", "", err)
	}
	result := banto.ApplyResult{DryRun: req.DryRun, Changes: p.changes}
	if req.DryRun {
		return result, nil
	}
	if err := d.write(ctx, by, p); err != nil {
		return banto.ApplyResult{}, failed(what, "", "", err)
	}
	d.remember(p)
	return result, nil
}

func checkSize(what string, files []banto.File) error {
	if len(files) > MaxFiles {
		return banto.Fail(banto.KindInvalid, what, fmt.Sprintf("there are %d files, the limit is %d", len(files), MaxFiles),
			"apply them folder by folder")
	}
	total := 0
	for _, f := range files {
		total += len(f.Text)
	}
	if total > banto.MaxApply {
		return banto.Fail(banto.KindInvalid, what, fmt.Sprintf("the files hold %d MiB, the limit is 64 MiB", total>>20),
			"apply them folder by folder")
	}
	return nil
}

// parseAll reads all files and finds what is there twice.
func parseAll(files []banto.File) ([]jobyaml.Document, []banto.Problem) {
	var all []jobyaml.Document
	var problems []banto.Problem
	seen := map[string]int{}
	for _, f := range files {
		docs, faults := jobyaml.Parse(f.Name, []byte(f.Text))
		problems = append(problems, faults...)
		for _, doc := range docs {
			if doc.Path == "" {
				continue // its fault is told already
			}
			key := doc.Kind + " " + doc.Path
			first, twice := seen[key]
			if twice {
				problems = append(problems, banto.Problem{
					File: doc.File, Line: doc.Line, Column: 1,
					Message: fmt.Sprintf("%s is defined twice, also at %s:%d", key, all[first].File, all[first].Line),
					Hint:    "remove one of them",
				})
				continue
			}
			seen[key] = len(all)
			all = append(all, doc)
		}
	}
	return all, problems
}

// toPrune lists the stored definitions that a pruning apply of docs deletes.
func (d *Designs) toPrune(ctx context.Context, docs []jobyaml.Document) ([]key, error) {
	given := map[key]bool{}
	touched := map[string]bool{} // folders, whole
	top := false                 // jobnets without a folder, only those
	kinds := map[store.DefinitionKind]bool{}
	for _, doc := range docs {
		k := keyOf(doc)
		given[k], kinds[k.kind] = true, true
		switch k.kind {
		case store.KindFolder:
			touched[doc.Path] = true
		case store.KindJobnet:
			if i := strings.LastIndexByte(doc.Path, '/'); i >= 0 {
				touched[doc.Path[:i]] = true
			} else {
				top = true
			}
		}
	}
	var gone []key
	for _, kind := range []store.DefinitionKind{store.KindJobnet, store.KindGroup, store.KindAccount} {
		err := d.stored(ctx, kind, "", func(def store.Definition) error {
			k := key{kind, def.Path}
			reached := touched["/"] || kinds[kind]
			if kind == store.KindJobnet {
				reached = within(touched, def.Path) || (top && !strings.Contains(def.Path, "/"))
			}
			if reached && !given[k] {
				gone = append(gone, k)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return gone, nil
}

// within says whether one of the folders holds the path.
func within(folders map[string]bool, path string) bool {
	if folders["/"] {
		return true
	}
	for i, r := range path {
		if r == '/' && folders[path[:i]] {
			return true
		}
	}
	return false
}

// stored calls fn with every definition in use in a folder and below, without
// its text; an empty folder means all.
func (d *Designs) stored(ctx context.Context, kind store.DefinitionKind, folder string, fn func(store.Definition) error) error {
	after := ""
	for {
		defs, err := d.opt.Store.ListDefinitions(ctx, kind, folder, after, listPage)
		if err != nil {
			return fmt.Errorf("cannot list definitions: %w", err)
		}
		for _, def := range defs {
			if err := fn(def); err != nil {
				return err
			}
			after = def.Path
		}
		if len(defs) < listPage {
			return nil
		}
	}
}

// compare says of each document what the apply does to what is in use.
func (d *Designs) compare(ctx context.Context, p *plan) error {
	for i, doc := range p.docs {
		c := banto.ApplyChange{Kind: doc.Kind, Path: doc.Path, Parts: p.parts[i]}
		def, err := d.opt.Store.Definition(ctx, store.DefinitionKind(doc.Kind), doc.Path, 0)
		switch {
		case errors.Is(err, store.ErrNotFound):
			c.Action = "created"
		case err != nil:
			return fmt.Errorf("cannot read definition: %w", err)
		case def.Source == doc.Source:
			c.Action, c.Version = "unchanged", def.Version
		default:
			c.Action = "changed"
		}
		p.changes = append(p.changes, c)
	}
	for _, k := range p.delete {
		p.changes = append(p.changes, banto.ApplyChange{Kind: string(k.kind), Path: k.path, Action: "deleted"})
	}
	return nil
}

// write stores a plan in one transaction and fills in the new versions.
func (d *Designs) write(ctx context.Context, by banto.Principal, p *plan) error {
	idle := true
	for _, c := range p.changes {
		idle = idle && c.Action == "unchanged"
	}
	if idle {
		return nil
	}
	p.encode()
	now := d.opt.Now()
	err := d.opt.Store.Write(ctx, func(tx store.Tx) error {
		for i, doc := range p.docs {
			c := &p.changes[i]
			if c.Action == "unchanged" {
				continue
			}
			if p.ready[i].Flow != nil {
				if err := putKept(tx, d.fingerprint(p.sources(i)), p.ready[i]); err != nil {
					return err
				}
			}
			version, err := tx.PutDefinition(store.Definition{
				Kind: store.DefinitionKind(doc.Kind), Path: doc.Path, Title: doc.Title(), Parts: p.parts[i],
				Source: doc.Source, File: doc.File, Line: doc.Line, AppliedAt: now, AppliedBy: by.Name,
			})
			if err != nil {
				return fmt.Errorf("cannot store %s %s: %w", doc.Kind, doc.Path, err)
			}
			c.Version = version
			entry := audit.Done(now, by, applied(keyOf(doc).kind), doc.Path, fmt.Sprintf("version %d from %s", version, doc.File))
			if err := tx.PutAudit(entry); err != nil {
				return fmt.Errorf("cannot store audit entry: %w", err)
			}
		}
		for _, k := range p.delete {
			if err := deleteDefinition(tx, k); err != nil {
				return err
			}
			if err := tx.PutAudit(audit.Done(now, by, deleted(k.kind), k.path, "pruned by an apply")); err != nil {
				return fmt.Errorf("cannot store audit entry: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	d.generation.Add(1)
	return nil
}

// remember keeps the flows of a plan that was written: what has just been
// applied is often submitted next, and compiling a large one takes a second.
func (d *Designs) remember(p *plan) {
	for i, doc := range p.docs {
		if f := p.folders[doc.Path]; doc.Folder != nil && f != nil {
			f.version = p.changes[i].Version
		}
	}
	generation := d.generation.Load() // no other apply runs
	room := d.opt.CacheBytes
	for i, doc := range p.docs {
		if p.flows[i] == nil || room <= 0 {
			continue
		}
		versions := ""
		for _, path := range jobnet.FolderChain(doc.Path) {
			version := 0
			if f := p.folders[path]; f != nil {
				version = f.version
			}
			versions += strconv.Itoa(version) + "/"
		}
		version := p.changes[i].Version
		var r Resolved
		if p.ready != nil && p.ready[i].Flow != nil {
			r = p.ready[i]
			r.Version = version
		} else {
			r = resolved(p.flows[i], version)
		}
		d.cache.putResolved(doc.Path, versions+strconv.Itoa(version), generation, r)
		room -= len(r.Body)
	}
}

// applied gives the action that makes a definition.
func applied(kind store.DefinitionKind) audit.Action {
	switch kind {
	case store.KindFolder:
		return audit.FolderApply
	case store.KindGroup:
		return audit.GroupApply
	case store.KindAccount:
		return audit.AccountApply
	}
	return audit.JobnetApply
}
