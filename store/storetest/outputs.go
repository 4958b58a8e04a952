package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// OutputsPlace is where outputs are kept. Each call opens the same ones again,
// as a second manager would; the Place sees to it that all are closed.
type OutputsPlace func(t *testing.T) store.Outputs

// ExerciseOutputs tries a store of outputs. newPlace gives an empty place each
// time.
func ExerciseOutputs(t *testing.T, newPlace func(t *testing.T) OutputsPlace) {
	for name, test := range map[string]func(*testing.T, OutputsPlace){
		"Pieces":  testOutputPieces,
		"Model":   testOutputModel,
		"Large":   testOutputLarge,
		"Remove":  testOutputRemove,
		"Refused": testOutputRefused,
		"AtOnce":  testOutputAtOnce,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newPlace(t))
		})
	}
}

// ExerciseSharedOutputs tries outputs that several managers have open at once.
func ExerciseSharedOutputs(t *testing.T, newPlace func(t *testing.T) OutputsPlace) {
	testOutputTwoOpened(t, newPlace(t))
}

const printer = banto.TrackerID("20261121-7k3mq0x")

// hasOutput compares what is there with what should be.
func hasOutput(t *testing.T, o store.Outputs, id banto.AttemptID, want []byte) {
	t.Helper()
	got, size, err := o.Read(id, 0, len(want)+10)
	if err != nil || size != int64(len(want)) || !bytes.Equal(got, want) {
		t.Fatalf("%s: %d bytes of %d, %v; want %d", id, len(got), size, err, len(want))
	}
	if size, err := o.Size(id); err != nil || size != int64(len(want)) {
		t.Fatalf("%s: size %d, %v; want %d", id, size, err, len(want))
	}
}

func testOutputPieces(t *testing.T, place OutputsPlace) {
	o := place(t)
	id := banto.NewAttemptID(printer, 1)
	hasOutput(t, o, id, nil)
	for i, c := range []struct {
		offset int64
		data   string
		want   string
	}{
		{0, "", ""},
		{0, "one ", "one "},
		{4, "two ", "one two "},
		{4, "two ", "one two "},             // again
		{0, "one two", "one two "},          // what is there already
		{2, "e two three", "one two three"}, // part of it
		{13, "", "one two three"},
		{13, "\x00\xff\n", "one two three\x00\xff\n"},
		{0, "", "one two three\x00\xff\n"},
	} {
		size, err := o.Write(id, c.offset, []byte(c.data))
		if err != nil || size != int64(len(c.want)) {
			t.Fatalf("%d: size %d, %v; want %d", i, size, err, len(c.want))
		}
		hasOutput(t, o, id, []byte(c.want))
	}
	var gap *store.GapError
	size, err := o.Write(id, 17, []byte("x"))
	if !errors.As(err, &gap) || size != 16 || gap.Size != 16 || gap.Offset != 17 || gap.Attempt != id {
		t.Errorf("a gap: %d, %v", size, err)
	}
	if size, err := o.Write(banto.NewAttemptID(printer, 2), 1, nil); !errors.As(err, &gap) || size != 0 {
		t.Errorf("a gap in nothing: %d, %v", size, err)
	}
	for _, c := range []struct {
		offset int64
		max    int
		want   string
	}{{0, 3, "one"}, {4, 3, "two"}, {4, 0, ""}, {16, 5, ""}, {99, 5, ""}, {12, 99, "e\x00\xff\n"}} {
		got, size, err := o.Read(id, c.offset, c.max)
		if err != nil || size != 16 || string(got) != c.want {
			t.Errorf("%d at %d: %q of %d, %v; want %q", c.max, c.offset, got, size, err, c.want)
		}
	}
}

// testOutputModel writes and reads as chance has it, beside a plain text.
func testOutputModel(t *testing.T, place OutputsPlace) {
	o := place(t)
	id := banto.NewAttemptID(printer, 1)
	var want []byte
	x := uint32(7)
	next := func(n int) int {
		x = x*1664525 + 1013904223
		return int(x>>8) % n
	}
	for range 300 {
		at := next(len(want) + 3)
		piece := bytes.Repeat([]byte{byte('a' + next(26))}, next(2000))
		for i := range piece { // what is there already is the same
			if at+i < len(want) {
				piece[i] = want[at+i]
			}
		}
		size, err := o.Write(id, int64(at), piece)
		var gap *store.GapError
		switch {
		case at > len(want):
			if !errors.As(err, &gap) || size != int64(len(want)) {
				t.Fatalf("a gap at %d of %d: %d, %v", at, len(want), size, err)
			}
			continue
		case err != nil:
			t.Fatal(err)
		case at+len(piece) > len(want):
			want = append(want[:at], piece...)
		}
		if size != int64(len(want)) {
			t.Fatalf("size %d, want %d", size, len(want))
		}
		from, most := next(len(want)+1), next(3000)
		got, _, err := o.Read(id, int64(from), most)
		if err != nil || !bytes.Equal(got, want[from:min(len(want), from+most)]) {
			t.Fatalf("%d at %d: %d others, %v", most, from, len(got), err)
		}
	}
	hasOutput(t, o, id, want)
	hasOutput(t, place(t), id, want)
}

func testOutputLarge(t *testing.T, place OutputsPlace) {
	o := place(t)
	id := banto.NewAttemptID(printer, 12345)
	want := []byte(large(5<<20, "出力 \x00\xff\n"))
	if size, err := o.Write(id, 0, want); err != nil || size != int64(len(want)) {
		t.Fatalf("%d, %v", size, err)
	}
	hasOutput(t, o, id, want)
	for at := int64(0); at < int64(len(want)); at += 700_001 {
		got, _, err := o.Read(id, at, 100_000)
		if err != nil || !bytes.Equal(got, want[at:min(int64(len(want)), at+100_000)]) {
			t.Fatalf("at %d: %d bytes, %v", at, len(got), err)
		}
	}
}

func testOutputRemove(t *testing.T, place OutputsPlace) {
	o := place(t)
	other := banto.NewAttemptID("20261121-7k3mq0y", 1)
	for i := range 300 {
		if _, err := o.Write(banto.NewAttemptID(printer, i+1), 0, []byte("text")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := o.Write(other, 0, []byte("other")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := o.Remove(printer); err != nil {
			t.Fatal(err)
		}
	}
	for _, i := range []int{1, 150, 300} {
		hasOutput(t, o, banto.NewAttemptID(printer, i), nil)
	}
	hasOutput(t, o, other, []byte("other"))
	if size, err := o.Write(banto.NewAttemptID(printer, 1), 0, []byte("new")); size != 3 || err != nil {
		t.Errorf("after it was removed: %d, %v", size, err)
	}
}

func testOutputRefused(t *testing.T, place OutputsPlace) {
	o := place(t)
	for _, id := range []banto.AttemptID{"", ".", "x", "../x.1", "20261121-7k3mq0x", "20261121-7k3mq0x.0", "20261121-7k3mq0x.x", "20261121-7k3mq0x.1/../2"} {
		if _, err := o.Write(id, 0, []byte("x")); err == nil {
			t.Errorf("%q is written", id)
		}
		if _, _, err := o.Read(id, 0, 1); err == nil {
			t.Errorf("%q is read", id)
		}
		if _, err := o.Size(id); err == nil {
			t.Errorf("%q has a size", id)
		}
	}
	id := banto.NewAttemptID(printer, 1)
	if _, err := o.Write(id, -1, nil); err == nil {
		t.Error("a negative offset is written")
	}
	if _, _, err := o.Read(id, -1, 1); err == nil {
		t.Error("a negative offset is read")
	}
	if _, _, err := o.Read(id, 0, -1); err == nil {
		t.Error("a negative number of bytes is read")
	}
	for _, id := range []banto.TrackerID{"", ".", "..", "x/.."} {
		if o.Remove(id) == nil {
			t.Errorf("%q is removed", id)
		}
	}
}

func testOutputAtOnce(t *testing.T, place OutputsPlace) {
	o := place(t)
	want := []byte(large(20_000, "0123456789abcdef"))
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() { // all write the same, each in pieces of its own size
			id := banto.NewAttemptID(printer, 1)
			for at := 0; at < len(want); {
				piece := want[at:min(len(want), at+500+w*333)]
				size, err := o.Write(id, int64(at), piece)
				if err != nil || size < int64(at+len(piece)) {
					t.Errorf("at %d: %d, %v", at, size, err)
					return
				}
				at += len(piece)
				mine := banto.NewAttemptID(printer, 2+w)
				if _, err := o.Write(mine, 0, want[:at]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for i := range 5 {
		hasOutput(t, o, banto.NewAttemptID(printer, i+1), want)
	}
}

// testOutputTwoOpened: a manager that was deposed may write a last piece beside
// the one that is active now.
func testOutputTwoOpened(t *testing.T, place OutputsPlace) {
	first, second := place(t), place(t)
	id := banto.NewAttemptID(printer, 1)
	for i, step := range []struct {
		o      store.Outputs
		offset int64
		data   string
		size   int64
	}{
		{first, 0, "abc", 3},
		{second, 0, "abcdef", 6},
		{first, 3, "de", 6},
		{first, 3, "defgh", 8},
		{second, 6, "ghij", 10},
		{first, 8, "i", 10},
	} {
		size, err := step.o.Write(id, step.offset, []byte(step.data))
		if err != nil || size != step.size {
			t.Fatalf("%d: size %d, %v; want %d", i, size, err, step.size)
		}
	}
	hasOutput(t, first, id, []byte("abcdefghij"))
	hasOutput(t, second, id, []byte("abcdefghij"))
	if err := second.Remove(printer); err != nil {
		t.Fatal(err)
	}
	var gap *store.GapError
	if size, err := first.Write(id, 10, []byte("k")); fmt.Sprint(size) != "0" || !errors.As(err, &gap) {
		t.Errorf("behind what was removed: %d, %v", size, err)
	}
}
