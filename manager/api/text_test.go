package api

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
)

// printed is the output of one attempt.
type printed []byte

func (p printed) Read(_ banto.AttemptID, offset int64, most int) ([]byte, int64, error) {
	size := int64(len(p))
	if offset >= size {
		return nil, size, nil
	}
	return p[offset:min(size, offset+int64(most))], size, nil
}

func (printed) LastLine(banto.AttemptID) string { return "" }

// FuzzTextInPieces holds that text that is read in pieces is the text that is
// read at once, and that each piece brings the reader on.
func FuzzTextInPieces(f *testing.F) {
	names := jobnet.Encodings()
	f.Add(uint8(0), uint8(3), []byte("日本\xff語"))
	for i := range names {
		f.Add(uint8(i), uint8(1), []byte("\x93\xfa\x96\x7b\n\x1b$BF|K\\\x1b(B\n\xfe\xff\x65\xe5\x00\n"))
	}
	f.Fuzz(func(t *testing.T, n, piece uint8, out []byte) {
		name := names[int(n)%len(names)]
		r := reader{out: printed(out), encoding: name}
		whole, end, err := r.text(0, out, true)
		if err != nil || end != int64(len(out)) || !utf8.Valid(whole) {
			t.Fatalf("%s: %q, %d of %d, %v", name, whole, end, len(out), err)
		}
		if bytes.ContainsRune(whole, utf8.RuneError) {
			return // what makes no sense need not be cut at the same places
		}
		most := leastText + int(piece)
		var got []byte
		for next := int64(0); next < end; {
			raw, _, _ := r.out.Read("", next, most)
			last := next+int64(len(raw)) == end
			text, then, err := r.text(next, raw, last)
			if err != nil || then <= next {
				t.Fatalf("%s at %d: %q, then %d, %v", name, next, text, then, err)
			}
			got, next = append(got, text...), then
		}
		if !bytes.Equal(got, whole) {
			t.Errorf("%s in pieces of %d: %q, want %q", name, most, got, whole)
		}
	})
}
