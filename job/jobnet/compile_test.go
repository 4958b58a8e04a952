package jobnet

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/bantoops/banto"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// drawJobnet draws a jobnet that is right.
func drawJobnet(t *rapid.T) *Jobnet {
	j := &Jobnet{
		Path:    rapid.SampledFrom([]string{"a", "a/b", "売上/日次.v2"}).Draw(t, "path"),
		Title:   rapid.String().Draw(t, "title"),
		OnError: rapid.SampledFrom([]OnError{"", OnErrorEnd, OnErrorWait}).Draw(t, "on-error"),
		Params:  []Param{{Name: "n", Type: Integer, Default: ptr("1"), Min: ptr(-1.5)}, {Name: "s"}, {Name: "mode", Type: Choice, Of: []string{"<x>", "y"}}},
		Env:     []EnvVar{{Name: "A", Value: "${params.n}"}, {Name: "B", Value: rapid.SampledFrom([]string{"", "<&>\u2028", "$${x}"}).Draw(t, "B")}},
	}
	texts := []string{"x", "日${date}", "${params.n + 1}", "a b ${ tracker }", "$${"}
	for i := range rapid.IntRange(1, 12).Draw(t, "parts") {
		p := Part{Name: fmt.Sprint("p", i), Kind: KindJob, Script: "echo " + rapid.String().Draw(t, "script"), Sets: []Set{{Name: "v", Type: Integer}}}
		if rapid.Bool().Draw(t, "run") {
			p.Kind, p.Script, p.Args = KindRun, "", append([]string{"prog"}, rapid.SliceOfN(rapid.SampledFrom(texts), 0, 3).Draw(t, "args")...)
		}
		for before := range i {
			if rapid.IntRange(0, 3).Draw(t, "edge") == 0 {
				p.After = append(p.After, After{Part: fmt.Sprint("p", before), Outlet: rapid.SampledFrom(standardOutlets()).Draw(t, "outlet")})
			}
		}
		if len(p.After) > 0 {
			p.When = rapid.SampledFrom([]string{"", p.After[0].Part + ".v > 3", p.After[0].Part + ".output == 'x'"}).Draw(t, "when")
			p.Join = rapid.SampledFrom([]Join{"", JoinAll, JoinAny}).Draw(t, "join")
			p.Env = []EnvVar{{Name: "B", Value: "${" + p.After[0].Part + ".v}"}}
		}
		p.Dir = rapid.SampledFrom([]string{"", "/x/${date}"}).Draw(t, "dir")
		if rapid.Bool().Draw(t, "more") {
			p.Retry, p.Exit = &Retry{Attempts: 3, Wait: 1e9, Backoff: 1.5, Codes: []CodeRange{{1, 2}}}, &ExitRules{OK: []CodeRange{{0, 0}}}
			p.Host, p.Account, p.Timeout, p.Heals = "db01", `DOM\user`, 5e9, false
		}
		if rapid.Bool().Draw(t, "by labels") {
			p.Host, p.HostLabels = "", []Label{{Name: "role", Value: "batch"}, {Name: "area", Value: "${params.n}"}}
			p.Pick, p.Encoding, p.Rerun = PerPart, "Shift_JIS", RerunAsk
			p.Limits = &banto.Limits{Memory: 1 << 30, CPU: 150, Processes: 7, Files: 64, Nice: 19}
		}
		j.Parts = append(j.Parts, p)
	}
	return j
}

func TestDecodeIsTheInverseOfEncode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, problems := Compile(drawJobnet(t), nil)
		if len(problems) > 0 {
			t.Fatal(told(problems))
		}
		body := f.Encode()
		g, err := Decode(body)
		if err != nil {
			t.Fatal(err)
		}
		if again := g.Encode(); string(again) != string(body) {
			t.Fatalf("\n%s\n%s", body, again)
		}
		places := cmp.Options{cmpopts.IgnoreUnexported(Flow{}), cmpopts.IgnoreTypes(Pos{}), cmpopts.EquateEmpty()}
		if diff := cmp.Diff(f, g, places); diff != "" {
			t.Fatal(diff)
		}
		if !reflect.DeepEqual(f.byName, g.byName) {
			t.Fatal(f.byName, g.byName)
		}
		scope := values{"params.n": 1, "p0.v": 5, "p0.output": "x"}
		for i := range f.Parts {
			for n := range f.Parts[i].Args {
				a, errA := f.Parts[i].Args[n].Eval(scope)
				b, errB := g.Parts[i].Args[n].Eval(scope)
				if a != b || errA != nil || errB != nil {
					t.Fatal(a, b, errA, errB)
				}
			}
			for n := range f.Parts[i].HostLabels {
				a, errA := f.Parts[i].HostLabels[n].Value.Eval(scope)
				b, errB := g.Parts[i].HostLabels[n].Value.Eval(scope)
				if a != b || errA != nil || errB != nil {
					t.Fatal(a, b, errA, errB)
				}
			}
			for _, next := range g.Parts[i].Next {
				if g.Parts[next.To].After[next.N].From != i {
					t.Fatalf("next of %d: %+v", i, next)
				}
			}
		}
	})
}

func TestDecodeRefuses(t *testing.T) {
	for _, body := range []string{"", "{", `{"parts":[{"name":"a","after":[{"from":1}]}]}`, `{"parts":[{"name":"a","after":[{"from":-1}]}]}`, `{"parts":[{"dir":"${x"}]}`} {
		if f, err := Decode([]byte(body)); err == nil {
			t.Errorf("%s: %+v", body, f)
		}
	}
}

// Uses of parts are refused exactly when the part used is not before the one
// that uses it.
func TestUsesAgainstSearch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 150).Draw(t, "parts")
		j := &Jobnet{Path: "a"}
		// Names in another order than the edges, so that neither helps the other.
		shuffled := rapid.Permutation(indices(n)).Draw(t, "order")
		before := make([]map[int]bool, n)
		wrong := 0
		for k, i := range shuffled {
			p := Part{Name: fmt.Sprint("p", i), Kind: KindJob, Script: "x"}
			before[i] = map[int]bool{}
			for range rapid.IntRange(0, min(2, k)).Draw(t, "edges") {
				from := shuffled[rapid.IntRange(0, k-1).Draw(t, "from")]
				if !before[i][from] || !hasAfter(p, from) {
					p.After = append(p.After, After{Part: fmt.Sprint("p", from), Outlet: OutletDone})
				}
				before[i][from] = true
				for b := range before[from] {
					before[i][b] = true
				}
			}
			of := rapid.IntRange(0, n-1).Draw(t, "of")
			p.Env = []EnvVar{{Name: "X", Value: fmt.Sprintf("${p%d.exit}", of)}}
			if !before[i][of] {
				wrong++
			}
			j.Parts = append(j.Parts, p)
		}
		var r Report
		j.Check(&r)
		if r.Len() != wrong {
			t.Fatalf("%d problems, %d uses are wrong\n%s", r.Len(), wrong, told(r.Problems()))
		}
	})
}

func indices(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func hasAfter(p Part, from int) bool {
	for _, a := range p.After {
		if a.Part == fmt.Sprint("p", from) {
			return true
		}
	}
	return false
}

// A long circle is told in short.
func TestLongCycle(t *testing.T) {
	j := &Jobnet{Path: "a"}
	const n = 20_000
	for i := range n {
		j.Parts = append(j.Parts, Part{Name: fmt.Sprint("p", i), Kind: KindJob, Script: "x", After: []After{{Part: fmt.Sprint("p", (i+1)%n), Outlet: OutletDone}}})
	}
	_, problems := Compile(j, nil)
	want := "parts.p0.after: the parts go round in a circle: p0 → p19999 → p19998 → p19997 → p19996 → p19995 → p19994 → p19993 → … 19991 more … → p1 → p0 (take one of these edges away)\n"
	if got := told(problems); got != want {
		t.Error(got)
	}
}

func TestInheritance(t *testing.T) {
	folders := []*Folder{
		{Path: "/", Timezone: "UTC", OnError: OnErrorWait, Defaults: Defaults{Host: "root", Account: "root", Shell: "bash", Retry: &Retry{Attempts: 2}}, Env: []EnvVar{{Name: "A", Value: "/"}, {Name: "B", Value: "/"}, {Name: "p", Value: "hidden"}}},
		{Path: "a", Timezone: "Asia/Tokyo", Defaults: Defaults{Host: "a"}, Env: []EnvVar{{Name: "B", Value: "a"}, {Name: "C", Value: "${date}"}}},
	}
	j := &Jobnet{
		Path: "a/b", Params: []Param{{Name: "p"}}, Defaults: Defaults{Account: "net", Dir: "/${params.p}"}, Env: []EnvVar{{Name: "C", Value: "net"}},
		Parts: []Part{
			{Name: "one", Kind: KindJob, Script: "x"},
			{Name: "two", Kind: KindRun, Args: []string{"x"}, Host: "${params.p}", Account: "own", Retry: &Retry{Attempts: 5}, Env: []EnvVar{{Name: "A", Value: "two"}, {Name: "p", Value: "mine"}}},
		},
	}
	f, problems := Compile(j, folders)
	if len(problems) > 0 {
		t.Fatal(told(problems))
	}
	var lines []string
	for _, p := range f.Parts {
		line := fmt.Sprint(p.Name, " ", p.Host.Source(), " ", p.Account, " ", p.Dir.Source(), " ", p.Shell, " ", p.Retry.Attempts)
		for _, e := range p.Env {
			line += " " + e.Name + "=" + e.Value.Source()
		}
		lines = append(lines, line)
	}
	want := []string{"one a net /${params.p} bash 2 A=/ B=a C=net", "two ${params.p} own /${params.p}  5 A=two B=a C=net p=mine"}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
	if f.Timezone != "Asia/Tokyo" || f.OnError != OnErrorWait {
		t.Error(f.Timezone, f.OnError)
	}
	if diff := cmp.Diff([]string{"a"}, f.HostRefs()); diff != "" {
		t.Error(diff)
	}
	folders[1].Env = append(folders[1].Env, EnvVar{Name: "D", Value: "${params.p} ${one.exit}"})
	folders[1].File = "folder.yaml"
	_, problems = Compile(j, folders)
	want = []string{"folder.yaml env.D params.p: a folder does not know the parameters of its jobnets", "folder.yaml env.D one.exit: values of parts can be used only inside parts"}
	var got []string
	for _, p := range problems {
		got = append(got, p.File+" "+p.Path+" "+p.Message)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What folders hand down cannot make a flow grow without limit.
func TestFlowLimits(t *testing.T) {
	j := &Jobnet{Path: "a", Env: []EnvVar{{Name: "A", Value: strings.Repeat("x", 100_000)}}}
	for i := range 2000 {
		j.Parts = append(j.Parts, Part{Name: fmt.Sprint("p", i), Kind: KindJob, Script: "x"})
	}
	_, problems := Compile(j, nil)
	if len(problems) != 1 || !strings.Contains(problems[0].Message, "grows to") {
		t.Error(told(problems))
	}
	j.Parts = j.Parts[:1]
	// A script may be long, as it does not travel with its order; what does may not.
	for _, c := range []struct {
		script, args int
		want         string
	}{
		{MaxScript, 2, ""},
		{MaxScript + 1, 2, "parts.p0: the script has 8193 KiB; the limit is 8 MiB (put the script in a file on the host and call it)\n"},
		{InlineScript, 3, ""},
		{InlineScript, 4, "parts.p0: it carries 425 KiB of script, arguments and variables; the limit is 400 KiB (put large texts into files on the host)\n"},
		{InlineScript + 1, 4, ""},
		{InlineScript + 1, 5, "parts.p0: it carries 451 KiB of arguments and variables; the limit is 400 KiB (put large texts into files on the host)\n"},
	} {
		j.Parts[0].Script, j.Env = strings.Repeat("x", c.script), nil
		for i := range c.args {
			j.Env = append(j.Env, EnvVar{Name: fmt.Sprint("A", i), Value: strings.Repeat("x", 90<<10)})
		}
		if _, problems = Compile(j, nil); told(problems) != c.want {
			t.Error(c, told(problems))
		}
	}
}

func TestOutputUsed(t *testing.T) {
	j := &Jobnet{Path: "a", Parts: []Part{
		{Name: "a", Kind: KindJob, Script: "x"}, {Name: "b", Kind: KindJob, Script: "x"}, {Name: "c", Kind: KindJob, Script: "x"},
		{Name: "d", Kind: KindRun, Args: []string{"x", "${a.output}"}, After: []After{{Part: "a", Outlet: OutletDone}, {Part: "b", Outlet: OutletDone}, {Part: "c", Outlet: OutletDone}}, When: "trim(b.output) == 'x' && c.exit == 0"},
	}}
	f, problems := Compile(j, nil)
	if len(problems) > 0 {
		t.Fatal(told(problems))
	}
	if !f.Parts[0].OutputUsed || !f.Parts[1].OutputUsed || f.Parts[2].OutputUsed {
		t.Error(f.Parts)
	}
}

// Trackers share a flow: its expressions are made when they are first needed,
// by whoever comes first.
func TestFlowIsShared(t *testing.T) {
	j := &Jobnet{Path: "a", Parts: []Part{{Name: "a", Kind: KindJob, Script: "x"}}}
	for i := range 50 {
		j.Parts = append(j.Parts, Part{Name: fmt.Sprint("p", i), Kind: KindRun, Args: []string{fmt.Sprintf("${a.exit + %d}", i%7)}, After: []After{{Part: "a", Outlet: OutletDone}}, When: fmt.Sprintf("a.exit > %d", i%5)})
	}
	f, problems := Compile(j, nil)
	if len(problems) > 0 {
		t.Fatal(told(problems))
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i, p := range f.Parts[1:] {
				text, err := p.Args[0].Eval(values{"a.exit": 3})
				holds, errWhen := p.When.Eval(values{"a.exit": 3})
				if text != fmt.Sprint(3+i%7) || holds != (3 > i%5) || err != nil || errWhen != nil {
					t.Error(text, holds, err, errWhen)
				}
			}
		})
	}
	wg.Wait()
}

func TestDiff(t *testing.T) {
	a := &Jobnet{Path: "a", Title: "old", Params: []Param{{Name: "n", Type: Integer, Default: ptr("1")}, {Name: "gone"}},
		Defaults: Defaults{OnLost: LostFail},
		Parts:    []Part{{Name: "x", Kind: KindJob, Script: "1", After: []After{{Part: "y", Outlet: OutletDone}}}, {Name: "y", Kind: KindRun, Args: []string{"a"}, Timeout: 60e9, OnLost: LostRerun}}}
	b := &Jobnet{Path: "a", Title: "new", Defaults: Defaults{OnLost: LostWait}, Params: []Param{{Name: "n", Type: Integer, Default: ptr("")}},
		Parts: []Part{{Name: "y", Kind: KindRun, Args: []string{"a", "b"}, OnLost: LostRerun, LostAfter: 120e9, Retry: &Retry{Attempts: 3, Codes: []CodeRange{{1, 2}}}}, {Name: "x", Kind: KindJob, Script: "1", After: []After{{Part: "y", Outlet: OutletError}}}, {Name: "z", Kind: KindJob, Script: "2"}}}
	want := []banto.DiffChange{
		{Path: "title", Old: "old", New: "new", Op: "changed"},
		{Path: "defaults.on-lost", Old: "fail", New: "wait", Op: "changed"},
		{Path: "params.n.default", Old: "1", New: `""`, Op: "changed"},
		{Path: "params.gone.type", Old: "string", Op: "removed"},
		{Path: "parts.x.after", Old: "y", New: "y.error", Op: "changed"},
		{Path: "parts.y.run", Old: `["a"]`, New: `["a","b"]`, Op: "changed"},
		{Path: "parts.y.on-lost", Old: "rerun", New: "then: rerun, after: 2m", Op: "changed"},
		{Path: "parts.y.timeout", Old: "1m", Op: "removed"},
		{Path: "parts.y.retry", New: "attempts: 3, codes: 1-2", Op: "added"},
		{Path: "parts.z.job", New: "2", Op: "added"},
	}
	if diff := cmp.Diff(want, Diff(a, b)); diff != "" {
		t.Error(diff)
	}
	if d := Diff(a, a); len(d) > 0 {
		t.Error(d)
	}
	if d := Diff(nil, b); len(d) == 0 || d[0].Op != "added" {
		t.Error(d)
	}
}
