package keeper

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxFrame is the longest line that either end reads. The keeper splits what
// it tells long before that; an agent's frame is as long as its burst.
const maxFrame = 64 << 20

var errFrameTooLong = errors.New("a frame is longer than 64 MiB")

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
	text, err := json.Marshal(v)
	if err != nil {
		return b, fmt.Errorf("cannot write a frame: %w", err)
	}
	return append(append(b, text...), '\n'), nil
}
