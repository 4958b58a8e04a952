package designs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/store"
)

// keepFrom is of how many parts a jobnet is worth to be kept compiled: below,
// compiling takes no longer than a few hundredths of a second.
const keepFrom = 2000

// keptForm is raised when the same definitions give another flow, or another
// fingerprint, within one version of the program.
const keptForm = 1

// keptMark is the mark under which the store has what a jobnet was compiled
// from, and the hash of the flow that it gave.
func keptMark(path string) string { return "compiled " + path }

// source is one of the texts of which a flow is made.
type source struct {
	kind store.DefinitionKind
	path string
	text string
}

// fingerprint stands for all that a flow is made of: the definitions, the jobnet
// last, and the program that compiles them.
func (d *Designs) fingerprint(sources []source) string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%d %q\n", keptForm, d.opt.Version) // a hash takes everything
	for _, s := range sources {
		_, _ = fmt.Fprintf(h, "%q %q %d\n", s.kind, s.path, len(s.text))
		_, _ = h.Write([]byte(s.text))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// sourcesOf gives what stored definitions are made of.
func sourcesOf(defs []store.Definition) []source {
	out := make([]source, len(defs))
	for i, def := range defs {
		out[i] = source{def.Kind, def.Path, def.Source}
	}
	return out
}

// kept gives the flow of stored definitions, the jobnet last, if the store has
// it compiled. Whatever does not fit counts as not there: the definitions are
// the truth.
func (d *Designs) kept(ctx context.Context, defs []store.Definition) (Resolved, bool) {
	def := defs[len(defs)-1]
	if def.Parts < keepFrom {
		return Resolved{}, false
	}
	mark, err := d.opt.Store.Mark(ctx, keptMark(def.Path))
	if err != nil {
		return Resolved{}, false
	}
	from, hash, ok := strings.Cut(mark, " ")
	if !ok || from != d.fingerprint(sourcesOf(defs)) {
		return Resolved{}, false
	}
	body, err := d.opt.Store.Flow(ctx, hash)
	if err != nil || jobnet.Hash(body) != hash {
		return Resolved{}, false
	}
	flow, ok := d.cache.flow(hash)
	if !ok {
		if flow, err = jobnet.Decode(body); err != nil {
			return Resolved{}, false
		}
	}
	if flow.Jobnet != def.Path {
		return Resolved{}, false
	}
	return Resolved{Flow: flow, Body: body, Hash: hash, Version: def.Version}, true
}

// keep stores what definitions gave. That it could not be stored costs time
// later, and nothing else: of store.ErrUncertain the loop is told by its own next
// Write (store.Remembering).
func (d *Designs) keep(ctx context.Context, defs []store.Definition, r Resolved) {
	if len(r.Flow.Parts) < keepFrom {
		return
	}
	_ = d.opt.Store.Write(ctx, func(tx store.Tx) error { return putKept(tx, d.fingerprint(sourcesOf(defs)), r) })
}

func putKept(tx store.Tx, from string, r Resolved) error {
	if err := tx.PutFlow(r.Hash, r.Body); err != nil {
		return fmt.Errorf("cannot store the flow of %s: %w", r.Flow.Jobnet, err)
	}
	if err := tx.PutMark(keptMark(r.Flow.Jobnet), from+" "+r.Hash); err != nil {
		return fmt.Errorf("cannot store what %s was compiled from: %w", r.Flow.Jobnet, err)
	}
	return nil
}

// encode encodes the large flows of a plan, which are to be kept, before the
// transaction that stores them.
func (p *plan) encode() {
	p.ready = make([]Resolved, len(p.docs))
	for i, f := range p.flows {
		if f != nil && len(f.Parts) >= keepFrom {
			p.ready[i] = resolved(f, 0)
		}
	}
}

// sources gives what the flow of the i-th document is made of.
func (p *plan) sources(i int) []source {
	doc := p.docs[i]
	var out []source
	for _, path := range jobnet.FolderChain(doc.Path) {
		if f := p.folders[path]; f != nil {
			out = append(out, source{store.KindFolder, path, f.source})
		}
	}
	return append(out, source{store.KindJobnet, doc.Path, doc.Source})
}
