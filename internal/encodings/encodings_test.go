package encodings

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bantoops/banto/job/jobnet"
)

func TestDecoder(t *testing.T) {
	for _, name := range jobnet.Encodings() {
		if e, ok := Decoder(name); !ok || e == nil {
			t.Errorf("a definition may say %s, and it has no decoder", name)
		}
	}
	if _, ok := Decoder("klingon"); ok {
		t.Error("klingon")
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct {
		name, in string
		whole    bool
		want     string
	}{
		{"", "日本", true, "日本"},
		{"utf-8", "\xEF\xBB\xBF日本\xE6", true, "日本\uFFFD"},
		{"utf-8", "日本\xE6\x97", false, "日本"},
		{"cp932", "\x93\xFA\x96\x7B\x87\x40", true, "日本①"},
		{"cp932", "\x93\xFA\x96", false, "日"},
		{"cp932", "a\xFF\xFFb", true, "a\uFFFD\uFFFDb"},
		{"euc-jp", "\xC6\xFC\xCB\xDC", true, "日本"},
		{"iso-2022-jp", "\x1B$BF|K\\\x1B(B!", true, "日本!"},
		{"utf-16", "\xFF\xFE\xE5\x65\x2C\x67", true, "日本"},
		{"utf-16", "\xFE\xFF\x65\xE5\x67\x2C", true, "日本"},
		{"utf-16", "\xE5\x65\x2C\x67", true, "日本"},
		{"utf-16le", "a\x00b\x00c", true, "ab\uFFFD"},
		{"utf-16le", "a\x00b\x00c", false, "ab"},
		{"utf-16be", "\x00a", true, "a"},
		{"windows-1252", "\x80", true, "€"},
		{"iso-8859-1", "\xE9", true, "é"},
		{"klingon", "abc", true, "abc"},
		{"cp932", strings.Repeat("\x93\xFA", 10000), true, strings.Repeat("日", 10000)},
	} {
		if got := Text(c.name, []byte(c.in), c.whole); got != c.want {
			t.Errorf("%s %.20q: %.40q, want %.40q", c.name, c.in, got, c.want)
		}
	}
}

func FuzzText(f *testing.F) {
	names := jobnet.Encodings()
	f.Add(uint8(1), []byte("\x93\xFA"), true)
	f.Fuzz(func(t *testing.T, n uint8, b []byte, whole bool) {
		if got := Text(names[int(n)%len(names)], b, whole); !utf8.ValidString(got) {
			t.Fatalf("%q", got)
		}
	})
}
