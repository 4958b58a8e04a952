package jobyaml

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bantoops/banto/job/jobnet"
	"go.yaml.in/yaml/v3"
)

// document reads one document of the file. It gives false when it is not even
// clear what it is.
func (r *reader) document(p piece) (Document, bool) {
	r.piece, r.starts = p, nil
	root, err := decode(p.text)
	if err != nil {
		r.syntax(p, err)
		return Document{}, false
	}
	d := Document{File: r.file, Source: p.text, Line: p.base + 1}
	if root.Kind != yaml.MappingNode {
		r.report.Add(r.pos(root), "", fmt.Sprintf("a definition is a mapping, not %s", what(root)), "write jobnet: with a path, and parts:")
		return Document{}, false
	}
	at, ok := r.kind(root)
	if !ok {
		return Document{}, false
	}
	d.Kind, d.Line = at.Value, at.Line+p.base
	switch d.Kind {
	case "folder":
		d.Folder = r.folder(root, at)
		d.Path = d.Folder.Path
	case "group":
		d.Group = r.group(root, at)
		d.Path = d.Group.Name
	case "account":
		d.Account = r.account(root, at)
		d.Path = d.Account.Name
	default:
		d.Jobnet = r.jobnet(root, at)
		d.Path = d.Jobnet.Path
	}
	return d, true
}

// documentKinds are the kinds of documents, those first whose keys can hardly
// stand in another document by mistake.
func documentKinds() []string { return []string{"jobnet", "folder", "group", "account"} }

const kindsHint = "kinds are jobnet, folder, group and account"

// kind finds the key that says what the document is.
func (r *reader) kind(root *yaml.Node) (*yaml.Node, bool) {
	found := map[string]*yaml.Node{}
	var later *yaml.Node
	for i := 0; i+1 < len(root.Content); i += 2 {
		at := root.Content[i]
		switch {
		case slices.Contains(documentKinds(), at.Value):
			if found[at.Value] == nil {
				found[at.Value] = at
			}
		case r.table.rows[inDocument][at.Value] != nil:
			later = at
		}
	}
	for _, two := range [][2]string{{"jobnet", "folder"}, {"group", "account"}} {
		a, b := found[two[0]], found[two[1]]
		if a == nil || b == nil {
			continue
		}
		if b.Line < a.Line || b.Line == a.Line && b.Column < a.Column {
			a, b = b, a
		}
		r.report.Add(r.pos(b), b.Value, "the document is "+where(a.Value).owner()+" and "+where(b.Value).owner(), "put a line --- between two documents")
		return nil, false
	}
	for _, kind := range documentKinds() {
		if found[kind] != nil {
			return found[kind], true
		}
	}
	if later != nil {
		r.report.Add(r.pos(later), later.Value, fmt.Sprintf("documents of kind %s are not supported by this version", later.Value), kindsHint)
		return nil, false
	}
	hint := "write jobnet: with a path, or folder: with one, or group: or account: with a name"
	for i := 0; i+1 < len(root.Content) && i < 64; i += 2 {
		if n := jobnet.Nearest(root.Content[i].Value, documentKinds()); n != "" {
			hint = fmt.Sprintf("did you mean %s instead of %s?", n, clip(root.Content[i].Value))
		}
	}
	r.report.Add(r.pos(root), "", "the document does not say what it is", hint)
	return nil, false
}

func (r *reader) jobnet(root, at *yaml.Node) *jobnet.Jobnet {
	j := &jobnet.Jobnet{File: r.file, Pos: r.pos(at), KeyPos: map[string]jobnet.Pos{}}
	good := r.mapping(root, inJobnet, "", func(m member) (ok bool) {
		j.KeyPos[m.name] = r.pos(m.value)
		switch m.name {
		case "jobnet":
			j.Path, ok = r.path(m)
		case "title":
			j.Title, ok = r.text(m)
		case "timezone":
			j.Timezone, ok = r.text(m)
		case "on-error":
			j.OnError, ok = r.onError(m)
		case "params":
			j.Params, ok = r.params(m)
		case "env":
			j.Env, ok = r.env(m)
		case "defaults":
			ok = r.defaults(m, inDefaults, &j.Defaults, j.KeyPos, nil)
		case "delayed":
			j.Delayed, ok = r.booleanOrNot(m)
		case "parts":
			j.Parts, ok = r.parts(m)
		}
		return ok
	})
	j.Faulty = !good
	return j
}

func (r *reader) path(m member) (string, bool) {
	s, ok := r.text(m)
	return jobnet.Normal(s), ok
}

func (r *reader) onError(m member) (jobnet.OnError, bool) {
	s, ok := r.word(m, string(jobnet.OnErrorEnd), string(jobnet.OnErrorWait))
	return jobnet.OnError(s), ok
}

func (r *reader) folder(root, at *yaml.Node) *jobnet.Folder {
	f := &jobnet.Folder{File: r.file, Pos: r.pos(at), KeyPos: map[string]jobnet.Pos{}}
	r.mapping(root, inFolder, "", func(m member) (ok bool) {
		switch m.name {
		case "folder":
			f.Path, ok = r.path(m)
		case "title":
			f.Title, ok = r.text(m)
		case "keep":
			f.Keep, ok = r.keep(m, f.KeyPos)
		case "defaults":
			ok = r.defaults(m, inHanded, &f.Defaults, f.KeyPos, func(m member) (ok bool) {
				f.KeyPos[m.name] = r.pos(m.value)
				switch m.name {
				case "timezone":
					f.Timezone, ok = r.text(m)
				case "on-error":
					f.OnError, ok = r.onError(m)
				case "env":
					f.Env, ok = r.env(m)
				}
				return ok
			})
		}
		return ok
	})
	return f
}

// defaults reads the keys of defaults; those that only a folder has are left
// to other.
func (r *reader) defaults(m member, w where, d *jobnet.Defaults, pos map[string]jobnet.Pos, other func(member) bool) bool {
	n, ok := r.inner(m)
	if !ok {
		return false
	}
	return r.mapping(n, w, m.path(), func(m member) (ok bool) {
		pos["defaults."+m.name] = r.textPos(r.value(m.value))
		switch m.name {
		case "host":
			d.Host, d.HostLabels, ok = r.host(m)
		case "pick":
			d.Pick, ok = r.partPick(m)
		case "account":
			d.Account, ok = r.filled(m)
		case "dir":
			d.Dir, ok = r.filled(m)
		case "shell":
			d.Shell, ok = r.filled(m)
		case "delayed":
			d.Delayed, ok = r.booleanOrNot(m)
		case "encoding":
			d.Encoding, ok = r.filled(m)
		case "limits":
			d.Limits, ok = r.limits(m)
		case "timeout":
			d.Timeout, ok = r.duration(m, time.Second)
		case "retry":
			d.Retry, ok = r.retry(m)
		case "exit":
			d.Exit, ok = r.exit(m)
		case "on-lost":
			d.OnLost, d.LostAfter, ok = r.onLost(m)
		default:
			ok = other(m)
		}
		return ok
	})
}

// filled reads a text that may not be empty.
func (r *reader) filled(m member) (string, bool) {
	s, ok := r.text(m)
	if ok && strings.TrimSpace(s) == "" {
		r.report.Add(r.pos(m.value), m.path(), m.name+" is empty", "leave it out, or write "+m.name+": "+m.key.example)
		return "", false
	}
	return s, ok
}

func (r *reader) params(m member) ([]jobnet.Param, bool) {
	n, ok := r.inner(m)
	if !ok {
		return nil, false
	}
	out := make([]jobnet.Param, 0, len(n.Content)/2)
	good := true
	r.pairs(n, m.path(), func(at, value *yaml.Node) bool {
		p := jobnet.Param{Name: at.Value, Type: jobnet.String, Pos: r.pos(at)}
		v := r.value(value)
		switch {
		case isNull(v):
		case v.Kind != yaml.MappingNode:
			r.report.Add(r.pos(v), join(m.path(), at.Value), fmt.Sprintf("a parameter wants a mapping, not %s", what(v)), fmt.Sprintf("write %s: {default: %s}", clip(at.Value), clip(v.Value)))
			p.Faulty = true
		default:
			p.Faulty = !r.mapping(v, inParam, join(m.path(), at.Value), func(m member) bool { return r.param(m, &p) })
		}
		good = good && !p.Faulty
		out = append(out, p)
		return true
	})
	return out, good
}

func (r *reader) param(m member, p *jobnet.Param) (ok bool) {
	switch m.name {
	case "type":
		var s string
		s, ok = r.word(m, typeNames(true)...)
		p.Type = jobnet.Type(s)
	case "default":
		p.Default, ok = r.defaultValue(m)
	case "min":
		p.Min, ok = r.limit(m)
	case "max":
		p.Max, ok = r.limit(m)
	case "of":
		p.Of, _, ok = r.texts(m)
	case "required":
		p.Required, ok = r.boolean(m)
	case "about":
		p.About, ok = r.text(m)
	}
	return ok
}

func (r *reader) limit(m member) (*float64, bool) {
	f, ok := r.number(m)
	return &f, ok
}

// defaultValue reads the default of a parameter; a list is kept as JSON.
func (r *reader) defaultValue(m member) (*string, bool) {
	if r.value(m.value).Kind != yaml.SequenceNode {
		s, ok := r.text(m)
		return &s, ok
	}
	items, _, ok := r.texts(m)
	s := jobnet.ListText(items)
	return &s, ok
}
