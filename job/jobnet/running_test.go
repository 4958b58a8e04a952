package jobnet

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bantoops/banto"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/ianaindex"
)

// runs spells where and how a part runs.
func runs(p *FlowPart) string {
	out := p.Name + ":"
	add := func(key, value string) {
		if value != "" {
			out += " " + key + "=" + value
		}
	}
	add("host", p.Host.Source())
	for _, l := range p.HostLabels {
		add("label", l.Name+"="+l.Value.Source())
	}
	if p.PerPart {
		add("pick", "per-part")
	}
	add("shell", p.Shell)
	if p.Delayed {
		add("delayed", "true")
	}
	add("encoding", p.Encoding)
	add("limits", limitsText(p.Limits))
	add("rerun", string(p.Rerun))
	return out
}

// What is nearest wins, key by key; a host and labels are one key, and limits
// are taken as a whole.
func TestInheritanceOfWhereAndHow(t *testing.T) {
	labels := func(pairs ...string) (out []Label) {
		for _, p := range pairs {
			name, value, _ := strings.Cut(p, "=")
			out = append(out, Label{Name: name, Value: value})
		}
		return out
	}
	folders := []*Folder{
		{Path: "/", Defaults: Defaults{Host: "db01", Encoding: "SJIS", Limits: &banto.Limits{Memory: 1 << 30, Files: 100}, Shell: "cmd", Delayed: ptr(true)}},
		{Path: "a", Defaults: Defaults{HostLabels: labels("role=batch", "area=${date}"), Pick: PerPart}},
	}
	j := &Jobnet{Path: "a/b", Params: []Param{{Name: "p"}}, Defaults: Defaults{Limits: &banto.Limits{CPU: 50}}, Parts: []Part{
		{Name: "inherits", Kind: KindJob, Script: "x"},
		{Name: "named", Kind: KindJob, Script: "x", Host: "win01", Shell: "sh", Pick: PerTracker, Encoding: "UTF8", Limits: &banto.Limits{}, Rerun: RerunYes},
		{Name: "labelled", Kind: KindRun, Args: []string{"x"}, HostLabels: labels("zone=${params.p}"), Rerun: RerunNever, Encoding: "euc-jp"},
	}}
	f, problems := Compile(j, folders)
	if len(problems) > 0 {
		t.Fatal(told(problems))
	}
	var got []string
	for i := range f.Parts {
		got = append(got, runs(&f.Parts[i]))
	}
	want := []string{
		"inherits: label=area=${date} label=role=batch pick=per-part shell=cmd delayed=true encoding=cp932 limits=cpu: 50%",
		"named: host=win01 shell=sh",
		"labelled: label=zone=${params.p} pick=per-part encoding=euc-jp limits=cpu: 50% rerun=never",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"win01"}, f.HostRefs()); diff != "" {
		t.Error(diff)
	}
	j.Delayed = ptr(false) // nearer than its folders
	if _, problems = Compile(j, folders); len(problems) != 1 || !strings.Contains(problems[0].Message, "the parameter p reaches the script") {
		t.Error(told(problems))
	}
}

func TestWhereAndHowThatCannotBe(t *testing.T) {
	long := make([]Label, MaxLabels+1)
	for i := range long {
		long[i] = Label{Name: fmt.Sprint("l", i), Value: "x"}
	}
	for _, c := range []struct {
		part Part
		want string
	}{
		{Part{HostLabels: []Label{{Name: "a b", Value: "x"}}}, `parts.p.host: "a b" cannot be the name of a label`},
		{Part{HostLabels: []Label{{Name: "a", Value: "x=y"}}}, `parts.p.host.a: "x=y" cannot be the value of a label`},
		{Part{HostLabels: []Label{{Name: "a", Value: ""}}}, `parts.p.host.a: "" cannot be the value of a label`},
		{Part{HostLabels: []Label{{Name: "a", Value: "${params.q}"}}}, `parts.p.host.a: there is no parameter q`},
		{Part{HostLabels: []Label{{Name: "a", Value: "${x"}}}, "parts.p.host.a: ${ without its }"},
		{Part{HostLabels: long}, "parts.p.host: there are 65 labels, more than a host can have"},
		{Part{Host: "a=b"}, "parts.p.host: the host name \"a=b\" holds '='"},
		{Part{Pick: "all"}, `parts.p.pick: "all" says nothing of when a host is chosen`},
		{Part{Shell: "zsh"}, `parts.p.shell: "zsh" is not a shell`},
		{Part{Encoding: "cp93"}, `parts.p.encoding: "cp93" is not an encoding that is known here (did you mean cp932?)`},
		{Part{Encoding: "ebcdic-jp-kana-and-more"}, `parts.p.encoding: "ebcdic-jp-kana-and-more" is not an encoding that is known here (such as`},
		{Part{Rerun: "no"}, `parts.p.rerun: "no" is not a rule for a rerun`},
		{Part{Delayed: ptr(true)}, "parts.p.delayed: only cmd expands variables in two ways"},
		{Part{Limits: &banto.Limits{Memory: 4096}}, "parts.p.limits.memory: a memory limit of 4K"},
		{Part{Limits: &banto.Limits{CPU: 200_000}}, "parts.p.limits.cpu: a limit of 200000% of a processor"},
		{Part{Limits: &banto.Limits{Processes: -1}}, "parts.p.limits.processes: a limit of -1 processes"},
		{Part{Limits: &banto.Limits{Files: 3}}, "parts.p.limits.files: a limit of 3 open files"},
		{Part{Limits: &banto.Limits{Nice: -5}}, "parts.p.limits.nice: a nice of -5"},
	} {
		c.part.Name, c.part.Kind, c.part.Script = "p", KindJob, "x"
		_, problems := Compile(&Jobnet{Path: "a", Parts: []Part{c.part}}, nil)
		if got := told(problems); len(problems) != 1 || !strings.HasPrefix(got, c.want) {
			t.Errorf("got %swant %s", got, c.want)
		}
	}
	_, problems := Compile(&Jobnet{Path: "a", Parts: []Part{{Name: "p", Kind: KindRun, Args: []string{"x"}, Delayed: ptr(true)}}}, nil)
	if len(problems) != 1 {
		t.Error(told(problems))
	}
}

// A value that somebody else gives never gets into the text of a cmd script.
func TestScriptsForCmd(t *testing.T) {
	compiled := func(j Jobnet, env string, folderEnv string, delayed *bool) string {
		j.Path = "a"
		j.Parts = []Part{{Name: "a", Kind: KindJob, Script: "x"}, {Name: "p", Kind: KindJob, Script: "echo %X%", Shell: "cmd", Delayed: delayed, After: []After{{Part: "a", Outlet: OutletDone}}, Env: []EnvVar{{Name: "X", Value: env}}}}
		f := &Folder{Path: "/", Env: []EnvVar{{Name: "Y", Value: folderEnv}}}
		_, problems := Compile(&j, []*Folder{f})
		if len(problems) == 0 {
			return ""
		}
		who, _, _ := strings.Cut(problems[0].Message, " reaches")
		return who
	}
	params := Jobnet{Params: []Param{{Name: "source"}}}
	for _, c := range []struct {
		got, want string
	}{
		{compiled(Jobnet{}, "fixed", "${date} ${tracker} ${attempt} ${format(date, 'yyyy')}", nil), ""},
		{compiled(Jobnet{}, "${a.output}", "", nil), "a.output, in X,"},
		{compiled(Jobnet{}, "x ${upper(a.output)}", "", nil), "a.output, in X,"},
		{compiled(Jobnet{}, "${a.output}", "", ptr(true)), ""},
		{compiled(params, "fixed", "", nil), "the parameter source"},
		{compiled(params, "fixed", "", ptr(false)), "the parameter source"},
		{compiled(params, "fixed", "", ptr(true)), ""},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// Every encoding is one that golang.org/x/text can decode, under that name.
func TestEncodings(t *testing.T) {
	seen := map[string]bool{}
	for _, names := range encodingTable() {
		for _, n := range names {
			if seen[n] || n != strings.ToLower(n) {
				t.Errorf("%s stands twice, or not in lower case", n)
			}
			seen[n] = true
		}
		name := names[0]
		if name == "cp932" {
			name = "shift_jis"
		}
		if e, err := ianaindex.IANA.Encoding(name); name != utf8Name && (e == nil || err != nil) {
			t.Errorf("%s: %v, %v", name, e, err)
		}
	}
	// What Microsoft added to Shift JIS is in the one that we take for cp932.
	sjis, _ := ianaindex.IANA.Encoding("shift_jis")
	if text, err := sjis.NewDecoder().String("\x87\x40\xfb\xfc\x81\x60"); text != "①髙～" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	for _, c := range []struct{ name, want string }{
		{"UTF-8", "utf-8"}, {"Windows-31J", "cp932"}, {"shift_jis", "cp932"}, {"EUC-JP", "euc-jp"}, {"latin1", "iso-8859-1"}, {"cp1252", "windows-1252"}, {"", ""}, {"utf-9", ""},
	} {
		if got, _ := ParseEncoding(c.name); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	if list := Encodings(); len(list) != len(encodingTable()) || list[0] != utf8Name || list[1] != "cp932" {
		t.Error(list)
	}
}

func TestSizes(t *testing.T) {
	for _, c := range []struct {
		text string
		want int64
	}{{"1K", 1 << 10}, {"512M", 512 << 20}, {"2G", 2 << 30}, {"0M", 0}, {"512", 0}, {"512MB", 0}, {"1.5G", 0}, {"-1M", 0}, {"", 0}, {"M", 0}, {"9999999999999G", 0}, {"99999999999999999999G", 0}, {"+1M", 0}} {
		if got, err := ParseSize(c.text); got != c.want || (err == nil) != (c.want > 0) {
			t.Errorf("%q: %d, %v", c.text, got, err)
		}
	}
	for _, c := range []struct {
		text string
		want int
	}{{"50%", 50}, {"200%", 200}, {"0%", 0}, {"50", 0}, {"1.5", 0}, {"%", 0}, {"-5%", 0}, {"99999999999%", 0}} {
		if got, err := ParsePercent(c.text); got != c.want || (err == nil) != (c.want > 0) {
			t.Errorf("%q: %d, %v", c.text, got, err)
		}
	}
}

// A flow that an earlier version stored is read, and is encoded as it was.
func TestFlowOfAnEarlierVersion(t *testing.T) {
	const old = `{"jobnet":"backup/nightly","title":"夜間","timezone":"Asia/Tokyo","on_error":"wait","params":[{"name":"n","type":"integer","default":"7"}],"parts":[{"name":"a","kind":"job","script":"x","join":"all","env":[{"name":"A","value":"${params.n}"}],"host":"db01","account":"batch","shell":"bash","timeout":1000000000,"sets":[{"name":"v","type":"integer"}],"output_used":true},{"name":"b","kind":"run","args":["x","${a.output}"],"after":[{"from":0,"outlet":"done"}],"join":"any","dir":"/srv/${date}"}]}`
	f, err := Decode([]byte(old))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(f.Encode()); got != old {
		t.Errorf("\n%s\n%s", old, got)
	}
	if p := f.Parts[0]; p.HostLabels != nil || p.PerPart || p.Limits != nil || p.Rerun != "" || p.Encoding != "" || p.Shell != "bash" || f.Parts[1].Shell != "" {
		t.Errorf("%+v", p)
	}
}

func TestGroupCheck(t *testing.T) {
	many := make([]string, maxGroupHosts+1)
	for i := range many {
		many[i] = fmt.Sprint("h", i)
	}
	for _, c := range []struct {
		group Group
		want  string
	}{
		{Group{Name: "batch-east", Hosts: []string{"db01", "db02"}, Pick: PickAll}, ""},
		{Group{Name: "a.b_c", Labels: map[string]string{"role": "batch"}}, ""},
		{Group{Hosts: []string{"a"}}, "group: the group has no name (write group: with a name)\n"},
		{Group{Name: "a=b", Hosts: []string{"a"}}, "group: the name \"a=b\" holds '=' (names hold Latin letters, digits, -, _ and ., first a letter or digit)\n"},
		{Group{Name: "東", Hosts: []string{"a"}}, "group: the name \"東\" begins with '東' (names hold Latin letters, digits, -, _ and ., first a letter or digit)\n"},
		{Group{Name: "a"}, "hosts: the group has no hosts (write hosts: [db01, db02], or hosts: {labels: {role: batch}})\n"},
		{Group{Name: "a", Faulty: true}, ""},
		{Group{Name: "a", Hosts: []string{"a", "", "b/c", "a"}}, "hosts: the host name \"\" is empty (host names hold Latin letters, digits, -, _ and .)\nhosts: the host name \"b/c\" holds '/' (host names hold Latin letters, digits, -, _ and .)\nhosts: a stands here twice (take one of them away)\n"},
		{Group{Name: "a", Hosts: []string{"a"}, Labels: map[string]string{"a": "b"}}, "hosts: the group has names and labels (make two groups of it)\n"},
		{Group{Name: "a", Hosts: many}, "hosts: the group has 10001 hosts, more than 10000 (give the hosts a label, and name that)\n"},
		{Group{Name: "a", Labels: map[string]string{"a": "b c"}}, "hosts.labels: \"a: b c\" cannot be a label (" + LabelHint + ")\n"},
		{Group{Name: "a", Hosts: []string{"a"}, Pick: "some"}, "pick: \"some\" is not a way to choose a host (write least-loaded, round-robin, first-alive or all)\n"},
	} {
		var r Report
		c.group.Check(&r)
		if got := told(r.Problems()); got != c.want {
			t.Errorf("got %swant %s", got, c.want)
		}
	}
}

func TestAccountCheck(t *testing.T) {
	for _, c := range []struct {
		name  string
		users []AccountUser
		want  string
	}{
		{"nightly", []AccountUser{{Hosts: "east", User: "nightly"}, {Hosts: "area=west", User: `DOM\nightly`}, {User: "batch"}}, ""},
		{"nightly", nil, "users: the account is nobody (write users: [{user: batch}])\n"},
		{"a/b", []AccountUser{{User: "x"}}, "account: the name \"a/b\" holds '/' (names hold Latin letters, digits, -, _ and ., first a letter or digit)\n"},
		{"a", []AccountUser{{User: " "}}, "users.0.user: the OS user is not said (such as batch, or 'DOM\\batch' on Windows)\n"},
		{"a", []AccountUser{{User: "a\nb"}}, "users.0.user: the OS user holds '\\n' (such as batch, or 'DOM\\batch' on Windows)\n"},
		{"a", []AccountUser{{User: "-x"}}, "users.0.user: the OS user \"-x\" begins with a dash (such as batch, or 'DOM\\batch' on Windows)\n"},
		{"a", []AccountUser{{User: strings.Repeat("x", 257)}}, "users.0.user: the OS user has more than 256 characters (such as batch, or 'DOM\\batch' on Windows)\n"},
		{"a", []AccountUser{{User: "x"}, {Hosts: "db01", User: "y"}}, "users.1: an entry before it is for all hosts, so this one is for none (write the entry without hosts last)\n"},
		{"a", []AccountUser{{Hosts: "a=b", User: "x"}, {Hosts: "a=b", User: "y"}}, "users.1: there are two entries for a=b (take one of them away)\n"},
		{"a", []AccountUser{{Hosts: "a b", User: "x"}}, "users.0.hosts: the host name \"a b\" holds ' ' (host names hold Latin letters, digits, -, _ and .)\n"},
		{"a", make([]AccountUser, maxUsers+1), "users: the account has 1001 users, more than 1000 (put hosts into groups)\n"},
	} {
		a := Account{Name: c.name, Users: c.users}
		var r Report
		a.Check(&r)
		if got := told(r.Problems()); got != c.want {
			t.Errorf("got %swant %s", got, c.want)
		}
	}
	a := Account{Users: []AccountUser{{Hosts: "east"}, {Hosts: "role=x"}, {Hosts: "db01"}, {}}}
	if diff := cmp.Diff([]string{"east", "db01"}, a.HostRefs()); diff != "" {
		t.Error(diff)
	}
}

func TestDiffOfWhereAndHow(t *testing.T) {
	a := &Jobnet{Path: "a", Defaults: Defaults{HostLabels: []Label{{Name: "b", Value: "1"}, {Name: "a", Value: "2"}}, Limits: &banto.Limits{}}, Parts: []Part{{Name: "p", Kind: KindJob, Script: "x", Host: "db01"}}}
	b := &Jobnet{Path: "a", Delayed: ptr(true), Defaults: Defaults{HostLabels: []Label{{Name: "a", Value: "2"}, {Name: "b", Value: "1"}}, Pick: PerPart, Encoding: "cp932", Limits: &banto.Limits{Memory: 1 << 20, Nice: 3}, Delayed: ptr(false)},
		Parts: []Part{{Name: "p", Kind: KindJob, Script: "x", HostLabels: []Label{{Name: "role", Value: "x"}}, Pick: PerTracker, Delayed: ptr(true), Encoding: "big5", Limits: &banto.Limits{CPU: 50, Files: 64}, Rerun: RerunAsk}}}
	want := []banto.DiffChange{
		{Path: "defaults.limits", Old: "none", New: "memory: 1M, nice: 3", Op: "changed"},
		{Path: "delayed", New: "true", Op: "added"},
		{Path: "defaults.pick", New: "per-part", Op: "added"},
		{Path: "defaults.delayed", New: "false", Op: "added"},
		{Path: "defaults.encoding", New: "cp932", Op: "added"},
		{Path: "parts.p.host", Old: "db01", New: "{role: x}", Op: "changed"},
		{Path: "parts.p.pick", New: "per-tracker", Op: "added"},
		{Path: "parts.p.delayed", New: "true", Op: "added"},
		{Path: "parts.p.encoding", New: "big5", Op: "added"},
		{Path: "parts.p.limits", New: "cpu: 50%, files: 64", Op: "added"},
		{Path: "parts.p.rerun", New: "ask", Op: "added"},
	}
	if diff := cmp.Diff(want, Diff(a, b)); diff != "" {
		t.Error(diff)
	}
}
