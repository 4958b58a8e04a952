package cli

import (
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"
)

func TestTextWidth(t *testing.T) {
	for text, want := range map[string]int{
		"":         0,
		"abc":      3,
		"夜間バックアップ": 16,
		"ﾊﾞﾝﾄｰ":    5,
		"が":        2, // か and a mark that sits on it
		"é":        1,
		"├ ✓ a":    5,
		"Ａ":        2,
	} {
		if got := textWidth(text); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, tt := range []struct {
		text    string
		columns int
		want    string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"abc", 0, ""}, {"abc", 1, "…"},
		{"夜間バックアップ", 16, "夜間バックアップ"}, {"夜間バックアップ", 15, "夜間バックアッ…"},
		{"夜間バックアップ", 4, "夜…"}, {"夜間", 3, "夜…"},
	} {
		if got := cut(tt.text, tt.columns); got != tt.want {
			t.Errorf("cut(%q, %d): got %q, want %q", tt.text, tt.columns, got, tt.want)
		}
	}
}

func TestMiddle(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"short", "short"},
		{"abcdefghi", "abcdefghi"},
		{"abcdefghij", "abcd … ghij"},
		{"夜間バックアップ", "夜間 … ップ"},
	} {
		if got := middle(tt.text, 5, 4); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestFold(t *testing.T) {
	for _, tt := range []struct {
		text    string
		columns int
		want    string
	}{
		{"", 10, ""},
		{"abcdef", 0, "abcdef"},
		{"abcdef", 6, "abcdef"},
		{"abcdef", 4, "abcd|ef"},
		{"夜間バ", 5, "夜間|バ"},
		{"夜間", 1, "夜間"},
	} {
		if got := strings.Join(fold(tt.text, tt.columns), "|"); got != tt.want {
			t.Errorf("%q in %d columns: got %q, want %q", tt.text, tt.columns, got, tt.want)
		}
	}
}

func TestCutAndPadKeepTheirWidth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := plain(rapid.StringOf(rapid.RuneFrom([]rune("ab夜間ﾊﾞ\u3099é…✓\x1b\u202e"))).Draw(t, "text"))
		columns := rapid.IntRange(0, 20).Draw(t, "columns")
		if got := textWidth(cut(text, columns)); got > columns {
			t.Fatalf("cut is %d columns wide", got)
		}
		if got := textWidth(pad(cut(text, columns), columns)); got != columns {
			t.Fatalf("padded to %d columns", got)
		}
	})
}

func TestPlainLeavesNothingThatATerminalObeys(t *testing.T) {
	for text, want := range map[string]string{
		"夜間 ok":            "夜間 ok",
		"a\x1b[31mred\x07": "a^[[31mred^G",
		"a\nb\tc":          "a b c",
		"\u202etxt.exe":    "<U+202E>txt.exe",
		"\x80\xff":         `\x80\xff`,
		"\u009bm":          "<U+009B>m",
	} {
		if got := plain(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestHarmlessWriter(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"line\r\nline\n", "line\nline\n"},
		{"10%\r20%\rdone\n", "10%\n20%\ndone\n"},
		{"夜間\tok\n", "夜間\tok\n"},
		{"\x1b]0;title\x07\x1b[2J", "^[]0;title^G^[[2J"},
		{"\x00\xe5\xa4", `^@\xe5\xa4`},
		{"end\r", "end\n"},
	} {
		var b strings.Builder
		w := &harmlessWriter{out: &b}
		// A byte at a time: no character may be torn.
		r := iotest.OneByteReader(strings.NewReader(tt.in))
		for {
			one := make([]byte, 8)
			n, err := r.Read(one)
			if err != nil {
				break
			}
			if _, err := w.Write(one[:n]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.flush(); err != nil {
			t.Fatal(err)
		}
		if b.String() != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, b.String(), tt.want)
		}
	}
}

func TestShortAndSize(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", -time.Second: "0s", time.Microsecond: "1ms", 850 * time.Millisecond: "850ms",
		2340 * time.Millisecond: "2.3s", 3 * time.Second: "3s", 12 * time.Second: "12s",
		185 * time.Second: "3m05s", 127 * time.Minute: "2h07m", 76 * time.Hour: "3d04h",
	} {
		if got := short(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 5 << 30: "5.0 GiB"} {
		if got := size(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}
