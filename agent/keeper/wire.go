package keeper

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxFrame is the longest line that either end reads: the longest script that
// can be applied, with room for what JSON adds to it. Both ends split what they
// say long before that.
const maxFrame = 20 << 20

var errFrameTooLong = fmt.Errorf("a frame is longer than %d MiB", maxFrame>>20)

// readFrame reads one line of JSON into v. io.EOF means that the other end
// has closed between two frames.
func readFrame(r *bufio.Reader, v any) error {
	var line []byte
	for {
		piece, err := r.ReadSlice('\n')
		if err == nil && line == nil {
			line = piece // the common case: no copy
			break
		}
		line = append(line, piece...)
		if err == nil {
			break
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			if errors.Is(err, io.EOF) && len(line) > 0 {
				return io.ErrUnexpectedEOF
			}
			return err
		}
		if len(line) > maxFrame {
			return errFrameTooLong
		}
	}
	if err := json.Unmarshal(line, v); err != nil {
		return fmt.Errorf("cannot read a frame: %w", err)
	}
	return nil
}

// appendFrame adds v as one line of JSON.
func appendFrame(b []byte, v any) ([]byte, error) {
	out := bytes.NewBuffer(b)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false) // a script is full of what that makes six times as long
	if err := encoder.Encode(v); err != nil {
		return b, fmt.Errorf("cannot write a frame: %w", err)
	}
	return out.Bytes(), nil
}

// pieces splits a request into frames of a bounded size, to be sent in this
// order: the keeper has done all of it when it has done the last, which alone
// has the number.
func pieces(r Request) func(func(Request) bool) {
	const enough = 1 << 20
	return func(yield func(Request) bool) {
		from, size := 0, 0
		for n, s := range r.Start {
			long := len(s.Spec.Script)
			for _, text := range s.Spec.Env {
				long += len(text)
			}
			for _, text := range s.Spec.Args {
				long += len(text)
			}
			if size += long; size > enough && n > from {
				if !yield(Request{Start: r.Start[from:n]}) {
					return
				}
				from, size = n, long
			}
		}
		r.Start = r.Start[from:]
		yield(r)
	}
}

// shortEnough gives a frame of a request, in which what can never be sent is
// refused in words.
func shortEnough(b []byte, r Request) ([]byte, error) {
	frame, err := appendFrame(b, r)
	if err != nil || len(frame) <= maxFrame || len(r.Start) != 1 {
		return frame, err
	}
	s := r.Start[0]
	r.Start = []Start{{Attempt: s.Attempt, Refused: fmt.Sprintf(
		"its script, arguments and environment are %d MiB as a message, and %d MiB is the most", len(frame)>>20, maxFrame>>20)}}
	return appendFrame(b, r)
}
