package enginetest

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
)

// split cuts a line into words; "…" keeps blanks together and knows \n.
func split(line string) ([]string, error) {
	var words []string
	for rest := strings.TrimSpace(line); rest != ""; rest = strings.TrimSpace(rest) {
		end := strings.IndexAny(rest, " \"")
		if end < 0 {
			return append(words, rest), nil
		}
		if rest[end] == ' ' {
			words, rest = append(words, rest[:end]), rest[end:]
			continue
		}
		quoted, err := strconv.QuotedPrefix(rest[end:])
		if err != nil {
			return nil, fmt.Errorf("a quote without its end in %q", line)
		}
		text, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, err
		}
		words, rest = append(words, rest[:end]+text), rest[end+len(quoted):]
	}
	return words, nil
}

// parse makes an input out of a line's words.
func (s *scenario) parse(verb string, args []string) (engine.Input, error) {
	options := map[string]string{}
	var plain []string
	for _, a := range args {
		if name, value, ok := strings.Cut(a, "="); ok {
			options[name] = value
		} else {
			plain = append(plain, a)
		}
	}
	first := ""
	if len(plain) > 0 {
		first = plain[0]
	}
	part := banto.PartKey(first)
	switch verb {
	case "place":
		host := "db01"
		if len(plain) == 3 {
			host = plain[2] // place a on db02
		}
		return engine.Placed{Part: part, Host: host, HostID: banto.HostID("h-" + host), Target: options["for"], DeadMan: options["dead-man"] != ""}, nil
	case "fan-out":
		in := engine.FanOut{Part: part}
		for _, host := range plain[min(2, len(plain)):] { // fan-out a on db01 db02
			in.Hosts = append(in.Hosts, banto.HostRef{Name: host, ID: banto.HostID("h-" + host)})
		}
		return in, nil
	case "no-place":
		return engine.NoPlace{Part: part, Reason: banto.ReasonNoHost, Message: "the host " + options["host"] + " is not known"}, nil
	case "started":
		return engine.Started{Attempt: s.attempt(first), At: s.now, Child: banto.TrackerID(options["tracker"])}, nil
	case "again":
		return engine.Again{Part: part, Child: banto.TrackerID(options["tracker"])}, nil
	case "ended":
		return s.ended(first, options)
	case "lost":
		return s.lost(first, options) // lost a by=+70s
	case "found":
		return engine.Found{Attempt: s.attempt(first)}, nil
	case "outer-held":
		return engine.OuterHeld{Held: first == "yes"}, nil
	case "wake":
		return engine.Wake{Part: part}, nil
	}
	return s.move(verb, plain, options)
}

// lost reads that a host cannot be reached, and when its keeper must have ended
// the attempt, from now.
func (s *scenario) lost(text string, options map[string]string) (engine.Input, error) {
	in := engine.Lost{Attempt: s.attempt(text)}
	if by := options["by"]; by != "" {
		d, err := time.ParseDuration(by)
		if err != nil {
			return nil, err
		}
		in.DeadBy = new(s.now.Add(d))
	}
	return in, nil
}

// move reads what an operator asks for: hold a b reason="wait"
func (s *scenario) move(verb string, plain []string, options map[string]string) (engine.Input, error) {
	var parts []banto.PartKey
	for _, p := range plain {
		parts = append(parts, banto.PartKey(p))
	}
	const by = "operator"
	reason := options["reason"]
	switch verb {
	case "hold":
		return engine.Hold{By: by, Reason: reason, Parts: parts}, nil
	case "release":
		return engine.Release{By: by, Reason: reason, Parts: parts}, nil
	case "skip":
		return engine.Skip{By: by, Reason: reason, Parts: parts}, nil
	case "force-end":
		return engine.ForceEnd{By: by, Reason: reason, Parts: parts, Outcome: banto.Outcome(options["as"]), Outlet: jobnet.Outlet(options["outlet"])}, nil
	case "kill":
		return engine.KillParts{By: by, Reason: reason, Parts: parts}, nil
	case "cancel":
		return engine.Cancel{By: by, Reason: strings.Join(plain, " ")}, nil
	case "rerun":
		return s.rerun(parts, options)
	}
	return nil, fmt.Errorf("there is no input %q", verb)
}

// attempt finds an attempt: "a" is the last of part a, "a/1" its first, and a
// text with a dot is the ID itself.
func (s *scenario) attempt(text string) banto.AttemptID {
	if strings.Contains(text, ".") {
		return banto.AttemptID(text)
	}
	name, number, some := strings.Cut(text, "/")
	for id, a := range s.before.attempts {
		last := a.ID == s.before.parts[a.Part].AttemptID
		if string(a.Part) == name && (some && number == strconv.Itoa(a.Number) || !some && last) {
			return id
		}
	}
	return banto.AttemptID(text)
}

// ended reads a result: ended a exit=1 reason=timeout message="…" vars="n=1"
// output="…" never=started at=-5s
func (s *scenario) ended(text string, options map[string]string) (engine.Input, error) {
	start := s.now
	in := engine.Ended{
		Attempt: s.attempt(text), At: s.now, StartedAt: &start,
		Reason: banto.Reason(options["reason"]), Message: options["message"],
		Outcome: banto.Outcome(options["outcome"]),
		Vars:    options["vars"], Output: options["output"], OutputSize: int64(len(options["output"])),
	}
	if code, ok := options["exit"]; ok {
		n, err := strconv.Atoi(code)
		if err != nil {
			return nil, err
		}
		in.Exit = &n
	}
	if options["never"] != "" {
		in.StartedAt = nil
	}
	if back, ok := options["started"]; ok {
		d, err := time.ParseDuration(back)
		if err != nil {
			return nil, err
		}
		start = s.now.Add(d)
	}
	return in, nil
}

// rerun reads: rerun [PART…] [flow=NAME] [params.NAME=VALUE] [only=true] [yes=true]
func (s *scenario) rerun(from []banto.PartKey, options map[string]string) (engine.Input, error) {
	in := engine.Rerun{By: "operator", From: from, Only: options["only"] != "", Yes: options["yes"] != ""}
	for name, value := range options {
		if param, ok := strings.CutPrefix(name, "params."); ok {
			if in.Params == nil {
				in.Params = map[string]string{}
			}
			in.Params[param] = value
		}
	}
	if name := options["flow"]; name != "" {
		flow := s.flows[name]
		if flow == nil {
			return nil, fmt.Errorf("there is no flow %q", name)
		}
		in.Flow, in.FlowHash, in.Version = flow, name, 2
	}
	return in, nil
}
