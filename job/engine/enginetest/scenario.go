package enginetest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/job/jobnet/jobyaml"
)

// Run plays a scenario and gives its text with the transitions that were seen
// in the place of those that were written. Beside the tracker it plays, for
// each input, one that was restored from the saved rows: both must do the same.
func Run(text string) (string, error) {
	s := &scenario{
		flows: map[string]*jobnet.Flow{},
		now:   time.Date(2026, 11, 21, 13, 0, 0, 0, time.UTC),
	}
	s.zero = s.now
	var out strings.Builder
	in := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for n := 0; n < len(in); n++ {
		line := in[n]
		switch {
		case strings.HasPrefix(line, "flow"):
			end := n + 1
			for end < len(in) && (in[end] == "" || strings.HasPrefix(in[end], "  ")) {
				end++
			}
			if err := s.define(line, in[n+1:end]); err != nil {
				return "", fmt.Errorf("line %d: %w", n+1, err)
			}
			out.WriteString(strings.Join(in[n:end], "\n") + "\n")
			n = end - 1
		case strings.HasPrefix(line, "> "):
			got, err := s.input(strings.TrimPrefix(line, "> "))
			if err != nil {
				return "", fmt.Errorf("line %d: %s: %w", n+1, line, err)
			}
			out.WriteString(line + "\n")
			for _, l := range got {
				out.WriteString(l + "\n")
			}
			for n+1 < len(in) && in[n+1] != "" && !strings.HasPrefix(in[n+1], "#") && !strings.HasPrefix(in[n+1], "> ") {
				n++ // what was wanted
			}
		default:
			out.WriteString(line + "\n")
		}
	}
	return out.String(), nil
}

// scenario is what a file has come to.
type scenario struct {
	flows   map[string]*jobnet.Flow
	rows    *Rows
	tracker *engine.Tracker
	now     time.Time
	zero    time.Time
	before  snapshot
}

// define reads a flow: "flow:" or "flow NAME:", and its YAML documents.
func (s *scenario) define(head string, body []string) error {
	name := strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(head, "flow"), ":"))
	var yaml strings.Builder
	for _, l := range body {
		yaml.WriteString(strings.TrimPrefix(l, "  ") + "\n")
	}
	docs, problems := jobyaml.Parse("scenario", []byte(yaml.String()))
	if len(problems) > 0 {
		return fmt.Errorf("%v", problems)
	}
	var folders []*jobnet.Folder
	for _, d := range docs {
		if d.Folder != nil {
			folders = append(folders, d.Folder)
		}
	}
	for _, d := range docs {
		if d.Jobnet == nil {
			continue
		}
		flow, problems := jobnet.Compile(d.Jobnet, folders)
		if len(problems) > 0 {
			return fmt.Errorf("%v", problems)
		}
		s.flows[name] = flow
	}
	return nil
}

// input plays one line.
func (s *scenario) input(line string) ([]string, error) {
	words, err := split(line)
	if err != nil {
		return nil, err
	}
	verb, args := words[0], words[1:]
	switch verb {
	case "time":
		return nil, s.advance(args)
	case "submit":
		return s.submit(args)
	}
	if s.tracker == nil {
		return nil, errors.New("nothing was submitted")
	}
	switch verb {
	case "restore":
		t, err := s.rows.Restore()
		if err != nil {
			return nil, err
		}
		s.tracker = t
		return s.print(t.Resume()), nil
	case "waits":
		var out []string
		for _, w := range s.tracker.WaitsFor() {
			out = append(out, w.String())
		}
		return indent(out), nil
	case "live":
		var out []string
		for _, a := range s.tracker.Live() {
			out = append(out, fmt.Sprintf("%s/%d %s", a.Part, a.Number, a.State))
		}
		return indent(out), nil
	}
	if verb == "plan" && len(args) > 0 {
		return s.plan(args)
	}
	in, err := s.parse(verb, args)
	if err != nil {
		return nil, err
	}
	return s.step(in)
}

// plan says what a move would do, and does not do it.
func (s *scenario) plan(args []string) ([]string, error) {
	in, err := s.parse(args[0], args[1:])
	if err != nil {
		return nil, err
	}
	changes, err := s.tracker.Plan(in, s.now)
	if err != nil {
		return refused(err), nil
	}
	if len(changes) == 0 {
		return indent([]string{"nothing"}), nil
	}
	var out []string
	for _, c := range changes {
		line := fmt.Sprintf("%s: %s", c.Part, change(string(c.From), string(c.To)))
		if c.Note != "" {
			line += "; " + c.Note
		}
		out = append(out, line)
	}
	return indent(out), nil
}

func refused(err error) []string {
	return indent([]string{"refused " + string(banto.KindOf(err)) + ": " + err.Error()})
}

// advance moves the clock.
func (s *scenario) advance(args []string) error {
	if len(args) != 1 {
		return errors.New("write: time +10s")
	}
	d, err := time.ParseDuration(strings.TrimPrefix(args[0], "+"))
	s.now = s.now.Add(d)
	return err
}

// submit begins the tracker.
func (s *scenario) submit(args []string) ([]string, error) {
	flow := s.flows[""]
	given := map[string]string{}
	for _, a := range args {
		name, value, _ := strings.Cut(a, "=")
		given[name] = value
	}
	params, problems := flow.BindParams(given)
	if len(problems) > 0 {
		return nil, fmt.Errorf("%v", problems)
	}
	s.rows = NewRows(s.flows)
	t, effects := engine.New(engine.Submission{
		ID: "20261121-0000001", Flow: flow, Version: 1, Params: params,
		Date: banto.Date{Year: 2026, Month: 11, Day: 21}, By: "designer",
	}, s.now)
	s.tracker = t
	return s.take(effects)
}

// step plays an input on the tracker, and on one that was restored.
func (s *scenario) step(in engine.Input) ([]string, error) {
	shadow, err := s.rows.Restore()
	if err != nil {
		return nil, err
	}
	planned, errPlan := s.tracker.Plan(in, s.now)
	effects, err := s.tracker.Step(in, s.now)
	if fmt.Sprint(err) != fmt.Sprint(errPlan) || err == nil && fmt.Sprint(planned) != fmt.Sprint(s.tracker.Changes()) {
		return nil, fmt.Errorf("the plan was %v (%w), it came to %v (%w)", planned, errPlan, s.tracker.Changes(), err)
	}
	again, errAgain := shadow.Step(in, s.now)
	if (err == nil) != (errAgain == nil) {
		return nil, fmt.Errorf("the restored tracker said %w, the other %w", errAgain, err)
	}
	if err := Same(effects, again); err != nil {
		return nil, fmt.Errorf("the restored tracker does something else: %w", err)
	}
	if err != nil {
		return refused(err), nil
	}
	return s.take(effects)
}

// take saves effects and prints them.
func (s *scenario) take(effects []engine.Effect) ([]string, error) {
	if err := s.rows.Save(effects); err != nil {
		return nil, err
	}
	if len(effects) == 0 {
		return indent([]string{"nothing"}), nil
	}
	return s.print(effects), nil
}

func indent(lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = "  " + l
	}
	return out
}
