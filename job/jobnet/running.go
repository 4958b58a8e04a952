package jobnet

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bantoops/banto"
)

// target is where parts run: a host or a group by name, or labels.
type target struct {
	name   Text
	labels []HostLabel
}

// manner is how parts run, as far as it is handed down.
type manner struct {
	pick     Pick
	delayed  *bool
	encoding string
	limits   *banto.Limits
}

// running fills in where and how a part runs.
func (c *compilation) running(p *Part, to *FlowPart, at func(string) place) {
	where := c.base.target
	if p.Host != "" || len(p.HostLabels) > 0 {
		where = c.where(p.Host, p.HostLabels, at("host"))
	}
	to.Host, to.HostLabels = where.name, where.labels
	to.Account = either(p.Account, c.base.Account)
	m := c.manner(manner{p.Pick, p.Delayed, p.Encoding, p.Limits}, c.base.manner, at)
	to.PerPart = m.pick == PerPart
	if to.Encoding = m.encoding; m.encoding == utf8Name {
		to.Encoding = ""
	}
	if to.Limits = m.limits; m.limits != nil && *m.limits == (banto.Limits{}) {
		to.Limits = nil
	}
	c.rerunRule(p, to, at)
}

// rerunRule fills in whether the operator may run the part again.
func (c *compilation) rerunRule(p *Part, to *FlowPart, at func(string) place) {
	switch p.Rerun {
	case "", RerunYes:
	case RerunAsk, RerunNever:
		to.Rerun = p.Rerun
	default:
		c.report.Add(p.place("rerun"), at("rerun").path(), fmt.Sprintf("%q is not a rule for a rerun", clip(string(p.Rerun))), "write yes, ask or never")
	}
}

// manner lays what is said here over what is handed down.
func (c *compilation) manner(own, above manner, at func(string) place) manner {
	switch own.pick {
	case "":
	case PerTracker, PerPart:
		above.pick = own.pick
	default:
		where := at("pick")
		c.report.Add(where.pos, where.path(), fmt.Sprintf("%q says nothing of when a host is chosen", clip(string(own.pick))), "write per-tracker or per-part; how one is chosen is said by the group")
	}
	if own.delayed != nil {
		above.delayed = own.delayed
	}
	if own.encoding != "" {
		above.encoding = c.encoding(own.encoding, at("encoding"))
	}
	if own.limits != nil {
		c.limits(own.limits, at("limits"))
		above.limits = own.limits
	}
	return above
}

// where reads what host: says.
func (c *compilation) where(name string, labels []Label, at place) target {
	if len(labels) == 0 {
		return target{name: c.host(name, at)}
	}
	return target{labels: c.labels(labels, at)}
}

// LabelHint says what a label can be.
const LabelHint = "a label's name and value are up to 63 Latin letters, digits, -, _, . and /, first a letter or digit"

func (c *compilation) labels(labels []Label, at place) []HostLabel {
	if len(labels) > MaxLabels {
		c.report.Add(at.pos, at.path(), fmt.Sprintf("there are %d labels, more than a host can have", len(labels)), fmt.Sprintf("a host has up to %d", MaxLabels))
		return nil
	}
	out := make([]HostLabel, len(labels))
	for i, l := range labels {
		own := place{at.above, at.key + "." + l.Name, l.ValuePos, at.level, at.part}
		if !ValidLabel(l.Name) {
			c.report.Add(l.Pos, at.path(), fmt.Sprintf("%q cannot be the name of a label", clip(l.Name)), LabelHint)
		}
		out[i] = HostLabel{l.Name, c.text(l.Value, own)}
		if !strings.Contains(l.Value, "${") && !ValidLabel(l.Value) {
			c.report.Add(own.pos, own.path(), fmt.Sprintf("%q cannot be the value of a label", clip(l.Value)), LabelHint)
		}
	}
	slices.SortStableFunc(out, func(a, b HostLabel) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// host is text with a look at the name.
func (c *compilation) host(src string, at place) Text {
	t := c.text(src, at)
	if fault := hostNameFault(src); fault != "" && !strings.Contains(src, "${") {
		c.report.Add(at.pos, at.path(), fmt.Sprintf("the host name %q %s", clip(src), fault), hostNameHint)
	}
	return t
}

// Shells gives the names of the shells that a script can ask for.
func Shells() []string { return []string{"sh", "bash", "pwsh", "powershell", shellCmd} }

const shellCmd = "cmd"

func (c *compilation) shell(name string, at place) {
	if !slices.Contains(Shells(), name) {
		c.report.Add(at.pos, at.path(), fmt.Sprintf("%q is not a shell", clip(name)), "write sh, bash, pwsh, powershell or cmd")
	}
}

// expansion looks at scripts for cmd, which puts the values of %names% into a
// line before it reads it: what somebody handed over could become a command.
func (c *compilation) expansion(p *Part, to *FlowPart, at func(string) place) {
	if to.Shell != shellCmd {
		c.notDelayed(p, at)
		return
	}
	delayed := p.Delayed
	if delayed == nil {
		delayed = c.base.delayed
	}
	if to.Delayed = delayed != nil && *delayed; to.Delayed {
		return
	}
	if what := c.handedOver(to); what != "" {
		c.report.Add(p.place("shell"), at("shell").path(),
			fmt.Sprintf("%s reaches the script as a variable, and cmd puts what stands in %%names%% into a line before it reads it: a value could become a command", what),
			"write delayed: true, and !name! in place of %name%; or use powershell")
	}
}

func (c *compilation) notDelayed(p *Part, at func(string) place) {
	if p.Delayed != nil && *p.Delayed {
		c.report.Add(p.place("delayed"), at("delayed").path(), "only cmd expands variables in two ways", "leave out delayed, or write shell: cmd")
	}
}

// handedOver names a variable of the part whose value comes from a parameter
// or from another part, or gives "".
func (c *compilation) handedOver(to *FlowPart) string {
	if len(c.flow.Params) > 0 {
		return "the parameter " + clip(c.flow.Params[0].Name)
	}
	for _, e := range to.Env {
		for _, p := range e.Value.pieces() {
			refs := []*ref{p.ref}
			if p.ref == nil && p.source != "" {
				refs = c.names.analyse(p.source).refs
			}
			for _, r := range refs {
				if r != nil && (r.kind == refParam || r.kind == refPart) {
					return fmt.Sprintf("%s, in %s,", r, e.Name)
				}
			}
		}
	}
	return ""
}

// encoding gives the one name of an encoding.
func (c *compilation) encoding(name string, at place) string {
	canonical, ok := ParseEncoding(name)
	if !ok {
		hint := "such as utf-8, cp932, euc-jp, utf-16, windows-1252 or gb18030"
		if n := Nearest(strings.ToLower(name), encodingNames()); n != "" {
			hint = fmt.Sprintf("did you mean %s?", n)
		}
		c.report.Add(at.pos, at.path(), fmt.Sprintf("%q is not an encoding that is known here", clip(name)), hint)
	}
	return canonical
}

// Bounds of limits.
const (
	leastMemory = 1 << 20
	mostMemory  = 1 << 50
	mostCPU     = 100 * 1024 // percent of one processor
	leastFiles  = 16         // a shell needs some itself
	mostCount   = 1 << 22    // of processes and of files
	mostNice    = 19
)

func (c *compilation) limits(l *banto.Limits, at place) {
	wrong := func(key, found, hint string) {
		c.report.Add(at.pos, at.path()+"."+key, found, hint)
	}
	if l.Memory != 0 && (l.Memory < leastMemory || l.Memory > mostMemory) {
		wrong("memory", "a memory limit of "+FormatSize(l.Memory), "from 1M, such as 512M or 2G")
	}
	if l.CPU < 0 || l.CPU > mostCPU {
		wrong("cpu", fmt.Sprintf("a limit of %d%% of a processor", l.CPU), fmt.Sprintf("100%% is one processor whole, 200%% two: 1%% to %d%%", mostCPU))
	}
	if l.Processes < 0 || l.Processes > mostCount {
		wrong("processes", fmt.Sprintf("a limit of %d processes", l.Processes), fmt.Sprintf("1 to %d", mostCount))
	}
	if l.Files != 0 && (l.Files < leastFiles || l.Files > mostCount) {
		wrong("files", fmt.Sprintf("a limit of %d open files", l.Files), fmt.Sprintf("%d to %d; a shell needs some itself", leastFiles, mostCount))
	}
	if l.Nice < 0 || l.Nice > mostNice {
		wrong("nice", fmt.Sprintf("a nice of %d", l.Nice), fmt.Sprintf("0 to %d: the higher, the more it gives way", mostNice))
	}
}
