package jobyaml

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// host gives a document in which a key with its example stands.
func host(w where, k key) string {
	line := k.name + ": " + k.example
	switch w {
	case inJobnet:
		if k.name == "jobnet" {
			return line + "\nparts: {p: {job: x}}\n"
		}
		if k.name == "parts" {
			return "jobnet: a\n" + line + "\n"
		}
		return "jobnet: a\n" + line + "\nparts: {p: {job: x}}\n"
	case inParam:
		with := map[string]string{"of": "type: choice, ", "min": "type: integer, ", "max": "type: integer, "}
		return "jobnet: a\nparams: {x: {" + with[k.name] + line + "}}\nparts: {p: {job: x}}\n"
	case inDefaults:
		return "jobnet: a\ndefaults: {" + line + "}\nparts: {p: {job: x}}\n"
	case inRetry:
		with := "attempts: 2, "
		if k.name == "attempts" {
			with = ""
		}
		return "jobnet: a\nparts: {p: {job: x, retry: {" + with + line + "}}}\n"
	case inExit:
		return "jobnet: a\nparts: {p: {job: x, exit: {" + line + "}}}\n"
	case inLost:
		with := "then: fail, "
		if k.name == "then" {
			with = ""
		}
		return "jobnet: a\nparts: {p: {job: x, on-lost: {" + with + line + "}}}\n"
	case inWait:
		return "jobnet: a\nparts: {p: {wait: {" + line + "}}}\n"
	case inKeep:
		return "folder: a\nkeep: {" + line + "}\n"
	case inLimits:
		return "jobnet: a\nparts: {p: {job: x, limits: {" + line + "}}}\n"
	case inGroup:
		return belongs(k, "group: a", "hosts: [db09]", line)
	case inAccount:
		return belongs(k, "account: a", "users: [{user: z}]", line)
	case inUser:
		if k.name == "user" {
			return "account: a\nusers: [{" + line + "}]\n"
		}
		return "account: a\nusers: [{user: z, " + line + "}]\n"
	case inHosts:
		return "group: a\nhosts: {" + line + "}\n"
	case inFolder:
		if k.name == "folder" {
			return line + "\n"
		}
		return "folder: a\n" + line + "\n"
	case inHanded:
		return "folder: a\ndefaults: {" + line + "}\n"
	}
	part := "job: x\n    "
	switch k.name {
	case "job", "run", "jobnet", "branch", "end", "wait":
		part = ""
	case "with":
		part = "jobnet: b\n    "
	case "delayed":
		part = "job: x\n    shell: cmd\n    "
	}
	after := "after: [copy.error, count]\n    "
	if k.name == "after" {
		after = ""
	}
	return "jobnet: a\nparams: {chunk: }\nparts:\n  archive: {job: x}\n  copy: {job: x}\n  count: {job: x, sets: {files: integer}}\n  p:\n    " +
		part + after + line + "\n"
}

// belongs gives a document of a name and one more key that it must have.
func belongs(k key, name, must, line string) string {
	switch k.name {
	case strings.SplitN(name, ":", 2)[0]:
		return line + "\n" + must + "\n"
	case strings.SplitN(must, ":", 2)[0]:
		return name + "\n" + line + "\n"
	}
	return name + "\n" + must + "\n" + line + "\n"
}

// needed says whether nothing can be left of a document without the key.
func needed(k key, w where) bool {
	switch k.name {
	case "jobnet", "folder", "parts", "job", "run", "branch", "end", "wait", "time", "for", "attempts", "user", "labels", "users", "then":
		return true
	case "group", "account":
		return w == inGroup || w == inAccount
	case "hosts":
		return w == inGroup
	}
	return false
}

// Every key that the table supports can be written as its example says, and
// is read by the parser: it makes a difference that it is there.
func TestEveryKeyIsRead(t *testing.T) {
	for _, k := range keys() {
		for _, w := range k.in {
			if k.later {
				continue
			}
			t.Run(fmt.Sprint(w, " ", k.name), func(t *testing.T) {
				text := host(w, k)
				docs, problems := Parse("x", []byte(text))
				if len(problems) > 0 {
					t.Fatalf("%s\n%s", text, told(problems))
				}
				if _, problems = check("x", []byte(text)); len(problems) > 0 {
					t.Fatalf("%s\n%s", text, told(problems))
				}
				if needed(k, w) {
					return
				}
				bare := docs[0]
				without := regexp.MustCompile(`(, )?`+regexp.QuoteMeta(k.name+": "+k.example)).ReplaceAllString(text, "")
				without = strings.NewReplacer("retry: {}", "", "limits: {}", "", "keep: {}", "").Replace(without)
				docs, problems = Parse("x", []byte(without))
				if len(problems) > 0 {
					t.Fatalf("%s\n%s", without, told(problems))
				}
				if shape(docs[0]) == shape(bare) {
					t.Errorf("the parser does nothing with %s:\n%s\n%s", k.name, text, shape(bare))
				}
			})
		}
	}
}

var place = regexp.MustCompile(`"(Pos|KeyPos|ValuePos)":(null|\{[^{}]*(\{[^{}]*\}[^{}]*)*\}),?|"(Source|Line)":("([^"\\]|\\.)*"|\d+),?`)

// shape is what a document means, places aside.
func shape(d Document) string {
	b, err := json.Marshal(d)
	if err != nil {
		return err.Error()
	}
	return place.ReplaceAllString(string(b), "")
}

// No row of the table stands twice, and each says what it must.
func TestTableIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range keys() {
		for _, w := range k.in {
			id := string(w) + " " + k.name
			if seen[id] {
				t.Errorf("%s stands twice", id)
			}
			seen[id] = true
		}
		if !k.later && (k.en == "" || k.ja == "" || k.example == "" || k.typ.kind().en == "" || k.typ.kind().ja == "") {
			t.Errorf("%s lacks something", k.name)
		}
	}
}

// Every reference of the schema leads somewhere, and every key is in it.
func TestSchema(t *testing.T) {
	var s struct {
		Schema string `json:"$schema"`
		Defs   map[string]struct {
			Properties map[string]json.RawMessage `json:"properties"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	if s.Schema != "https://json-schema.org/draft/2020-12/schema" {
		t.Error(s.Schema)
	}
	for _, m := range regexp.MustCompile(`"#/\$defs/([^"]+)"`).FindAllStringSubmatch(string(Schema()), -1) {
		if _, ok := s.Defs[m[1]]; !ok {
			t.Errorf("%s leads nowhere", m[0])
		}
	}
	for _, k := range keys() {
		for _, w := range k.in {
			if _, ok := s.Defs[defName(w)].Properties[k.name]; !ok && w != inDocument {
				t.Errorf("%s of %s is not in the schema", k.name, w)
			}
		}
	}
	golden(t, "testdata/schema.json", string(Schema()))
}

func TestReference(t *testing.T) {
	for _, lang := range []string{"en", "ja"} {
		text := Reference(lang)
		for _, k := range keys() {
			if !strings.Contains(text, "`"+k.name+"`") {
				t.Errorf("%s is not in the reference (%s)", k.name, lang)
			}
		}
		golden(t, "testdata/reference."+lang+".md", text)
	}
}
