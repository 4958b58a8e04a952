package keeper

import (
	"bufio"
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/bantoops/banto"
)

func TestPieces(t *testing.T) {
	big := strings.Repeat("x", 700<<10)
	r := Request{Seq: 9, Kill: []Kill{{Attempt: try1(7)}}}
	for n := range 5 {
		r.Start = append(r.Start, Start{Attempt: try1(n + 1), Spec: banto.Spec{Script: big}})
	}
	var starts []banto.AttemptID
	count, last := 0, Request{}
	for piece := range pieces(r) {
		count++
		if last.Seq != 0 || len(last.Kill) > 0 {
			t.Fatal("the number comes before the end")
		}
		last = piece
		for _, s := range piece.Start {
			starts = append(starts, s.Attempt)
		}
		if frame, err := shortEnough(nil, piece); err != nil || len(frame) > 2<<20 {
			t.Fatal(len(frame), err)
		}
	}
	if count != 5 || last.Seq != 9 || len(last.Kill) != 1 || len(starts) != 5 || starts[0] != try1(1) || starts[4] != try1(5) {
		t.Fatal(count, last.Seq, starts)
	}
}

func TestFrameTooLong(t *testing.T) {
	frame, err := shortEnough(nil, Request{Seq: 3, Start: []Start{{Attempt: try1(1), Spec: banto.Spec{Script: strings.Repeat("\x01", 8<<20)}}}})
	if err != nil {
		t.Fatal(err)
	}
	var got Request
	if err := readFrame(bufio.NewReader(bytes.NewReader(frame)), &got); err != nil || got.Seq != 3 ||
		got.Start[0].Attempt != try1(1) || !strings.Contains(got.Start[0].Refused, "48 MiB") {
		t.Fatal(got, err)
	}
	// A script of the longest that can be applied, of what is usual in one.
	frame, err = shortEnough(nil, Request{Start: []Start{{Attempt: try1(1), Spec: banto.Spec{Script: strings.Repeat("a <\"b\">\n", 1<<20)}}}})
	if err != nil || readFrame(bufio.NewReader(bytes.NewReader(frame)), &got) != nil || got.Start[0].Spec.Script == "" {
		t.Fatal(err)
	}
	line := append(bytes.Repeat([]byte("x"), maxFrame+(64<<10)), '\n')
	if err := readFrame(bufio.NewReader(bytes.NewReader(line)), &got); !errors.Is(err, errFrameTooLong) {
		t.Fatal(err)
	}
}

func try1(n int) banto.AttemptID { return banto.NewAttemptID("20261121-0000000", n) }
