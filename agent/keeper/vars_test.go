package keeper

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bantoops/banto"
)

func TestDecodeVars(t *testing.T) {
	for _, c := range []struct{ in, out string }{
		{"", ""},
		{"a=1\nb=2", "a=1\nb=2"},
		{"\xef\xbb\xbfa=値\r\n", "a=値\n"},
		{"\xff\xfea\x00=\x00\x24\x50\r\x00\n\x00", "a=値"[:2] + "\u5024\n"},
		{"\xfe\xff\x00a\x00=\xd8\x3d\xde\x00", "a=\U0001F600"},
		{"a=\r1\n", "a=\r1\n"},
		{"a=\uFFFD\n", "a=\uFFFD\n"}, // as the job wrote it
	} {
		if got, err := decodeVars([]byte(c.in), ""); err != nil || got != c.out {
			t.Errorf("%q: %q %v, want %q", c.in, got, err, c.out)
		}
	}
	for _, bad := range []string{
		"a=\xff", "a=\x00", "\xff\xfea\x00=", "\xff\xfe\x3d\xd8", "\xfe\xff\x00",
		strings.Repeat("x", banto.MaxVarsFile+1),
		"\xff\xfe" + strings.Repeat("\x24\x50", banto.MaxVarsFile/2-1), // larger as UTF-8
	} {
		if got, err := decodeVars([]byte(bad), ""); err == nil {
			t.Errorf("%.20q…: %.20q", bad, got)
		}
	}
}

func TestDecodeVarsInEncoding(t *testing.T) {
	for _, c := range []struct{ encoding, in, out string }{
		{"cp932", "n=\x93\xFA\x96\x7B\r\n", "n=日本\n"},
		{"cp932", "\xFF\xFEn\x00=\x001\x00", "n=1"}, // PowerShell on such a host
		{"utf-16le", "n\x00=\x001\x00", "n=1"},
		{"utf-8", "n=日本", "n=日本"},
	} {
		if got, err := decodeVars([]byte(c.in), c.encoding); err != nil || got != c.out {
			t.Errorf("%s %q: %q, %v", c.encoding, c.in, got, err)
		}
	}
	if got, err := decodeVars([]byte("n=\x93"), "cp932"); err == nil || !strings.Contains(err.Error(), "not text in cp932") {
		t.Error(got, err)
	}
}

func FuzzDecodeVars(f *testing.F) {
	f.Add([]byte("a=1\r\n"))
	f.Add([]byte("\xff\xfea\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		text, err := decodeVars(b, "")
		if err == nil && (!utf8.ValidString(text) || len(text) > banto.MaxVarsFile || strings.Contains(text, "\r\n") || strings.Contains(text, "\x00")) {
			t.Fatalf("%q", text)
		}
	})
}
