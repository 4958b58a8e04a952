package jobnet

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// place gives where the value of a key of the part stands, or the part.
func (p *Part) place(key string) Pos {
	return placed(p.KeyPos, key, p.Pos)
}

// Mark notes where the value of a key of the part stands.
func (p *Part) Mark(key string, at Pos) {
	if p.KeyPos == nil {
		p.KeyPos = map[string]Pos{}
	}
	p.KeyPos[key] = at
}

// part fills one part of the flow.
func (c *compilation) part(i int, p *Part, to *FlowPart) {
	at := func(key string) place {
		return place{p.Name, key, p.place(key), levelPart, i}
	}
	to.Title, to.Kind, to.Heals, to.Join = p.Title, p.Kind, p.Heals, p.Join
	if to.Join == "" {
		to.Join = JoinAll
	}
	if strings.TrimSpace(p.When) != "" {
		to.When = &Condition{p.When, c.names}
		c.condition(to.When, at("when"))
	}
	c.kind(p, to, at)
	if p.Call != nil && p.Kind != KindJobnet && p.Kind != "" {
		c.report.Add(p.place("with"), at("with").path(), "with gives values to the parameters of a jobnet, and this is a "+string(p.Kind), "write env: for the variables of a job")
	}
	if p.Kind != "" && !p.Kind.Runs() {
		c.runsNothing(p, at)
		return
	}
	to.Dir = c.base.dir
	if p.Dir != "" {
		to.Dir = c.text(p.Dir, at("dir"))
	}
	to.Env = c.env(c.base.env, p.Env, at("env"))
	to.Timeout = p.Timeout
	if to.Timeout == 0 {
		to.Timeout = c.base.Timeout
	}
	if to.Retry = p.Retry; to.Retry == nil {
		to.Retry = c.base.Retry
	} else {
		c.retry(p.Retry, at("retry"))
	}
	if to.Exit = p.Exit; to.Exit == nil {
		to.Exit = c.base.Exit
	} else {
		c.exit(p.Exit, at("exit"))
	}
	c.running(p, to, at)
	c.onLost(p, to, at)
	if p.Kind == KindJob {
		c.expansion(p, to, at)
	}
	c.sets(p, at("sets"))
	c.weigh(p, to)
}

// weigh bounds what a part carries to its host.
func (c *compilation) weigh(p *Part, to *FlowPart) {
	script := weight(to.Script)
	carried, what := to.size(), "arguments and variables"
	c.size += script + carried
	if n := len(to.Script); n > MaxScript {
		c.report.Add(p.Pos, "parts."+p.Name, fmt.Sprintf("the script has %d KiB; the limit is %d MiB", (n+1023)>>10, MaxScript>>20),
			"put the script in a file on the host and call it")
	} else if 0 < n && n <= InlineScript {
		carried, what = carried+script, "script, arguments and variables"
	}
	if carried > MaxCarried {
		c.report.Add(p.Pos, "parts."+p.Name, fmt.Sprintf("it carries %d KiB of %s; the limit is %d KiB", (carried+1023)>>10, what, MaxCarried>>10),
			"put large texts into files on the host")
	}
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// size reckons what a part's arguments and variables weigh on their way to the
// host, before expressions are replaced.
func (p *FlowPart) size() int {
	const each = 24 // what an entry costs besides its text
	n := 0
	for _, a := range p.Args {
		n += weight(a.src) + each
	}
	for _, e := range p.Env {
		n += len(e.Name) + weight(e.Value.src) + each
	}
	return n
}

// weight is the length of a text as JSON, whose escapes make it longer. Only
// one that could be too long is encoded.
func weight(s string) int {
	const small = 4 << 10
	if len(s) <= small {
		return len(s)
	}
	b, err := json.Marshal(s)
	if err != nil {
		return len(s) // a string always encodes
	}
	return len(b)
}

func (c *compilation) kind(p *Part, to *FlowPart, at func(string) place) {
	switch p.Kind {
	case KindJob:
		if to.Script = p.Script; strings.TrimSpace(p.Script) == "" && !p.Faulty {
			c.report.Add(p.place("job"), at("job").path(), "the script is empty", "write what the shell is to run")
		}
		to.Shell = either(p.Shell, c.base.Shell)
		if p.Shell != "" {
			c.shell(p.Shell, at("shell"))
		}
	case KindRun:
		c.args(p, to, at)
		if p.Shell != "" {
			c.report.Add(p.place("shell"), at("shell").path(), "run starts its program without a shell", "leave out shell, or write job:")
		}
		c.notDelayed(p, at)
	case KindBranch:
		c.ways(p, to, at)
	case KindEnd:
		c.ending(p, to, at)
	case KindWait:
		c.wait(p, to, at)
	case KindJobnet:
		c.call(p, to, at)
		to.Retry = p.Retry
		if p.Retry != nil {
			c.retry(p.Retry, at("retry"))
		}
		c.rerunRule(p, to, at)
	case "":
		if !p.Faulty {
			c.report.Add(p.Pos, "parts."+p.Name, "the part does nothing", "write job: with a script, or run: with a program and its arguments; or jobnet:, branch:, wait: or end:")
		}
	default:
		if !p.Faulty {
			c.report.Add(p.Pos, "parts."+p.Name, fmt.Sprintf("parts of kind %q are not supported by this version", clip(string(p.Kind))), "kinds are "+kindList())
		}
	}
}

func (c *compilation) args(p *Part, to *FlowPart, at func(string) place) {
	if (len(p.Args) == 0 || p.Args[0] == "") && !p.Faulty {
		c.report.Add(p.place("run"), at("run").path(), "run names no program", "write run: [program, argument, …]")
	}
	to.Args = make([]Text, len(p.Args))
	for n, a := range p.Args {
		to.Args[n] = c.text(a, at("run."+strconv.Itoa(n)))
	}
}

func (c *compilation) retry(r *Retry, at place) {
	switch {
	case r.Attempts < 1 || r.Attempts > 1000:
		c.report.Add(at.pos, at.path()+".attempts", fmt.Sprintf("%d attempts", r.Attempts), "attempts is the total, the first included: 1 to 1000")
	case r.Backoff != 0 && !(r.Backoff >= 1 && r.Backoff <= 100):
		c.report.Add(at.pos, at.path()+".backoff", fmt.Sprintf("a backoff of %s", number(r.Backoff)), "it is the factor on each further wait: 1 to 100")
	}
}

func (c *compilation) exit(e *ExitRules, at place) {
	if fault := e.fault(); fault != "" {
		c.report.Add(at.pos, at.path(), fault, "each code can have one outcome")
	}
}

func (c *compilation) sets(p *Part, at place) {
	if len(p.Sets) > maxSets {
		c.report.Add(p.Pos, at.path(), fmt.Sprintf("the part declares more than %d variables", maxSets), "set a list")
		return
	}
	for i, s := range p.Sets {
		if fault := variableFault(s.Name); fault != "" {
			c.report.Add(s.Pos, at.path(), fmt.Sprintf("the variable name %q %s", clip(s.Name), fault), partNameHint)
		}
		if t, ok := ParseType(string(s.Type)); !ok || t == Choice {
			c.report.Add(s.Pos, at.path()+"."+s.Name, fmt.Sprintf("%q is not a type of a variable", clip(string(s.Type))), "types are string, integer, number, boolean, date and list")
		}
		for _, before := range p.Sets[:i] {
			if before.Name == s.Name {
				c.report.Add(s.Pos, at.path()+"."+s.Name, "there are two variables of this name", "leave out one of the two")
				break
			}
		}
	}
}

// text resolves and checks a text.
func (c *compilation) text(src string, at place) Text {
	t := Text{src: src}
	if len(src) > maxText {
		c.report.Add(at.pos, at.path(), fmt.Sprintf("the text has %d bytes, more than %d", len(src), maxText), "no system takes longer arguments and variables; hand over the name of a file")
		return t
	}
	if f := t.resolve(c.names); f != nil {
		c.report.Add(at.pos.inside(src, f.at), at.path(), f.message, f.hint)
		return t
	}
	for _, p := range t.pieces() {
		if p.ref != nil {
			c.reference(p.ref, src, p.at, at)
		} else if p.source != "" {
			c.expression(p.source, src, p.at, at, "")
		}
	}
	return t
}

func (c *compilation) condition(cond *Condition, at place) {
	c.expression(cond.src, cond.src, 0, at, Boolean)
}

// expression checks an expression that stands at a byte offset of a text.
func (c *compilation) expression(source, src string, offset int, at place, want Type) {
	a := c.names.analyse(source)
	for i := range a.faults {
		c.tell(&a.faults[i], src, offset, at)
	}
	if len(a.faults) == 0 && want != "" && a.typ != want {
		f := fault{0, fmt.Sprintf("the condition gives %s", article(a.typ)), `it must be true or false: count.files > 0`}
		c.tell(&f, src, offset, at)
	}
	for _, r := range a.refs {
		c.use(r, src, offset, at)
	}
}

func (c *compilation) tell(f *fault, src string, offset int, at place) {
	if pos := at.pos; c.report.Full() {
		c.report.Add(pos, "", f.message, "")
	} else {
		c.report.Add(pos.inside(src, runes(src, offset)+f.at), at.path(), f.message, f.hint)
	}
}

// reference checks an expression that is nothing but a name.
func (c *compilation) reference(r *ref, src string, offset int, at place) {
	if at.level != levelFolder || r.kind != refParam {
		if f := c.names.lookUp(r); f != nil {
			c.tell(f, src, offset, at)
			return
		}
	}
	c.use(r, src, offset, at)
}

// use checks that a value may be named at this place, and remembers uses of
// parts until the order of the parts is known.
func (c *compilation) use(r *ref, src string, offset int, at place) {
	switch {
	case r.kind == refParam && at.level == levelFolder:
		f := fault{r.at, fmt.Sprintf("%s: a folder does not know the parameters of its jobnets", r), "write it in the jobnet"}
		c.tell(&f, src, offset, at)
	case r.kind == refPart && at.level != levelPart:
		f := fault{r.at, fmt.Sprintf("%s: values of parts can be used only inside parts", r), "write it in the part that needs it"}
		c.tell(&f, src, offset, at)
	case r.kind == refPart:
		of := c.flow.Part(r.name)
		if r.field == fieldOutput {
			c.flow.Parts[of].OutputUsed = true
		}
		c.uses = append(c.uses, use{at.part, of, at, r, src, offset})
	}
}

// inside gives the place of the n-th character of a text that stands at this
// place, as well as that can be told.
func (p Pos) inside(text string, n int) Pos {
	if !p.Exact {
		return p
	}
	start := p.Column
	for _, c := range text {
		if n--; n < 0 {
			break
		}
		if p.Column++; c == '\n' {
			p.Line, p.Column = p.Line+1, start
		}
	}
	return p
}
