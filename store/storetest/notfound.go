package storetest

import (
	"errors"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/store"
)

// lookups asks for one thing of each kind by texts that the caller chooses.
func lookups(b *bed, text string) map[string]error {
	ctx, s := b.Context(), b.s
	errs := map[string]error{}
	keep := func(name string, err error) { errs[name] = err }
	_, err := s.Definition(ctx, store.KindJobnet, text, 0)
	keep("Definition", err)
	_, err = s.Definition(ctx, store.KindJobnet, text, 3)
	keep("Definition of a version", err)
	_, err = s.Flow(ctx, text)
	keep("Flow", err)
	_, err = s.Tracker(ctx, banto.TrackerID(text))
	keep("Tracker", err)
	_, err = s.Records(ctx, banto.TrackerID(text))
	keep("Records", err)
	_, err = s.Attempt(ctx, banto.NewAttemptID(banto.TrackerID(text), 1))
	keep("Attempt", err)
	_, err = s.Attempt(ctx, banto.AttemptID(text))
	keep("Attempt without a number", err)
	_, err = s.Host(ctx, text)
	keep("Host", err)
	_, err = s.HostByID(ctx, banto.HostID(text))
	keep("HostByID", err)
	_, err = s.Script(ctx, text)
	keep("Script", err)
	_, err = s.Join(ctx, text)
	keep("Join", err)
	_, err = s.Token(ctx, text)
	keep("Token", err)
	_, _, err = s.Submitted(ctx, text, "key")
	keep("Submitted", err)
	_, _, err = s.Submitted(ctx, "principal", text)
	keep("Submitted, key", err)
	return errs
}

// lists asks for all of each kind, and gives how many came.
func lists(b *bed, text string) map[string]int {
	b.Helper()
	ctx, s := b.Context(), b.s
	id := banto.TrackerID(text)
	return map[string]int{
		"ListDefinitions":          len(must(s.ListDefinitions(ctx, store.KindJobnet, text, "", 0))(b)),
		"Versions":                 len(must(s.Versions(ctx, store.KindJobnet, text, 0))(b)),
		"ListTrackers":             len(must(s.ListTrackers(ctx, store.TrackerQuery{Jobnet: text}))(b)),
		"ListTrackers of a folder": len(must(s.ListTrackers(ctx, store.TrackerQuery{Jobnet: text + "/"}))(b)),
		"ListTrackers of a state":  len(must(s.ListTrackers(ctx, store.TrackerQuery{States: []banto.TrackerState{banto.TrackerState(text)}}))(b)),
		"Parts":                    len(must(s.Parts(ctx, id, 0, "", 0))(b)),
		"Parts since":              len(must(s.Parts(ctx, id, 1, "", 0))(b)),
		"Attempts":                 len(must(s.Attempts(ctx, id, "", 0, 0))(b)),
		"Attempts of a part":       len(must(s.Attempts(ctx, id, banto.PartKey(text), 0, 0))(b)),
		"ListAudit of an object":   len(must(s.ListAudit(ctx, text, 0, 0))(b)),
	}
}

func testNotFound(b *bed) {
	f := newFull(1)
	f.put(b)
	for _, text := range []string{"nothing", "", "20261121-7k3mq0x2", "backup", "%", "_"} {
		for name, err := range lookups(b, text) {
			if !errors.Is(err, store.ErrNotFound) {
				b.Errorf("%s of %q: got %v, want ErrNotFound", name, text, err)
			}
		}
	}
	for _, id := range []banto.AttemptID{"20261121-7k3mq0x.07", "20261121-7k3mq0x.+7", "20261121-7k3mq0x.8", "20261121-7k3mq0x.7.7", "."} {
		if _, err := b.s.Attempt(b.Context(), id); !errors.Is(err, store.ErrNotFound) {
			b.Errorf("attempt %q: got %v, want ErrNotFound", id, err)
		}
	}
	if _, err := b.s.Definition(b.Context(), store.KindFolder, f.definition.Path, 0); !errors.Is(err, store.ErrNotFound) {
		b.Errorf("a jobnet found as a folder: %v", err)
	}
}

func testEmpty(b *bed) {
	for name, n := range lists(b, "x") {
		if n != 0 {
			b.Errorf("%s gave %d rows of an empty store", name, n)
		}
	}
	ctx := b.Context()
	if n := len(must(b.s.Outbox(ctx))(b)) + len(must(b.s.ListHosts(ctx, "", 0))(b)) + len(must(b.s.ListAudit(ctx, "", 0, 0))(b)) +
		len(must(b.s.Revoked(ctx))(b)) + len(must(b.s.AccountStates(ctx))(b)); n != 0 {
		b.Errorf("%d rows in an empty store", n)
	}
	err := b.s.Unfinished(ctx, func(engine.Records) error { return errors.New("there is one") })
	if err != nil {
		b.Error(err)
	}
}

// testPoisonInQuestions: nothing can be found by a text that cannot be stored,
// and asking is no fault.
func testPoisonInQuestions(b *bed) {
	f := newFull(1)
	f.put(b)
	for _, text := range []string{"a\x00", "\x00", "\xff"} {
		for name, err := range lookups(b, text) {
			if !errors.Is(err, store.ErrNotFound) {
				b.Errorf("%s of %q: got %v, want ErrNotFound", name, text, err)
			}
		}
		for name, n := range lists(b, text) {
			if n != 0 {
				b.Errorf("%s of %q gave %d rows", name, text, n)
			}
		}
	}
}
