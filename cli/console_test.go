package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
)

// fakeKeys is a keyboard that remembers whether it was given back.
type fakeKeys struct{ raw bool }

func (k *fakeKeys) Raw() (func() error, error) {
	k.raw = true
	return func() error { k.raw = false; return nil }, nil
}

// someConsole is a console of the usual tracker on a terminal of that size.
func someConsole(t *testing.T, lang language, width, height int, out io.Writer) (*console, *fakeKeys) {
	t.Helper()
	e := someEnv(lang, 0, out)
	keyboard := &fakeKeys{}
	e.std.Keyboard = keyboard
	e.std.Terminal = func(io.Writer) (int, int, bool) { return width, height, true }
	e.std.Env = func(name string) string {
		if name == "NO_COLOR" {
			return "1"
		}
		return ""
	}
	parts := someParts()
	for i := range parts {
		parts[i].AttemptID = "20261121-7k3mq0x.1"
	}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	c := &console{e: e, m: client.New("http://127.0.0.1:1", ""), ctx: ctx, v: newView(someTracker(parts), parts), canvas: canvas{out: out},
		info:  banto.ManagerInfo{Environment: "本番", Colour: "red", Guarded: true},
		posts: make(chan func()), again: make(chan struct{}, 1), broken: make(chan any, 1)}
	c.canvas.width, c.canvas.height = width, height
	return c, keyboard
}

// TestConsole shows what stands on the screen, in both languages and on a wide
// and a narrow terminal.
func TestConsole(t *testing.T) {
	for name, press := range map[string][]key{
		"tree":    {'j', 'j'},
		"busy":    {'e'},
		"filter":  {'/', 'c', 'h'},
		"outcome": {'j', 'f'},
		"rerun":   {'r'},
		"help":    {'?'},
		"reason":  {'n', '月', '末'},
	} {
		for _, lang := range []language{english, japanese} {
			for _, width := range []int{80, 40} {
				file := fmt.Sprintf("console-%s.%s.%d.txt", name, lang, width)
				t.Run(file, func(t *testing.T) {
					c, _ := someConsole(t, lang, width, 20, io.Discard)
					c.list(width)
					for _, k := range press {
						c.press(k)
					}
					lines := c.tree(width, 20)
					if c.page != nil {
						lines = c.page.lines(width, 20)
					}
					for _, line := range lines {
						if textWidth(line) >= width {
							t.Errorf("%d columns: %q", textWidth(line), line)
						}
					}
					golden(t, file, strings.Join(lines, "\n")+"\n")
				})
			}
		}
	}
}

// Guarded, a move that cannot be undone asks for the tracker's ID.
func TestConsoleAsksForTheTracker(t *testing.T) {
	c, _ := someConsole(t, english, 80, 20, io.Discard)
	c.list(80)
	d := &dialog{c: c, req: banto.MoveRequest{Move: banto.MoveKill}, stage: stageReason}
	c.dialog = d
	for _, k := range []key{'w', 'h', 'y', keyEnter, 'y'} {
		c.press(k)
	}
	if d.stage != stageName || d.req.Reason != "why" {
		t.Fatalf("after yes the dialog is at %d with the reason %q", d.stage, d.req.Reason)
	}
	c.press('x')
	c.press(keyEnter)
	if c.dialog != nil || !strings.Contains(c.said, "nothing was done") {
		t.Errorf("a wrong ID was taken: %q", c.said)
	}
	for move, want := range map[banto.Move]bool{
		banto.MoveHold: false, banto.MoveRelease: false, banto.MoveComment: false, banto.MoveSkip: true, banto.MoveForceEnd: true,
		banto.MoveKill: true, banto.MoveCancel: true, banto.MoveRerun: true,
	} {
		if got := undone(banto.MoveRequest{Move: move}); got != want {
			t.Errorf("%s: %v", move, got)
		}
	}
}

// A panic anywhere gives the terminal back before it is passed on.
func TestConsoleGivesTheTerminalBack(t *testing.T) {
	var out strings.Builder
	c, keyboard := someConsole(t, english, 80, 20, &out)
	in, typing := io.Pipe()
	defer typing.Close()
	c.e.std.In = in
	defer func() {
		if r := recover(); r != "a fault of ours" {
			t.Errorf("the panic came as %v", r)
		}
		if keyboard.raw || !strings.HasSuffix(out.String(), "\x1b[0m\x1b[?25h\x1b[?1049l") {
			t.Errorf("the terminal was not given back: raw %v, %q", keyboard.raw, out.String())
		}
	}()
	c.apart(func() { panic("a fault of ours") }) //nolint:forbidigo // what is tested
	err := c.show()
	t.Errorf("it went on: %v", err)
}

func TestOutputPage(t *testing.T) {
	c, _ := someConsole(t, english, 40, 6, io.Discard)
	part := c.v.parts[0]
	o := &outputPage{c: c, part: part, cancel: func() {}}
	c.page = o
	o.take("one\ntwo\x1b[2J\n50%\r100%\n長い")
	o.take("行\n")
	for i := range 10 {
		o.take(fmt.Sprintf("line %d\n", i))
	}
	o.take("open")
	show := func() string { return strings.Join(o.lines(40, 6), "\n") }
	if got := show(); !strings.Contains(got, "line 8\nline 9\nopen") {
		t.Errorf("it does not follow the end:\n%s", got)
	}
	c.press('g')
	if got := show(); !strings.Contains(got, "one\ntwo^[[2J\n100%\n長い行") {
		t.Errorf("the beginning is\n%s", got)
	}
	o.take("ed\n")
	if got := show(); !strings.Contains(got, "one\n") {
		t.Errorf("what is looked at went out of sight:\n%s", got)
	}
	c.press(keyRight)
	if got := show(); strings.Contains(got, "one\n") {
		t.Errorf("it did not move to the side:\n%s", got)
	}
	c.press('q')
	if c.page != nil {
		t.Error("q does not go back")
	}
}

func TestCanvasWritesWhatChanged(t *testing.T) {
	var out strings.Builder
	c := canvas{out: &out}
	draw := func(lines ...string) string {
		t.Helper()
		out.Reset()
		if err := c.draw(lines, 20, 3); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if got := draw("a", "b"); got != "\x1b[2J\x1b[1;1Ha\x1b[K\x1b[2;1Hb\x1b[K" {
		t.Errorf("at first %q", got)
	}
	if got := draw("a", "c"); got != "\x1b[2;1Hc\x1b[K" {
		t.Errorf("one line changed: %q", got)
	}
	if got := draw("a", "c"); got != "" {
		t.Errorf("nothing changed: %q", got)
	}
	if got := draw("a"); got != "\x1b[2;1H\x1b[K" {
		t.Errorf("a line less: %q", got)
	}
}

func TestSinceTellsNewParts(t *testing.T) {
	part := func(key banto.PartKey, state banto.PartState) banto.PartView {
		return banto.PartView{Part: banto.Part{Key: key, State: state}}
	}
	before := newView(banto.Tracker{}, []banto.PartView{part("a", banto.PartOK), part("copy", banto.PartRunning), part("c", banto.PartWaiting)})
	now := newView(banto.Tracker{}, []banto.PartView{part("a", banto.PartOK), part("copy", banto.PartOK),
		part("copy[db01]", banto.PartOK), part("copy[db02]", banto.PartWaiting), part("c", banto.PartReady)})
	if got := fmt.Sprint(now.since(before, []int{0})); got != "[0 1 2 4]" {
		t.Errorf("got %s", got)
	}
}

func BenchmarkConsole(b *testing.B) {
	parts := make([]banto.PartView, 2000)
	for i := range parts {
		parts[i] = banto.PartView{Part: banto.Part{Key: banto.PartKey(fmt.Sprintf("部品%d", i)), State: banto.PartRunning, Progress: "…"}}
	}
	e := someEnv(japanese, 0, io.Discard)
	e.std.Terminal = func(io.Writer) (int, int, bool) { return 120, 50, true }
	c := &console{e: e, v: newView(someTracker(parts), parts), canvas: canvas{out: io.Discard}}
	for b.Loop() {
		c.press(keyPageDown)
		if err := c.paint(); err != nil {
			b.Fatal(err)
		}
	}
}
