package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

// Settings are what a file can say. The zero value of a field means that it is
// not said.
type Settings struct {
	Data string // the data directory
	Name string // of the host, when it is first enrolled

	// Of an agent.
	Slots     int      // attempts at once
	Accounts  []string // OS users that jobs may run as
	AllowRoot bool     // jobs may run as root
	Proxy     string   // URL of an HTTP proxy that takes CONNECT

	// Of a manager.
	HTTP, Fabric string   // addresses to listen on
	SAN          []string // names and addresses under which it is reached
	Cert, Key    string   // files of a given certificate
	Environment  string   // such as production
	Colour       string   // of the environment
	Guard        *bool    // moves that cannot be undone ask for the tracker's name
	Store        string   // URL of a PostgreSQL database that managers share
	MaxTrackers  int      // of one jobnet, that have not ended
	SubmitRate   int      // submissions of one jobnet a second
	Archive      string   // directory for trackers that are purged
	Metrics      string   // open or token
	Syslog       string   // URL of a syslog server
	EventLog     bool     // notices go to the event log of Windows
	AliveFile    string   // sign of life
	AliveURL     string
	AliveStandby bool

	Log Log
}

// Log says where the process writes its log.
type Log struct {
	File  string // empty: standard error
	Size  int64  // bytes until the file is put aside; 0: 10 MiB
	Keep  int    // files that are put aside and kept; 0: 5
	Debug bool
	JSON  bool
}

// maxFile bounds a file of settings, in bytes.
const maxFile = 1 << 20

// Load reads a file. All of its faults are in the error's Problems.
func Load(path string) (Settings, error) {
	what := "cannot read the settings in " + path
	f, err := os.Open(path)
	if err != nil {
		why := err.Error()
		var inner *fs.PathError
		if errors.As(err, &inner) {
			why = inner.Err.Error()
		}
		return Settings{}, banto.Fail(banto.KindInvalid, what, why, "name another file with --settings").Because(err)
	}
	defer f.Close()
	body, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return Settings{}, banto.Fail(banto.KindInvalid, what, err.Error(), "").Because(err)
	}
	if len(body) > maxFile {
		return Settings{}, banto.Fail(banto.KindInvalid, what, "it is larger than 1 MiB", "is it the right file?")
	}
	s, problems := Parse(path, body)
	if len(problems) > 0 {
		fail := banto.Fail(banto.KindInvalid, what, fmt.Sprintf("%d of its lines cannot be used", len(problems)), "")
		if len(problems) == 1 {
			fail.Why = "one of its lines cannot be used"
		}
		fail.Problems = problems
		return Settings{}, fail
	}
	return s, nil
}

// Parse reads the text of a file.
func Parse(name string, body []byte) (Settings, []banto.Problem) {
	r := reader{file: name}
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(body))
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return r.out, nil
	case err != nil:
		r.problems = append(r.problems, syntax(name, err))
		return r.out, r.problems
	}
	var more yaml.Node
	if err := dec.Decode(&more); err == nil {
		r.fault(&more, "", "the file holds a second document", "write all settings in one")
	}
	r.mapping(doc.Content[0], "", fields(&r))
	return r.out, r.problems
}

var lineOf = regexp.MustCompile(`line (\d+): `)

// syntax makes a problem of what the YAML library says.
func syntax(name string, err error) banto.Problem {
	p := banto.Problem{File: name, Message: "it is not YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")}
	if m := lineOf.FindStringSubmatch(p.Message); m != nil {
		p.Line, _ = strconv.Atoi(m[1]) // only digits
		p.Message = strings.Replace(p.Message, m[0], "", 1)
	}
	return p
}

// field reads the value of one setting.
type field func(value *yaml.Node, path string)

type reader struct {
	file     string
	out      Settings
	problems []banto.Problem
}

// fields is the table of settings.
func fields(r *reader) map[string]field {
	s := &r.out
	return map[string]field{
		"data": r.text(&s.Data), "name": r.text(&s.Name),
		"slots": r.number(&s.Slots, 10_000), "accounts": r.texts(&s.Accounts), "allow-root": r.boolean(&s.AllowRoot),
		"proxy": r.text(&s.Proxy),
		"http":  r.text(&s.HTTP), "fabric": r.text(&s.Fabric), "san": r.texts(&s.SAN),
		"cert": r.text(&s.Cert), "key": r.text(&s.Key),
		"environment": r.text(&s.Environment), "colour": r.text(&s.Colour), "guard": r.flag(&s.Guard),
		"store": r.text(&s.Store), "max-trackers": r.number(&s.MaxTrackers, 10_000_000), "submit-rate": r.number(&s.SubmitRate, 1_000_000),
		"archive": r.text(&s.Archive),
		"metrics": r.word(&s.Metrics, "open", "token"), "syslog": r.text(&s.Syslog), "event-log": r.boolean(&s.EventLog),
		"alive-file": r.text(&s.AliveFile), "alive-url": r.text(&s.AliveURL), "alive-standby": r.boolean(&s.AliveStandby),
		"log": func(n *yaml.Node, path string) {
			r.mapping(n, path, map[string]field{
				"file": r.text(&s.Log.File), "size": r.size(&s.Log.Size), "keep": r.number(&s.Log.Keep, 1000), "debug": r.boolean(&s.Log.Debug),
				"format": func(n *yaml.Node, path string) {
					var form string
					r.word(&form, "text", "json")(n, path)
					s.Log.JSON = form == "json"
				},
			})
		},
	}
}

func (r *reader) mapping(n *yaml.Node, path string, known map[string]field) {
	if n.Kind != yaml.MappingNode {
		if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
			return
		}
		r.fault(n, path, "it is not a list of names and values", "write it as name: value")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := key.Value
		if path != "" {
			at = path + "." + key.Value
		}
		read, ok := known[key.Value]
		switch {
		case !ok:
			r.fault(key, at, fmt.Sprintf("there is no setting %.60q", at), near(key.Value, known))
		case seen[key.Value]:
			r.fault(key, at, at+" is set twice", "keep one of them")
		case value.Kind == yaml.AliasNode:
			r.fault(value, at, "an alias cannot stand here", "write the value out")
		default:
			read(value, at)
		}
		seen[key.Value] = true
	}
}

func (r *reader) fault(n *yaml.Node, path, message, hint string) {
	r.problems = append(r.problems, banto.Problem{File: r.file, Line: n.Line, Column: n.Column, Path: path, Message: message, Hint: hint})
}

func (r *reader) scalar(n *yaml.Node, path, want string) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		r.fault(n, path, path+" wants "+want, "")
		return "", false
	}
	return n.Value, true
}

func (r *reader) text(to *string) field {
	return func(n *yaml.Node, path string) {
		if v, ok := r.scalar(n, path, "a text"); ok {
			*to = v
		}
	}
}

// word reads one of some words.
func (r *reader) word(to *string, words ...string) field {
	return func(n *yaml.Node, path string) {
		v, ok := r.scalar(n, path, "a text")
		if ok && !slices.Contains(words, v) {
			r.fault(n, path, fmt.Sprintf("%s: %.40q is not one of %s", path, v, strings.Join(words, ", ")), "")
			return
		}
		*to = v
	}
}

func (r *reader) texts(to *[]string) field {
	return func(n *yaml.Node, path string) {
		if n.Kind != yaml.SequenceNode {
			r.fault(n, path, path+" wants a list of texts", "write it as [one, two]")
			return
		}
		for _, item := range n.Content {
			if v, ok := r.scalar(item, path, "a list of texts"); ok {
				*to = append(*to, v)
			}
		}
	}
}

func (r *reader) number(to *int, most int) field {
	return func(n *yaml.Node, path string) {
		v, ok := r.scalar(n, path, "a number")
		if !ok {
			return
		}
		i, err := strconv.Atoi(v)
		if err != nil || i < 1 || i > most {
			r.fault(n, path, fmt.Sprintf("%s: %.40q is not a number from 1 to %d", path, v, most), "")
			return
		}
		*to = i
	}
}

func (r *reader) boolean(to *bool) field {
	return func(n *yaml.Node, path string) {
		switch v, ok := r.scalar(n, path, "true or false"); {
		case !ok:
		case v == "true" || v == "false":
			*to = v == "true"
		default:
			r.fault(n, path, fmt.Sprintf("%s: %.40q is neither true nor false", path, v), "")
		}
	}
}

func (r *reader) flag(to **bool) field {
	return func(n *yaml.Node, path string) {
		was := len(r.problems)
		var v bool
		r.boolean(&v)(n, path)
		if len(r.problems) == was {
			*to = &v
		}
	}
}

// size reads bytes, such as 10M.
func (r *reader) size(to *int64) field {
	return func(n *yaml.Node, path string) {
		v, ok := r.scalar(n, path, "a size")
		if !ok {
			return
		}
		digits, unit := v, int64(1)
		for suffix, factor := range map[string]int64{"K": 1 << 10, "M": 1 << 20, "G": 1 << 30} {
			if d, found := strings.CutSuffix(v, suffix); found {
				digits, unit = d, factor
			}
		}
		i, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || i < 1 || i > 1<<40/unit {
			r.fault(n, path, fmt.Sprintf("%s: %.40q is not a size", path, v), "write it as 10M")
			return
		}
		*to = i * unit
	}
}

// near gives the setting that was probably meant.
func near(name string, known map[string]field) string {
	all := slices.Sorted(maps.Keys(known))
	if n := jobnet.Nearest(name, all); n != "" {
		return "did you mean " + n + "?"
	}
	return "the settings are " + strings.Join(all, ", ")
}
