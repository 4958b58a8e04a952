package designs

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/audit"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/job/jobnet/jobyaml"
	"github.com/bantoops/banto/store"
)

// Delete takes a jobnet out of use. Its versions and its trackers stay. It is refused
// while another jobnet in use runs it.
func (d *Designs) Delete(ctx context.Context, by banto.Principal, path string) error {
	return d.remove(ctx, by, key{store.KindJobnet, path})
}

// DeleteGroup takes a host group out of use. It is refused while a jobnet, a
// folder or an account in use names the group.
func (d *Designs) DeleteGroup(ctx context.Context, by banto.Principal, name string) error {
	return d.remove(ctx, by, key{store.KindGroup, name})
}

// DeleteAccount takes an account out of use. It is refused while a jobnet or a
// folder in use names it: their jobs would run as an OS user of that name.
func (d *Designs) DeleteAccount(ctx context.Context, by banto.Principal, name string) error {
	return d.remove(ctx, by, key{store.KindAccount, name})
}

func (d *Designs) remove(ctx context.Context, by banto.Principal, k key) error {
	what := "cannot delete " + k.String()
	if err := d.removeOne(ctx, by, what, k); err != nil {
		return failed(what, k.kind, k.path, err)
	}
	if aside(k.kind) {
		d.changed()
	}
	return nil
}

func (d *Designs) removeOne(ctx context.Context, by banto.Principal, what string, k key) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	if namable(k.kind) {
		if _, err := d.opt.Store.Definition(ctx, k.kind, k.path, 0); err != nil {
			return fmt.Errorf("cannot read definition: %w", err)
		}
		uses, err := d.uses(ctx, []key{k}, nil)
		if err != nil {
			return err
		}
		if len(uses) > 0 {
			return banto.Fail(banto.KindConflict, what, namers(uses), "change what names it first")
		}
	}
	err := d.opt.Store.Write(ctx, func(tx store.Tx) error {
		if err := deleteDefinition(tx, k); err != nil {
			return err
		}
		return tx.PutAudit(audit.Done(d.opt.Now(), by, deleted(k.kind), k.path, ""))
	})
	if err != nil {
		return err
	}
	d.generation.Add(1)
	return nil
}

// deleteDefinition takes a definition out of use, and what it was compiled to.
func deleteDefinition(tx store.Tx, k key) error {
	if err := tx.DeleteDefinition(k.kind, k.path); err != nil {
		return fmt.Errorf("cannot delete %s: %w", k, err)
	}
	if k.kind != store.KindJobnet {
		return nil
	}
	return tx.PutMark(keptMark(k.path), "")
}

// deleted gives the action that takes a definition out of use.
func deleted(kind store.DefinitionKind) audit.Action {
	switch kind {
	case store.KindGroup:
		return audit.GroupDelete
	case store.KindAccount:
		return audit.AccountDelete
	}
	return audit.JobnetDelete
}

// namers says who names what is to go: the first few by name.
func namers(uses []use) string {
	const most = 5
	var who []string
	for i := range uses {
		if by := keyOf(uses[i].doc).String(); len(who) == 0 || who[len(who)-1] != by {
			who = append(who, by)
		}
	}
	if more := len(who) - most; more > 0 {
		who = append(who[:most:most], strconv.Itoa(more)+" more")
	}
	if len(who) == 1 {
		return who[0] + " names it"
	}
	return strings.Join(who[:len(who)-1], ", ") + " and " + who[len(who)-1] + " name it"
}

// use is a place of a definition that names another one.
type use struct {
	of     key
	doc    jobyaml.Document
	pos    jobnet.Pos
	path   string
	stored bool // and not in the request
}

// bereft finds what still names a group or an account that the apply deletes.
func (c *checker) bereft(p *plan) error {
	uses, err := c.d.uses(c.ctx, p.delete, p.docs)
	for _, u := range uses {
		who := keyOf(u.doc).String()
		if u.stored {
			who += ", which is in use,"
		}
		c.tell(u.doc, u.pos, u.path, banto.Problem{
			Message: fmt.Sprintf("%s is not in the files, so this apply would delete it; %s names it", u.of, who),
			Hint:    "add it to the files, or change what names it",
		})
	}
	return err
}

// namable says whether others name definitions of that kind outright.
func namable(kind store.DefinitionKind) bool { return aside(kind) || kind == store.KindJobnet }

// uses finds the definitions that would name a jobnet, a group or an account that is
// gone: those given, and those in use that are neither gone nor given anew.
func (d *Designs) uses(ctx context.Context, gone []key, given []jobyaml.Document) ([]use, error) {
	going := map[key]bool{}
	var names []string
	for _, k := range gone {
		going[k] = true
		if namable(k.kind) {
			names = append(names, k.path)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	var out []use
	note := func(doc jobyaml.Document, offset int, stored bool) {
		eachName(doc, func(k key, pos jobnet.Pos, path string) {
			if going[k] {
				pos.Line += offset
				out = append(out, use{k, doc, pos, path, stored})
			}
		})
	}
	anew := map[key]bool{}
	for _, doc := range given {
		anew[keyOf(doc)] = true
		note(doc, 0, false)
	}
	for _, kind := range []store.DefinitionKind{store.KindFolder, store.KindJobnet, store.KindAccount} {
		err := d.stored(ctx, kind, "", func(def store.Definition) error {
			k := key{kind, def.Path}
			if going[k] || anew[k] {
				return nil
			}
			full, err := d.opt.Store.Definition(ctx, kind, def.Path, def.Version)
			if err != nil {
				return fmt.Errorf("cannot read %s: %w", k, err)
			}
			if !mayName(full.Source, names) {
				return nil
			}
			if doc, offset, problems := parseStored(full); len(problems) == 0 {
				note(doc, offset, true)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// mayName says whether a text could hold one of the names, so that few texts
// have to be parsed. In quotes a name can be written with escapes.
func mayName(source string, names []string) bool {
	for _, name := range names {
		if strings.Contains(source, name) {
			return true
		}
	}
	return strings.Contains(source, `\`)
}

// eachName calls fn with the groups and accounts that a definition could mean
// by the names it holds outright.
func eachName(doc jobyaml.Document, fn func(k key, pos jobnet.Pos, path string)) {
	running := func(host, account, above string, pos func(key string) jobnet.Pos) {
		if host != "" {
			fn(key{store.KindGroup, host}, pos("host"), above+"host")
		}
		if account != "" {
			fn(key{store.KindAccount, account}, pos("account"), above+"account")
		}
	}
	defaults := func(d *jobnet.Defaults, keys map[string]jobnet.Pos, own jobnet.Pos) {
		running(d.Host, d.Account, "defaults.", func(key string) jobnet.Pos { return keyPos(keys, "defaults."+key, own) })
	}
	switch {
	case doc.Folder != nil:
		defaults(&doc.Folder.Defaults, doc.Folder.KeyPos, doc.Folder.Pos)
	case doc.Jobnet != nil:
		defaults(&doc.Jobnet.Defaults, doc.Jobnet.KeyPos, doc.Jobnet.Pos)
		for i := range doc.Jobnet.Parts {
			p := &doc.Jobnet.Parts[i]
			if p.Call != nil && p.Kind == jobnet.KindJobnet {
				fn(key{store.KindJobnet, p.Call.Jobnet}, p.Call.Pos, "parts."+p.Name+".jobnet")
			}
			running(p.Host, p.Account, "parts."+p.Name+".", func(key string) jobnet.Pos { return keyPos(p.KeyPos, key, p.Pos) })
		}
	case doc.Account != nil:
		for i, u := range doc.Account.Users {
			running(u.Hosts, "", fmt.Sprintf("users.%d.", i), func(string) jobnet.Pos { return keyPos(u.KeyPos, "hosts", u.Pos) })
		}
	}
}
