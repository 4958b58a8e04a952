package jobnet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bantoops/banto"
)

// Diff tells how b differs from a, key by key. Either may be nil: no jobnet.
// The order of parts, of parameters and of variables is no difference.
func Diff(a, b *Jobnet) []banto.DiffChange {
	old, now := flatten(a), flatten(b)
	var out []banto.DiffChange
	for _, group := range mergedOrder(old.groups, now.groups) {
		for _, path := range mergedOrder(old.paths[group], now.paths[group]) {
			was, had := old.values[path]
			is, has := now.values[path]
			switch {
			case !had:
				out = append(out, banto.DiffChange{Path: path, New: is, Op: "added"})
			case !has:
				out = append(out, banto.DiffChange{Path: path, Old: was, Op: "removed"})
			case was != is:
				out = append(out, banto.DiffChange{Path: path, Old: was, New: is, Op: "changed"})
			}
		}
	}
	return out
}

// mergedOrder gives all of a, then what only b has.
func mergedOrder(a, b []string) []string {
	seen := make(map[string]bool, len(a))
	for _, s := range a {
		seen[s] = true
	}
	out := append(make([]string, 0, len(a)+len(b)), a...)
	for _, s := range b {
		if !seen[s] {
			out = append(out, s)
		}
	}
	return out
}

// flat is a jobnet as texts by path, in groups: the head, and one for each
// parameter and part.
type flat struct {
	groups []string
	paths  map[string][]string
	values map[string]string
}

func (f *flat) put(group, key, value string) {
	if value == "" {
		return
	}
	if len(f.groups) == 0 || f.groups[len(f.groups)-1] != group {
		f.groups = append(f.groups, group)
	}
	path := group + key
	f.paths[group] = append(f.paths[group], path)
	f.values[path] = value
}

func flatten(j *Jobnet) *flat {
	f := &flat{paths: map[string][]string{}, values: map[string]string{}}
	if j == nil {
		return f
	}
	f.put("", "jobnet", j.Path)
	f.put("", "title", j.Title)
	f.put("", "timezone", j.Timezone)
	f.put("", "on-error", string(j.OnError))
	f.put("", "delayed", booleanText(j.Delayed))
	for _, e := range j.Env {
		f.put("", "env."+e.Name, shown(e.Value))
	}
	d := &j.Defaults
	f.put("", "defaults.host", hostText(d.Host, d.HostLabels))
	f.put("", "defaults.pick", string(d.Pick))
	f.put("", "defaults.account", d.Account)
	f.put("", "defaults.dir", d.Dir)
	f.put("", "defaults.shell", d.Shell)
	f.put("", "defaults.delayed", booleanText(d.Delayed))
	f.put("", "defaults.encoding", d.Encoding)
	f.put("", "defaults.limits", limitsText(d.Limits))
	f.put("", "defaults.timeout", durationText(d.Timeout))
	f.put("", "defaults.retry", d.Retry.text())
	f.put("", "defaults.exit", d.Exit.text())
	f.put("", "defaults.on-lost", lostText(d.OnLost, d.LostAfter))
	for i := range j.Params {
		j.Params[i].flatten(f)
	}
	for i := range j.Parts {
		j.Parts[i].flatten(f)
	}
	return f
}

// shown keeps a value that is there, but empty, apart from none.
func shown(s string) string {
	if s == "" {
		return `""`
	}
	return s
}

// hostText writes labels sorted by name, as their order is no difference.
func hostText(name string, labels []Label) string {
	if len(labels) == 0 {
		return name
	}
	out := make([]string, len(labels))
	for i, l := range labels {
		out[i] = l.Name + ": " + l.Value
	}
	slices.Sort(out)
	return "{" + strings.Join(out, ", ") + "}"
}

func booleanText(b *bool) string {
	if b == nil {
		return ""
	}
	return strconv.FormatBool(*b)
}

func durationText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return FormatDuration(d)
}

func lostText(then OnLost, after time.Duration) string {
	if after == 0 {
		return string(then)
	}
	return fmt.Sprintf("then: %s, after: %s", then, FormatDuration(after))
}

func (p *Param) flatten(f *flat) {
	g := "params." + p.Name
	f.put(g, ".type", either(string(p.Type), string(String)))
	f.put(g, ".about", p.About)
	if p.Default != nil {
		f.put(g, ".default", shown(*p.Default))
	}
	if p.Required {
		f.put(g, ".required", "true")
	}
	if p.Min != nil {
		f.put(g, ".min", number(*p.Min))
	}
	if p.Max != nil {
		f.put(g, ".max", number(*p.Max))
	}
	f.put(g, ".of", strings.Join(p.Of, ", "))
}

func (p *Part) flatten(f *flat) {
	g := "parts." + p.Name
	f.put(g, ".title", p.Title)
	switch p.Kind {
	case KindJob:
		f.put(g, ".job", shown(p.Script))
	case KindRun:
		f.put(g, ".run", ListText(p.Args))
	case KindBranch:
		for _, w := range p.Ways {
			f.put(g, ".branch."+string(w.Outlet), either(w.When, "else"))
		}
	case KindJobnet:
		if p.Call != nil {
			f.put(g, ".jobnet", p.Call.Jobnet)
			for _, w := range p.Call.With {
				f.put(g, ".with."+w.Name, shown(w.Value))
			}
		}
	case KindWait:
		f.put(g, ".wait", p.Wait.text())
	case KindEnd:
		f.put(g, ".end", string(p.End))
	}
	after := make([]string, len(p.After))
	for i, a := range p.After {
		after[i] = a.String()
	}
	f.put(g, ".after", strings.Join(after, ", "))
	f.put(g, ".join", string(p.Join))
	f.put(g, ".when", p.When)
	if p.Heals {
		f.put(g, ".heals", "true")
	}
	for _, e := range p.Env {
		f.put(g, ".env."+e.Name, shown(e.Value))
	}
	f.put(g, ".dir", p.Dir)
	f.put(g, ".host", hostText(p.Host, p.HostLabels))
	f.put(g, ".pick", string(p.Pick))
	f.put(g, ".account", p.Account)
	f.put(g, ".shell", p.Shell)
	f.put(g, ".delayed", booleanText(p.Delayed))
	f.put(g, ".encoding", p.Encoding)
	f.put(g, ".limits", limitsText(p.Limits))
	f.put(g, ".rerun", string(p.Rerun))
	f.put(g, ".on-lost", lostText(p.OnLost, p.LostAfter))
	f.put(g, ".timeout", durationText(p.Timeout))
	f.put(g, ".retry", p.Retry.text())
	f.put(g, ".exit", p.Exit.text())
	for _, s := range p.Sets {
		f.put(g, ".sets."+s.Name, string(s.Type))
	}
}

func (r *Retry) text() string {
	if r == nil {
		return ""
	}
	out := []string{"attempts: " + strconv.Itoa(r.Attempts)}
	if r.Wait != 0 {
		out = append(out, "wait: "+FormatDuration(r.Wait))
	}
	if r.Backoff != 0 {
		out = append(out, "backoff: "+number(r.Backoff))
	}
	if len(r.Codes) > 0 {
		out = append(out, fmt.Sprintf("codes: %s", codesText(r.Codes)))
	}
	return strings.Join(out, ", ")
}

func (r *ExitRules) text() string {
	if r == nil {
		return ""
	}
	var out []string
	for _, of := range []struct {
		name  string
		codes []CodeRange
	}{{"ok", r.OK}, {"warning", r.Warning}, {"error", r.Error}} {
		if len(of.codes) > 0 {
			out = append(out, of.name+": "+codesText(of.codes))
		}
	}
	return strings.Join(out, "; ")
}

func codesText(codes []CodeRange) string {
	out := make([]string, len(codes))
	for i, c := range codes {
		out[i] = c.String()
	}
	return strings.Join(out, ",")
}
