package jobnet

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// goldenFlows are the flows of the definitions that jobyaml reads in its tests.
func goldenFlows(t testing.TB) []string {
	files, err := filepath.Glob("jobyaml/testdata/good/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no flows", err)
	}
	var out []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			out = append(out, strings.TrimSuffix(line, "\n"))
		}
	}
	return out
}

// wide is a flow of n parts, as a large jobnet has them.
func wide(t testing.TB, n int) []byte {
	j := &Jobnet{Path: "large", Parts: make([]Part, n)}
	for i := range j.Parts {
		j.Parts[i] = Part{Name: fmt.Sprintf("w%d", i), Kind: KindRun, Args: []string{"true"}}
		if i >= 100 {
			j.Parts[i].After = []After{{Part: fmt.Sprintf("w%d", i-100), Outlet: OutletDone}, {Part: fmt.Sprintf("w%d", i-99), Outlet: OutletDone}}
		}
	}
	flow, problems := Compile(j, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return flow.Encode()
}

// slowly reads a flow as encoding/json does.
func slowly(body []byte) (*Flow, bool) {
	var f Flow
	if json.Unmarshal(body, &f) != nil {
		return nil, false
	}
	return &f, true
}

// What is written by Encode is read the fast way, and as encoding/json reads it.
func TestDecodeCanonical(t *testing.T) {
	bodies := append(goldenFlows(t), string(wide(t, 300)))
	escapes := Flow{Jobnet: "a", Title: "\"\\\n\x01\u2028<&>\u00e9日本", OnError: OnErrorEnd, Parts: []FlowPart{{Name: "件", Kind: KindJob, Script: "echo \"x\"\tx\n", Join: JoinAll}}}
	for _, body := range append(bodies, string(escapes.Encode())) {
		want, ok := slowly([]byte(body))
		if got := decodeCanonical([]byte(body)); !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%.300s is read as\n%+v, not\n%+v", body, got, want)
		}
		flow, err := Decode([]byte(body))
		if err != nil || string(flow.Encode()) != body {
			t.Errorf("%.300s comes back another, %v", body, err)
		}
	}
}

// Every field of a flow can be read the fast way: whoever adds one meets this.
func TestDecodeCanonicalKnowsAllFields(t *testing.T) {
	for what, c := range map[string]struct {
		of    reflect.Type
		frame string
	}{
		"flow": {reflect.TypeFor[Flow](), `{%s}`},
		"part": {reflect.TypeFor[FlowPart](), `{"jobnet":"a","on_error":"end","parts":[{%s}]}`},
		"edge": {reflect.TypeFor[Edge](), `{"jobnet":"a","on_error":"end","parts":[{"after":[{%s}]}]}`},
		"env":  {reflect.TypeFor[FlowEnv](), `{"jobnet":"a","on_error":"end","parts":[{"env":[{%s}]}]}`},
	} {
		for i := range c.of.NumField() {
			field := c.of.Field(i)
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name == "" || name == "-" {
				continue
			}
			value, err := json.Marshal(reflect.Zero(field.Type).Interface())
			if err != nil {
				t.Fatal(err)
			}
			if k := field.Type.Kind(); k == reflect.Slice {
				value = []byte("[]")
			}
			body := fmt.Sprintf(c.frame, fmt.Sprintf("%q:%s", name, value))
			if decodeCanonical([]byte(body)) == nil {
				t.Errorf("the fast way does not know %s of a %s: %s", name, what, body)
			}
		}
	}
}

// FuzzDecodeCanonical: whatever is read the fast way is what encoding/json
// reads, unless a key stands twice.
func FuzzDecodeCanonical(f *testing.F) {
	for _, body := range goldenFlows(f) {
		f.Add([]byte(body))
	}
	for _, body := range []string{`{}`, `{"parts":null}`, `{"parts":[{"after":[{"from":01}]}]}`, `{"parts":[{"heals":true ,"name":"a"}]}`, `{"jobnet":"\ud800"}`, "{\"jobnet\":\"\xff\"}", `{"parts":[{"retry":{"wait":"}"}}]}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got := decodeCanonical(body)
		if got == nil {
			return
		}
		want, ok := slowly(body)
		if !ok {
			t.Fatalf("%q is no JSON", body)
		}
		if !reflect.DeepEqual(got, want) && string(want.Encode()) == string(body) {
			t.Errorf("%q is read as %+v, not %+v", body, got, want)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	body := wide(b, 100_000)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	flow, err := Decode(wide(b, 100_000))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		b.SetBytes(int64(len(flow.Encode())))
	}
}
