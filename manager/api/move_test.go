package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
)

const pair = "jobnet: a\nparts:\n  archive:\n    job: wait\n  copy:\n    after: archive\n    job: ok\n"

func TestMoves(t *testing.T) {
	w := newWorld(t)
	w.apply(pair)
	ctx := t.Context()
	tr := w.submit("a")
	id := w.host.started(t, "archive")

	would, err := w.client.Move(ctx, tr.ID, banto.MoveRequest{Move: banto.MoveHold, Parts: []banto.PartKey{"copy"}, DryRun: true})
	if err != nil || !would.DryRun || len(would.Changes) != 1 || would.Changes[0].To != banto.PartHeld {
		t.Errorf("dry run: %+v, %v", would, err)
	}
	_, err = w.client.Move(ctx, tr.ID, banto.MoveRequest{Move: banto.MoveSkip, Parts: []banto.PartKey{"nowhere"}, DryRun: true})
	if err == nil {
		t.Error("a part that is none was skipped")
	}
	did, err := w.client.Move(ctx, tr.ID, banto.MoveRequest{Move: banto.MoveHold, Parts: []banto.PartKey{"copy"}, Reason: "wait for Hanako"})
	if err != nil || len(did.Changes) != 1 || did.Tracker.ID != tr.ID || did.Tracker.Revision <= tr.Revision {
		t.Errorf("hold: %+v, %v", did, err)
	}
	w.host.end(id, 0, "")
	w.until(tr.ID, func(t banto.Tracker) bool { return t.Counts[banto.PartOK] == 1 })
	if parts, err := w.client.Parts(ctx, tr.ID); err != nil || parts[1].State != banto.PartHeld {
		t.Errorf("parts %+v, %v", parts, err)
	}
	if _, err := w.client.Move(ctx, tr.ID, banto.MoveRequest{Move: banto.MoveComment, Reason: "Hanako is on her way"}); err != nil {
		t.Error(err)
	}
	if _, err := w.client.Move(ctx, tr.ID, banto.MoveRequest{Move: banto.MoveKill, Parts: []banto.PartKey{"copy"}}); banto.KindOf(err) != banto.KindConflict {
		t.Errorf("a kill of what does not run: %v", err)
	}
	if _, err := w.client.Move(ctx, tr.ID, banto.MoveRequest{Move: banto.MoveRelease, Parts: []banto.PartKey{"copy"}}); err != nil {
		t.Error(err)
	}
	w.ended(tr.ID)
	w.apply(strings.Replace(pair, "job: wait", "job: ok", 1))
	again, err := w.client.Move(ctx, tr.ID, banto.MoveRequest{Move: banto.MoveRerun, Parts: []banto.PartKey{"archive"}, Latest: true})
	if err != nil || again.Tracker.Version != 2 || again.Tracker.Rerun != 1 {
		t.Errorf("rerun with the latest: %+v, %v", again, err)
	}
	w.ended(tr.ID)

	history, err := w.client.TrackerHistory(ctx, tr.ID)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range history {
		got = append([]string{e.Action + " " + e.Outcome}, got...)
	}
	want := "tracker.submit done, tracker.hold done, tracker.comment done, tracker.kill refused, tracker.release done, tracker.rerun done"
	if strings.Join(got, ", ") != want {
		t.Errorf("history %s\nwant %s", strings.Join(got, ", "), want)
	}
	if !strings.Contains(fmt.Sprint(history), "Hanako is on her way") {
		t.Error("the comment is not there")
	}
	reader := client.New(w.url, w.reader)
	if h, err := reader.TrackerHistory(ctx, tr.ID); err != nil || len(h) != len(history) {
		t.Errorf("who may read: %v", err)
	}
	if _, err := reader.TrackerHistory(ctx, "20261121-7k3mq0x"); banto.KindOf(err) != banto.KindNotFound {
		t.Errorf("of no tracker: %v", err)
	}
}

func TestSubmitHeld(t *testing.T) {
	w := newWorld(t)
	w.apply(pair)
	tr, _, err := w.client.Submit(t.Context(), banto.SubmitRequest{Jobnet: "a", Hold: true}, "")
	if err != nil || !tr.Held {
		t.Fatalf("%+v, %v", tr, err)
	}
	if _, err := w.client.Move(t.Context(), tr.ID, banto.MoveRequest{Move: banto.MoveRelease}); err != nil {
		t.Fatal(err)
	}
	w.host.started(t, "archive")
}

// A part on every host of a group: its items are listed behind it, whatever
// the pages are.
func TestItemsAreListedBehindTheirPart(t *testing.T) {
	w := newWorld(t)
	token := w.enrol(banto.EnrolRequest{Name: "db01"})
	if _, err := client.New(w.url, "").Join(t.Context(), banto.JoinRequest{Secret: token.Secret, Name: "x", PublicKey: newKey(t)}); err != nil {
		t.Fatal(err)
	}
	w.apply("group: both\nhosts: [local, db01]\npick: all\n",
		"jobnet: a\ndefaults: {host: both}\nparts:\n  first:\n    job: wait\n  second:\n    after: first\n    job: ok\n  firsts:\n    job: wait\n    host: local\n")
	tr := w.submit("a")
	w.host.started(t, "first[local]")
	w.host.started(t, "firsts")
	const want = "0 first; 0 first[db01]; 0 first[local]; 1 second; 2 firsts"
	for limit := range 7 {
		var got []string
		for cursor := ""; ; {
			page, err := w.client.PartsPage(t.Context(), tr.ID, cursor, limit)
			if err != nil || (limit > 0 && len(page.Items) > limit) {
				t.Fatalf("%d items, %v", len(page.Items), err)
			}
			for _, p := range page.Items {
				got = append(got, fmt.Sprintf("%d %s", p.Index, p.Key))
				if isItem(p.Key) && (len(p.After) > 0 || p.Kind != "job") {
					t.Errorf("item %+v", p)
				}
			}
			if cursor = page.Next; cursor == "" {
				break
			}
			if strings.Contains(cursor, "first") {
				t.Errorf("the cursor %s tells what it is", cursor)
			}
		}
		if strings.Join(got, "; ") != want {
			t.Errorf("pages of %d: %s, want %s", limit, strings.Join(got, "; "), want)
		}
	}
}

func TestOutputAsText(t *testing.T) {
	w := newWorld(t)
	w.apply("jobnet: a\nparts:\n  sjis:\n    job: wait\n    encoding: cp932\n  wide:\n    job: wait\n    encoding: utf-16\n  plain:\n    job: wait\n  jis:\n    job: wait\n    encoding: iso-2022-jp\n")
	tr := w.submit("a")
	const jis = "\x1b$BF|K\\8l\x1b(B ok\n\x1b$BF|K\\8l" // 日本語 ok, 日本語
	for part, tt := range map[banto.PartKey]struct{ raw, want, encoding string }{
		"sjis":  {"\x93\xfa\x96\x7b\x8c\xea\n\x83\x5c\x83\x5c", "日本語\nソソ", "cp932"},
		"wide":  {"\xfe\xff\x65\xe5\x67\x2c\x00\n\x65\xe5", "日本\n日", "utf-16"},
		"plain": {"日本\xff語", "日本\uFFFD語", ""},
		"jis":   {jis, "日本語 ok\n日本語", "iso-2022-jp"},
	} {
		id := w.host.started(t, part)
		w.host.print(id, tt.raw)
		w.until(tr.ID, func(banto.Tracker) bool { return true })
		raw, err := w.client.Output(t.Context(), id, 0, 0)
		if err != nil || string(raw.Data) != tt.raw || raw.Next != int64(len(tt.raw)) || raw.Encoding != tt.encoding {
			t.Errorf("%s as it came: %q %+v, %v", part, raw.Data, raw, err)
		}
		for _, most := range []int{1, 17, 1 << 20} {
			var got strings.Builder
			for next, n := int64(0), 0; n < 100; n++ {
				var o banto.Output
				_, _, body := w.call(http.MethodGet, fmt.Sprintf("/api/v1/attempts/%s/output?text=true&max=%d&offset=%d", id, most, next), "")
				if decodeInto(t, body, &o); o.Next == next {
					break
				}
				got.Write(o.Data)
				next = o.Next
			}
			if got.String() != tt.want {
				t.Errorf("%s in pieces of %d: %q, want %q", part, most, got.String(), tt.want)
			}
		}
		lines := strings.Split(tt.want, "\n")
		parts, err := w.client.Parts(t.Context(), tr.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range parts {
			if p.Key == part && p.Progress != lines[len(lines)-1] && p.State == banto.PartRunning {
				t.Errorf("%s: progress %q", part, p.Progress)
			}
		}
	}
	// Half a character waits for its other half, and is shown as it is at the end.
	id := w.host.started(t, "sjis")
	before, err := w.client.Output(t.Context(), id, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	w.host.print(id, "\x93")
	o, err := w.client.OutputText(t.Context(), id, before.Size, 0)
	if err != nil || len(o.Data) != 0 || o.Next != before.Size || o.Ended {
		t.Errorf("half a character: %+v, %v", o, err)
	}
	go w.host.end(id, 0, "")
	o, err = w.client.OutputText(t.Context(), id, before.Size, 10*time.Second)
	if err != nil || string(o.Data) != "\uFFFD" || !o.Ended || o.Next != before.Size+1 {
		t.Errorf("at the end: %q %+v, %v", o.Data, o, err)
	}
}
