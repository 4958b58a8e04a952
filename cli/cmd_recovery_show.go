package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bantoops/banto"
	"github.com/spf13/cobra"
)

func newRecoveryShowCommand(e *env) *cobra.Command {
	var asJSON bool
	var found []string
	cmd := e.command("show", e.say("List what the hosts know of the time after the backup"), func(cmd *cobra.Command, _ []string) error {
		for _, f := range found {
			if !slices.Contains(allFound(), banto.RecoveryFound(f)) {
				return e.wrongUse(cmd, e.say("%q is nothing that can be found; those are %s", f, joined(allFound())))
			}
		}
		m, err := e.manager()
		if err != nil {
			return err
		}
		r, err := m.Recovery(cmd.Context())
		if err != nil {
			return err
		}
		if len(found) > 0 {
			r.Items = slices.DeleteFunc(r.Items, func(i banto.RecoveryItem) bool { return !slices.Contains(found, string(i.Found)) })
		}
		if asJSON {
			return e.document(r)
		}
		return e.writeRecovery(r)
	})
	cmd.Long = e.say("Lists the attempts of which the store and the hosts do not know the same, and what the confirmation does\nabout each. Hosts that have not answered yet are named.")
	cmd.Example = examples("banto recovery show", "banto recovery show --found unknown --found after", "banto recovery show --json")
	cmd.Args = e.takes(0, 0, "")
	f := cmd.Flags()
	f.StringArrayVar(&found, "found", nil, e.say("only those of which this was `found`; may be given again"))
	f.BoolVar(&asJSON, "json", false, e.say("write one JSON document"))
	completesFlag(cmd, "found", allFound())
	return cmd
}

// allFound is in the order of how much a person must look at it.
func allFound() []banto.RecoveryFound {
	return []banto.RecoveryFound{banto.FoundUnknown, banto.FoundStranger, banto.FoundAfter, banto.FoundTold, banto.FoundNotStarted,
		banto.FoundEnded, banto.FoundRunning}
}

// found says what was found of an attempt.
func (e *env) found(f banto.RecoveryFound) string {
	switch f {
	case banto.FoundRunning:
		return e.say("runs")
	case banto.FoundEnded:
		return e.say("has ended")
	case banto.FoundTold:
		return e.say("had ended")
	case banto.FoundNotStarted:
		return e.say("never started")
	case banto.FoundAfter:
		return e.say("started later")
	case banto.FoundStranger:
		return e.say("not known here")
	case banto.FoundUnknown:
		return e.say("nobody knows")
	}
	return plain(string(f))
}

func foundLook(f banto.RecoveryFound) style {
	switch f {
	case banto.FoundUnknown, banto.FoundStranger, banto.FoundAfter:
		return styleYellow
	case banto.FoundRunning:
		return styleGreen
	}
	return ""
}

// then says what the confirmation does. The manager's own words are English.
func (e *env) then(i banto.RecoveryItem) string {
	if e.lang == english && i.Then != "" {
		return plain(i.Then)
	}
	switch i.Found {
	case banto.FoundRunning:
		return e.say("it goes on")
	case banto.FoundEnded:
		return e.say("its result is taken")
	case banto.FoundTold:
		return e.say("it ends by its exit code")
	case banto.FoundNotStarted:
		return e.say("it is started")
	case banto.FoundAfter:
		return e.say("its tracker is held for you to decide")
	case banto.FoundStranger:
		if i.Running {
			return e.say("nothing, unless --kill ends it")
		}
		return e.say("nothing: it has ended")
	case banto.FoundUnknown:
		return e.say("it stays lost")
	}
	return plain(i.Then)
}

// writeRecovery shows what was found.
func (e *env) writeRecovery(r banto.Recovery) error {
	if r.Mode == "" && !r.Held {
		return e.print(e.say("this manager was not restored, and is not held") + "\n")
	}
	var b strings.Builder
	p := e.pen()
	state := p.paint(styleGreen, e.say("confirmed"))
	switch {
	case r.Held:
		state = p.paint(styleYellow, e.say("held: nothing starts until confirmed"))
	case r.Confirmed != nil:
		state = p.paint(styleGreen, e.say("confirmed at %s by %s", e.clock(r.Confirmed), plain(r.By)))
	}
	b.WriteString(e.mode(r) + "\n" + state + "\n")
	if !r.Since.IsZero() {
		b.WriteString(e.sentence(e.say("what was done after %s is not in this store", e.moment(r.Since))))
	}
	e.writeUnanswered(&b, r.Hosts)
	if err := e.print(b.String()); err != nil {
		return err
	}
	return e.writeRecoveryItems(r)
}

func (e *env) mode(r banto.Recovery) string {
	if r.Mode == "restore" {
		return e.say("restored from a backup")
	}
	return e.say("second site, started %s", plain(r.Mode))
}

// writeUnanswered names the hosts whose keepers have not told all they know.
func (e *env) writeUnanswered(b *strings.Builder, hosts []banto.RecoveryHost) {
	answered := 0
	for _, h := range hosts {
		if h.Answered {
			answered++
		}
	}
	b.WriteString(e.sentence(e.say("hosts that have answered: %d of %d", answered, len(hosts))))
	for _, h := range hosts {
		why := plain(h.Why)
		switch {
		case h.Answered && h.Whole:
			continue
		case h.Answered:
			why = first(why, e.say("its keeper has forgotten some of that time"))
		default:
			why = first(why, e.say("it has not answered yet"))
		}
		b.WriteString(indented(plain(h.Name)+": "+why, e.width()))
	}
}

// writeRecoveryItems lists what was found, with what comes of it.
func (e *env) writeRecoveryItems(r banto.Recovery) error {
	items := slices.Clone(r.Items)
	order := allFound()
	slices.SortStableFunc(items, func(a, b banto.RecoveryItem) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Found), slices.Index(order, b.Found)), cmp.Compare(a.Host, b.Host),
			cmp.Compare(a.Tracker, b.Tracker), cmp.Compare(a.Attempt, b.Attempt))
	})
	if len(items) == 0 {
		return e.print("\n" + e.same(r.Hosts) + "\n")
	}
	t := table{columns: []column{
		{title: e.say("HOST"), least: 4, early: true},
		{title: e.say("TRACKER")},
		{title: e.say("PART"), least: 4},
		{title: e.say("FOUND"), least: 6, early: true},
		{title: e.say("WHEN"), drop: 2},
		{title: e.say("JOBNET"), least: 8, drop: 1},
	}}
	var then []string // what comes of it, once for all of which the same does
	for _, i := range items {
		found := e.found(i.Found)
		if i.Exit != nil {
			found += " (" + strconv.Itoa(*i.Exit) + ")"
		}
		t.add(cell{text: plain(i.Host)}, cell{text: plain(string(i.Tracker))}, cell{text: plain(string(i.Part))},
			cell{found, foundLook(i.Found)}, cell{text: e.clock(i.At)}, cell{text: plain(i.Jobnet)})
		if text := e.found(i.Found) + ": " + e.then(i); !slices.Contains(then, text) {
			then = append(then, text)
		}
	}
	if err := e.print("\n"); err != nil {
		return err
	}
	if err := e.written(t.write(e.std.Out, e.pen(), e.width())); err != nil {
		return err
	}
	if err := e.print("\n" + e.sentence(e.say("On confirmation:")) + e.listed(then)); err != nil {
		return err
	}
	var counts []string
	for _, f := range order {
		if n := r.Counts[f]; n > 0 {
			counts = append(counts, fmt.Sprintf("%s %d", e.found(f), n))
		}
	}
	text := ""
	switch {
	case r.Cut:
		text = e.sentence(e.say("… there are more; in all:") + " " + strings.Join(counts, ", "))
	case len(counts) > 1:
		text = "\n" + e.sentence(strings.Join(counts, ", "))
	}
	if r.Held {
		text += e.sentence(e.say("banto recovery confirm lets the manager go on"))
	}
	return e.print(text)
}

// same says that nothing differs, as far as anybody has answered.
func (e *env) same(hosts []banto.RecoveryHost) string {
	answered := 0
	for _, h := range hosts {
		if h.Answered {
			answered++
		}
	}
	switch {
	case answered == len(hosts):
		return e.say("the store and the hosts know the same")
	case answered == 0:
		return e.say("no host has answered yet, so nobody knows whether the store and the hosts know the same")
	}
	return e.say("the store and the hosts that have answered know the same")
}

// sentence writes a sentence in as many lines as it takes.
func (e *env) sentence(text string) string {
	return strings.Join(wrap(text, e.width()), "\n") + "\n"
}

// listed writes sentences below each other, set in.
func (e *env) listed(all []string) string {
	var b strings.Builder
	for _, text := range all {
		b.WriteString(indented(text, e.width()))
	}
	return b.String()
}
