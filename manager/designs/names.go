package designs

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/job/jobnet/jobyaml"
	"github.com/bantoops/banto/store"
)

// What a definition names outright, and whether that is there.

// host says whether there is a host of that name.
func (c *checker) host(name string) (bool, error) {
	if is, asked := c.known[name]; asked {
		return is, nil
	}
	is, err := c.d.opt.KnownHost(c.ctx, name)
	if err != nil {
		return false, fmt.Errorf("cannot look for host %s: %w", name, err)
	}
	c.known[name] = is
	return is, nil
}

// target says whether there is a host or a group of that name. A group that
// the apply deletes still counts: who names it is told so by bereft.
func (c *checker) target(name string) (bool, error) {
	if c.groups[name] {
		return true, nil
	}
	is, err := c.host(name)
	if is || err != nil {
		return is, err
	}
	_, err = c.d.opt.Store.Definition(c.ctx, store.KindGroup, name, 0)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("cannot read group %s: %w", name, err)
	}
	c.groups[name] = true
	return true, nil
}

// hosts finds hosts that nobody knows. Of a jobnet in use only what a changed
// folder names is its business: another host may have been removed since.
func (c *checker) hosts(doc jobyaml.Document, flow *jobnet.Flow, chain []*folder, stored bool) error {
	if c.d.opt.KnownHost == nil {
		return nil
	}
	for _, name := range flow.HostRefs() {
		is, err := c.target(name)
		if err != nil {
			return err
		}
		if is {
			continue
		}
		p := unknownHost(name)
		given := placeHost(&p, doc, chain, name)
		if !stored || given {
			c.found = append(c.found, p)
		}
	}
	return nil
}

// folderHost finds a host that a folder hands down and nobody knows, whether or
// not a jobnet is below it yet.
func (c *checker) folderHost(doc jobyaml.Document) error {
	name := doc.Folder.Defaults.Host
	if name == "" || strings.Contains(name, "${") || c.d.opt.KnownHost == nil {
		return nil
	}
	is, err := c.target(name)
	if is || err != nil {
		return err
	}
	const key = "defaults.host"
	c.tell(doc, keyPos(doc.Folder.KeyPos, key, doc.Folder.Pos), key, unknownHost(name))
	return nil
}

// group judges a group: its hosts must be known, and no host may have its name.
func (c *checker) group(doc jobyaml.Document) error {
	if c.d.opt.KnownHost == nil {
		return nil
	}
	g := doc.Group
	taken, err := c.host(g.Name)
	if err != nil {
		return err
	}
	if taken {
		c.tell(doc, g.Pos, "group", banto.Problem{
			Message: fmt.Sprintf("there is a host %s, so no group can have that name", g.Name), Hint: "give the group another name",
		})
	}
	for i, name := range g.Hosts {
		is, err := c.host(name)
		if err != nil {
			return err
		}
		if is {
			continue
		}
		p := unknownHost(name)
		if is, err = c.target(name); err != nil {
			return err
		} else if is {
			p = banto.Problem{Message: fmt.Sprintf("%s is a group, and a group holds hosts", name), Hint: "write its hosts, or give all of them a label"}
		}
		c.tell(doc, keyPos(g.KeyPos, "hosts."+strconv.Itoa(i), g.Pos), "hosts", p)
	}
	return nil
}

// account judges an account: the hosts and groups that it names must be known.
func (c *checker) account(doc jobyaml.Document) error {
	if c.d.opt.KnownHost == nil {
		return nil
	}
	for i, u := range doc.Account.Users {
		if u.Hosts == "" || strings.Contains(u.Hosts, "=") {
			continue
		}
		is, err := c.target(u.Hosts)
		if err != nil {
			return err
		}
		if !is {
			c.tell(doc, keyPos(u.KeyPos, "hosts", u.Pos), fmt.Sprintf("users.%d.hosts", i), unknownHost(u.Hosts))
		}
	}
	return nil
}

// tell notes a problem at a place of a document of the request.
func (c *checker) tell(doc jobyaml.Document, pos jobnet.Pos, path string, p banto.Problem) {
	p.File, p.Line, p.Column, p.Path = doc.File, pos.Line, pos.Column, path
	c.found = append(c.found, p)
}

func unknownHost(name string) banto.Problem {
	return banto.Problem{Message: fmt.Sprintf("host %q is not known, and no group has that name", name), Hint: "banto host list, banto group list"}
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
