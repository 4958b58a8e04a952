package notice

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
)

// Message is a notice with what it is about.
type Message struct {
	At     time.Time
	Notice Notice
	Fields []Field
}

// Field is something that a notice is about. The names are the same everywhere:
// tracker, attempt, host, jobnet, account, manager, why.
type Field struct{ Key, Value string }

// Line gives the message as one line: its ID, what it says, and its fields.
func (m Message) Line(t Text) string {
	var b strings.Builder
	b.WriteString(string(m.Notice.ID) + " " + t.Says)
	for i, f := range m.Fields {
		if i == 0 {
			b.WriteByte(':')
		}
		b.WriteString(" " + f.Key + "=" + plain(f.Value))
	}
	return b.String()
}

// plain gives a value that ends at the next space, or is quoted. Nobody can make
// it look like another line.
func plain(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r == ' ' || r == '"' || r == '=' || r == '\\' || !unicode.IsPrint(r) }) {
		return s
	}
	return strconv.Quote(s)
}

// Sink takes notices elsewhere. Send must not wait.
type Sink interface{ Send(m Message) }

// perMinute is how many notices of one ID are told in a minute, unless Options
// says otherwise.
const perMinute = 20

// Options are what a Teller needs.
type Options struct {
	Log       *slog.Logger     // nil: nothing is logged
	Now       func() time.Time // nil: time.Now
	PerMinute int              // of one ID; 0: 20
	Sinks     []Sink
}

// Teller tells notices. It may be used from any goroutine; a nil one tells
// nothing.
type Teller struct {
	opt   Options
	table map[ID]Notice

	mu      sync.Mutex
	windows map[ID]*window
	counts  map[ID]int64
}

// window is the minute of an ID.
type window struct {
	since  time.Time
	told   int
	hidden int
	last   []Field // of what was hidden
}

// New makes a teller. Run tells how many notices were held back.
func New(o Options) *Teller {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.PerMinute <= 0 {
		o.PerMinute = perMinute
	}
	t := &Teller{opt: o, table: map[ID]Notice{}, windows: map[ID]*window{}, counts: map[ID]int64{}}
	for _, n := range Table() {
		t.table[n.ID] = n
	}
	return t
}

// Tell tells a notice about names and values in turn. What has no value is left
// out.
func (t *Teller) Tell(id ID, pairs ...string) {
	if t == nil {
		return
	}
	var fields []Field
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			fields = append(fields, Field{pairs[i], pairs[i+1]})
		}
	}
	now := t.opt.Now()
	t.mu.Lock()
	t.counts[id]++
	w := t.windows[id]
	var before *Message
	if w == nil || now.Sub(w.since) >= time.Minute || now.Before(w.since) {
		before = t.rest(id, w, now)
		w = &window{since: now}
		t.windows[id] = w
	}
	hide := w.told >= t.opt.PerMinute
	if hide {
		w.hidden++
		w.last = fields
	} else {
		w.told++
	}
	t.mu.Unlock()
	if before != nil {
		t.send(*before)
	}
	if !hide {
		t.send(Message{At: now, Notice: t.table[id], Fields: fields})
	}
}

// rest gives what is left to be told of a minute that is over: how many more
// there were, and the last of them.
func (t *Teller) rest(id ID, w *window, now time.Time) *Message {
	if w == nil || w.hidden == 0 {
		return nil
	}
	fields := []Field{{"more", strconv.Itoa(w.hidden)}, {"since", w.since.UTC().Format(time.RFC3339)}}
	for _, f := range w.last {
		fields = append(fields, Field{"last_" + f.Key, f.Value})
	}
	return &Message{At: now, Notice: t.table[id], Fields: fields}
}

// send gives a message to the log and to all sinks.
func (t *Teller) send(m Message) {
	attrs := make([]slog.Attr, 0, len(m.Fields)+1)
	attrs = append(attrs, slog.String("id", string(m.Notice.ID)))
	for _, f := range m.Fields {
		attrs = append(attrs, slog.String(f.Key, f.Value))
	}
	level := map[Severity]slog.Level{Info: slog.LevelInfo, Warning: slog.LevelWarn, Error: slog.LevelError}[m.Notice.ID.Severity()]
	t.opt.Log.LogAttrs(context.Background(), level, m.Notice.English.Says, attrs...)
	for _, s := range t.opt.Sinks {
		s.Send(m)
	}
}

// Run tells what was held back as soon as its minute is over, until ctx ends.
func (t *Teller) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			t.Flush(false)
		}
	}
}

// Flush tells what was held back in minutes that are over; all: in this one too.
func (t *Teller) Flush(all bool) {
	if t == nil {
		return
	}
	now := t.opt.Now()
	var out []Message
	t.mu.Lock()
	for id, w := range t.windows {
		if !all && now.Sub(w.since) < time.Minute && !now.Before(w.since) {
			continue
		}
		if m := t.rest(id, w, now); m != nil {
			out = append(out, *m)
		}
		delete(t.windows, id)
	}
	t.mu.Unlock()
	for _, m := range out {
		t.send(m)
	}
}

// Counts gives how many notices of each ID there were, told or held back.
func (t *Teller) Counts() map[ID]int64 {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make(map[ID]int64, len(t.counts))
	for id, n := range t.counts {
		out[id] = n
	}
	return out
}
