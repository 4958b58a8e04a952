package jobnet

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"github.com/bantoops/banto"
)

// decodeCanonical reads what Encode writes, several times faster than
// encoding/json: a flow may have a hundred thousand parts. It gives nil for
// whatever Encode would not have written just so; the caller then reads it the
// slow way, which also says what is wrong.
func decodeCanonical(body []byte) *Flow {
	if !utf8.Valid(body) {
		return nil
	}
	s := &scanner{body: body}
	var f Flow
	s.object(func(key string) {
		switch key {
		case "jobnet":
			f.Jobnet = s.text()
		case "title":
			f.Title = s.text()
		case "timezone":
			f.Timezone = s.text()
		case "on_error":
			f.OnError = OnError(s.word())
		case "params":
			s.rest(&f.Params)
		case "parts":
			// Inside a text the quotes would be escaped: these are keys.
			f.Parts = make([]FlowPart, 0, bytes.Count(body, []byte(`,"kind":`)))
			s.edges = make([]Edge, 0, bytes.Count(body, []byte(`{"from":`)))
			s.array(func() {
				f.Parts = append(f.Parts, FlowPart{})
				s.part(&f.Parts[len(f.Parts)-1])
			})
		default:
			s.odd = true
		}
	})
	if s.odd || s.at != len(body) {
		return nil
	}
	return &f
}

// scanner reads an encoded flow from its beginning to its end.
type scanner struct {
	body  []byte
	at    int
	odd   bool        // it is not what was expected: nothing more is read
	words [256]string // short texts that come again and again, the last of its like
	args  []Text      // of the part at hand
	edges []Edge      // all, in one piece of memory
}

// maxWord is how long a text is at most that is looked for among the last ones.
const maxWord = 64

func (s *scanner) part(p *FlowPart) {
	s.object(func(key string) {
		switch key {
		case "name":
			p.Name = s.text()
		case "title":
			p.Title = s.text()
		case "kind":
			p.Kind = Kind(s.word())
		case "script":
			p.Script = s.word()
		case "args":
			p.Args = s.texts()
		case "after":
			p.After = s.after()
		case "join":
			p.Join = Join(s.word())
		case "dir":
			p.Dir.src = s.word()
		case "host":
			p.Host.src = s.word()
		case "account":
			p.Account = s.word()
		case "shell":
			p.Shell = s.word()
		default:
			s.seldom(key, p)
		}
	})
}

// seldom reads what few parts have, or has no short form.
func (s *scanner) seldom(key string, p *FlowPart) {
	switch key {
	case "when":
		s.rest(&p.When)
	case "ways":
		s.rest(&p.Ways)
	case "call":
		s.rest(&p.Call)
	case "wait":
		s.rest(&p.Wait)
	case "end":
		p.End = banto.Outcome(s.word())
	case "heals":
		s.rest(&p.Heals)
	case "env":
		p.Env = []FlowEnv{}
		s.array(func() {
			var e FlowEnv
			s.object(func(key string) {
				switch key {
				case "name":
					e.Name = s.word()
				case "value":
					e.Value.src = s.word()
				default:
					s.odd = true
				}
			})
			p.Env = append(p.Env, e)
		})
	case "host_labels":
		s.rest(&p.HostLabels)
	case "per_part":
		s.rest(&p.PerPart)
	case "delayed":
		s.rest(&p.Delayed)
	case "encoding":
		p.Encoding = s.word()
	case "limits":
		s.rest(&p.Limits)
	case "rerun":
		p.Rerun = Rerun(s.word())
	case "on_lost":
		p.OnLost = OnLost(s.word())
	case "lost_after":
		s.rest(&p.LostAfter)
	case "timeout":
		s.rest(&p.Timeout)
	case "retry":
		s.rest(&p.Retry)
	case "exit":
		s.rest(&p.Exit)
	case "sets":
		s.rest(&p.Sets)
	case "output_used":
		s.rest(&p.OutputUsed)
	default:
		s.odd = true
	}
}

func (s *scanner) texts() []Text {
	s.args = s.args[:0]
	s.array(func() { s.args = append(s.args, Text{src: s.word()}) })
	return append(make([]Text, 0, len(s.args)), s.args...)
}

func (s *scanner) after() []Edge {
	from := len(s.edges)
	s.array(func() {
		var e Edge
		s.object(func(key string) {
			switch key {
			case "from":
				e.From = s.index()
			case "outlet":
				e.Outlet = Outlet(s.word())
			default:
				s.odd = true
			}
		})
		s.edges = append(s.edges, e)
	})
	return s.edges[from:len(s.edges):len(s.edges)]
}

// next says whether this byte follows, and steps over it.
func (s *scanner) next(c byte) bool {
	if s.odd || s.at >= len(s.body) || s.body[s.at] != c {
		return false
	}
	s.at++
	return true
}

func (s *scanner) must(c byte) {
	if !s.next(c) {
		s.odd = true
	}
}

func (s *scanner) object(each func(key string)) {
	s.must('{')
	if s.next('}') {
		return
	}
	for !s.odd {
		key := s.word()
		s.must(':')
		if s.odd {
			return
		}
		if each(key); !s.next(',') {
			s.must('}')
			return
		}
	}
}

func (s *scanner) array(each func()) {
	s.must('[')
	if s.next(']') {
		return
	}
	for !s.odd {
		if each(); !s.next(',') {
			s.must(']')
			return
		}
	}
}

// quoted steps over a text and gives it with its quotes; plain says that it
// holds no escape.
func (s *scanner) quoted() (text []byte, plain bool) {
	from := s.at
	plain = true
	if s.must('"'); s.odd {
		return nil, false
	}
	for i := s.at; i < len(s.body); i++ {
		switch c := s.body[i]; {
		case c == '"':
			s.at = i + 1
			return s.body[from:s.at], plain
		case c == '\\':
			plain = false
			i++
		case c < ' ':
			s.odd = true
			return nil, false
		}
	}
	s.odd = true
	return nil, false
}

func (s *scanner) text() string {
	b, plain := s.quoted()
	switch {
	case s.odd:
		return ""
	case plain:
		return string(b[1 : len(b)-1])
	}
	var text string
	s.odd = json.Unmarshal(b, &text) != nil
	return text
}

// word is text for what stands there often.
func (s *scanner) word() string {
	at := s.at
	b, plain := s.quoted()
	if s.odd || !plain || len(b) > maxWord {
		s.at = at
		return s.text()
	}
	if b = b[1 : len(b)-1]; len(b) == 0 {
		return ""
	}
	w := &s.words[byte(len(b))+b[0]*7+b[len(b)-1]*31]
	if *w != string(b) {
		*w = string(b)
	}
	return *w
}

// index reads the number of a part.
func (s *scanner) index() int {
	n, from := 0, s.at
	for s.at < len(s.body) && s.at < from+9 && '0' <= s.body[s.at] && s.body[s.at] <= '9' {
		n = n*10 + int(s.body[s.at]-'0')
		s.at++
	}
	if s.at == from || s.body[from] == '0' && s.at > from+1 {
		s.odd = true // nothing, a sign, or a zero before it
	}
	return n
}

// rest reads a value of any kind the slow way.
func (s *scanner) rest(into any) {
	from := s.at
	for depth := 0; !s.odd && s.at < len(s.body); {
		switch s.body[s.at] {
		case '"':
			s.quoted()
			continue
		case '{', '[':
			depth++
		case '}', ']', ',':
			if depth == 0 {
				s.odd = json.Unmarshal(s.body[from:s.at], into) != nil
				return
			}
			if s.body[s.at] != ',' {
				depth--
			}
		}
		s.at++
	}
	s.odd = true
}
