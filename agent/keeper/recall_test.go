package keeper

import (
	"bufio"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bantoops/banto"
)

// recallAll gives an answer as one.
func recallAll(t testing.TB, c *claims, since time.Time) Recalled {
	t.Helper()
	var all Recalled
	more := true
	for piece := range c.recall(Recall{ID: "q", Since: since}) {
		if !more || len(piece.Attempts) > recallMany || piece.ID != "q" {
			t.Fatalf("a piece of %d attempts, after the last: %v", len(piece.Attempts), !more)
		}
		more, all.Whole = piece.More, piece.Whole
		all.Attempts = append(all.Attempts, piece.Attempts...)
	}
	if more {
		t.Fatal("others were to follow")
	}
	return all
}

// reread gives the claims that a rewritten journal makes.
func reread(t testing.TB, c *claims) *claims {
	t.Helper()
	text, err := journalText(c.snapshot())
	if err != nil {
		t.Fatal(err)
	}
	d, was, err := replay(readRecords(text), len(text), machine{}, mark{}, "b", func() string { return "other" })
	if err != nil || !was.sound() {
		t.Fatal(err, was)
	}
	d.enter("b")
	return d
}

func TestRecall(t *testing.T) {
	begun := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return begun.Add(time.Duration(minutes) * time.Minute) }
	c := newClaims("g")
	c.enter("b")
	c.begin(&effects{}, begun)
	seven := 7
	run := func(n int, part banto.PartKey, from, to int) {
		fx := &effects{}
		c.start(fx, Start{Attempt: try(n), Spec: banto.Spec{Part: part}}, "b")
		if from > 0 {
			c.launched(fx, startedRecord{Attempt: try(n), PID: 1, At: at(from)})
		}
		started := at(from)
		if to > 0 {
			c.end(fx, Ended{Attempt: try(n), StartedAt: &started, At: at(to), Exit: &seven})
		}
	}
	ack := func(ids ...banto.AttemptID) { c.ack(&effects{}, ids, at(99)) }
	run(1, "early", 1, 2)
	run(2, "late", 1, 20)
	run(3, "each[3]", 5, 25)
	run(4, "runs", 3, 0)
	run(5, "claimed", 0, 0)
	c.end(&effects{}, Ended{Attempt: try(6), At: at(30), Reason: banto.ReasonKilled, Message: killedEarly})
	ack(try(1), try(2), try(6))
	ptr := func(minutes int) *time.Time { t := at(minutes); return &t }
	want := []RecalledAttempt{
		{Attempt: try(3), Part: "each[3]", State: RecalledEnded, StartedAt: ptr(5), At: ptr(25), Exit: &seven},
		{Attempt: try(4), Part: "runs", State: RecalledRunning, StartedAt: ptr(3)},
		{Attempt: try(5), Part: "claimed", State: RecalledRunning},
		{Attempt: try(2), Part: "late", State: RecalledTold, StartedAt: ptr(1), At: ptr(20), Exit: &seven},
		{Attempt: try(6), State: RecalledTold, At: ptr(30), Reason: banto.ReasonKilled},
	}
	for range 3 { // as it is, and as the next keepers read it
		got := recallAll(t, c, at(10))
		if diff := cmp.Diff(want, got.Attempts); diff != "" || !got.Whole {
			t.Fatal(got.Whole, diff)
		}
		if got := recallAll(t, c, begun.Add(-time.Second)); got.Whole || len(got.Attempts) != len(want)+1 {
			t.Fatalf("%+v", got)
		}
		c = reread(t, c)
	}
	// A new generation may have forgotten what was before it.
	c.renew(&effects{}, "h", at(40))
	if recallAll(t, reread(t, c), at(39)).Whole || !recallAll(t, reread(t, c), at(40)).Whole {
		t.Fatal("what a renewed generation says of itself")
	}
}

// A version before wrote the IDs of acknowledged attempts alone: they are known,
// and nothing else of them is.
func TestRecallOlder(t *testing.T) {
	text, err := journalText([]record{{Head: &headRecord{Format: 1, Generation: "g", Claims: 2}},
		{Acked: &ackedRecord{Attempts: []banto.AttemptID{try(1), try(2)}}}})
	if err != nil {
		t.Fatal(err)
	}
	c, was, err := replay(readRecords(text), len(text), machine{}, mark{}, "b", func() string { return "other" })
	if err != nil || !was.sound() || c.generation != "g" || c.total != 2 {
		t.Fatal(err, was, c.generation)
	}
	now := time.Unix(2e9, 0)
	c.begin(&effects{}, now)
	for range 2 {
		got := recallAll(t, c, now.Add(-time.Hour))
		if got.Whole || !cmp.Equal(got.Attempts, []RecalledAttempt{{Attempt: try(1), State: RecalledTold}, {Attempt: try(2), State: RecalledTold}}) {
			t.Fatalf("%+v", got)
		}
		c = reread(t, c)
	}
	// Rows that do not fit are no rows.
	odd := &ackedRecord{Attempts: []banto.AttemptID{try(1), try(2)}, Rows: [][5]int64{{1, 2, 3, 9, -9}}}
	if a, b := odd.told(0).recalled(), odd.told(1).recalled(); a.Part != "" || a.Reason != "" || *a.Exit != 3 || b.At != nil {
		t.Fatalf("%+v %+v", a, b)
	}
}

// What is remembered has a bound, in number and in memory, and what is forgotten
// is owned up to.
func TestMemoryIsBounded(t *testing.T) {
	held := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := held()
	begun := time.Unix(1e9, 0)
	c := newClaims("g")
	c.begin(&effects{}, begun)
	const more = 1500
	code := 0
	run := func(n int) {
		fx := &effects{}
		at := begun.Add(time.Duration(n) * time.Second)
		c.start(fx, Start{Attempt: try(n), Spec: banto.Spec{Part: banto.PartKey("each[" + string(rune('0'+n%10)) + "]/total")}}, "b")
		c.end(fx, Ended{Attempt: try(n), StartedAt: &at, At: at, Exit: &code})
		c.ack(fx, []banto.AttemptID{try(n)}, at)
	}
	for n := range seenMax {
		run(n + 1)
	}
	if got := recallAll(t, c, begun); !got.Whole || len(got.Attempts) != seenMax {
		t.Fatal(got.Whole, len(got.Attempts))
	}
	for n := range more {
		run(seenMax + n + 1)
	}
	c = reread(t, c)
	used := held() - before
	t.Logf("%d attempts take %d bytes each", len(c.byID), used/seenMax)
	if used > 25<<20 {
		t.Errorf("%d attempts take %d KiB", len(c.byID), used>>10)
	}
	since := begun.Add(more * time.Second) // the end of the last that is forgotten
	if recallAll(t, c, since).Whole || !recallAll(t, c, since.Add(time.Millisecond)).Whole {
		t.Fatal("what was forgotten is not owned up to, or too much is")
	}
	got := recallAll(t, c, since).Attempts
	if len(got) != seenMax || got[0].Attempt != try(more+1) || got[0].Part != "each[1]/total" || *got[0].Exit != 0 || got[seenMax-1].Attempt != try(seenMax+more) {
		t.Fatalf("%d, first %+v", len(got), got[0])
	}
	runtime.KeepAlive(c)
}

// An answer comes to who asked, in pieces, behind what else there is to say; a
// question that is repeated meanwhile is answered once.
func TestRecallFrames(t *testing.T) {
	c := newClaims("g")
	for n := range 2*recallMany + 1 {
		c.end(&effects{}, Ended{Attempt: try(n + 1), At: time.Unix(1e9, 0)})
	}
	here, there := net.Pipe()
	s := newSession(here)
	s.tell(Event{Problem: "first"})
	r := bufio.NewReader(there)
	var e Event
	if err := readFrame(r, &e); err != nil || e.Problem != "first" {
		t.Fatal(err, e)
	}
	s.writing.Lock() // nothing is written meanwhile
	s.recalled("q", c.recall(Recall{ID: "q"}))
	s.recalled("q", c.recall(Recall{ID: "q"}))
	for n := range 10 {
		s.recalled(strings.Repeat("x", n), c.recall(Recall{}))
	}
	s.tell(Event{Done: 1})
	s.finish()
	s.writing.Unlock()
	var sizes []int
	questions := make(map[string]int)
	for readFrame(r, &e) == nil {
		if e.Recalled != nil {
			sizes = append(sizes, len(e.Recalled.Attempts))
			questions[e.Recalled.ID]++
		}
		e = Event{}
	}
	if questions["q"] != 3 || len(sizes) < 3 || !slices.Contains(sizes, 1) || slices.Max(sizes) != recallMany {
		t.Fatal(sizes, questions)
	}
}

// An answer that comes when little else is being written at once is not lost.
func TestAnAnswerIsLeftToTheWriter(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	s := newSession(here)
	s.writing.Lock() // as say does
	s.tell(Event{Done: 7})
	s.recalled("q", newClaims("g").recall(Recall{ID: "q"}))
	if e, closed := s.take(); e.Done != 7 || e.Recalled != nil || closed {
		t.Errorf("%+v is written at once", e)
	}
	s.writing.Unlock()
	s.finish()
	var e Event
	if err := readFrame(bufio.NewReader(there), &e); err != nil || e.Recalled == nil || e.Recalled.ID != "q" {
		t.Errorf("the writer says %+v, %v", e, err)
	}
}

func TestAsked(t *testing.T) {
	b := setUp(t)
	wantExit(t, b.run(1, okay()), 0)
	b.send(Request{Ack: []banto.AttemptID{try(1)}, Seq: 1, Recall: &Recall{ID: "q", Since: time.Now().Add(time.Hour)}})
	var got *Recalled
	b.await(func() bool { got = b.hear.Recalled; return got != nil })
	if got.ID != "q" || got.More || !got.Whole || len(got.Attempts) != 0 { // it ended before
		t.Fatalf("%+v", got)
	}
	b.killKeeper()
	b.connect()
	b.send(Request{Recall: &Recall{ID: "r"}})
	b.await(func() bool { got = b.hear.Recalled; return got != nil && got.ID == "r" })
	if len(got.Attempts) != 1 || got.Whole {
		t.Fatalf("%+v", got)
	}
	if a := got.Attempts[0]; a.Attempt != try(1) || a.Part != "p" || a.State != RecalledTold || a.StartedAt == nil || a.At == nil || a.Exit == nil || *a.Exit != 0 {
		t.Fatalf("%+v", a)
	}
}
