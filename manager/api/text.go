package api

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/encodings"
	"github.com/bantoops/banto/manager/outputs"
)

const (
	// lineLook is how far back the beginning of a line is looked for.
	lineLook = 64 << 10
	// lastLook is how far back a last line is looked for.
	lastLook = 4 << 10
)

// reader reads the output of one attempt as text.
type reader struct {
	out      Outputs
	id       banto.AttemptID
	encoding string
}

// decoder gives the decoder of the encoding. UTF-16 has its byte order at the
// very beginning of the output, if anywhere.
func (r reader) decoder() (*encoding.Decoder, error) {
	name := strings.ToLower(r.encoding)
	if name == "utf-16" {
		mark, _, err := r.out.Read(r.id, 0, 2)
		if err != nil {
			return nil, err
		}
		name = "utf-16le"
		if bytes.Equal(mark, []byte{0xfe, 0xff}) {
			name = "utf-16be"
		}
	}
	e, ok := encodings.Decoder(name)
	if !ok {
		e, _ = encodings.Decoder("") // what is not known is shown as far as it can be
	}
	return e.NewDecoder(), nil
}

// begin gives where to begin decoding to be in step at an offset: with UTF-16 on
// a whole unit, where characters have states at the beginning of the line.
func (r reader) begin(offset int64) (int64, error) {
	name := strings.ToLower(r.encoding)
	switch {
	case strings.HasPrefix(name, "utf-16"):
		return offset &^ 1, nil
	case strings.HasPrefix(name, "iso-2022"), strings.HasPrefix(name, "hz"):
	default:
		return offset, nil
	}
	from := max(0, offset-lineLook)
	before, _, err := r.out.Read(r.id, from, int(offset-from))
	if err != nil {
		return 0, err
	}
	if n := bytes.LastIndexByte(before, '\n'); n >= 0 {
		return from + int64(n) + 1, nil
	}
	return from, nil
}

// text gives the text that begins at an offset, and the offset behind it. It
// ends with a whole character, unless last says that nothing follows.
func (r reader) text(offset int64, raw []byte, last bool) (text []byte, next int64, err error) {
	d, err := r.decoder()
	if err != nil {
		return nil, 0, err
	}
	begin, err := r.begin(offset)
	if err != nil {
		return nil, 0, err
	}
	if lead := int(offset - begin); lead > 0 {
		before, _, err := r.out.Read(r.id, begin, lead)
		if err != nil {
			return nil, 0, err
		}
		_, used := decode(d, before, false)
		raw = append(bytes.Clone(before[used:]), raw...)
		offset = begin + int64(used)
	}
	text, used := decode(d, raw, last)
	if offset == 0 {
		text = bytes.TrimPrefix(text, []byte("\ufeff")) // a mark is no text
	}
	return text, offset + int64(used), nil
}

// decode gives what can be decoded, and how much of it that is.
func decode(d *encoding.Decoder, raw []byte, last bool) (text []byte, used int) {
	text = make([]byte, 0, len(raw)+len(raw)/2)
	buf := make([]byte, 8<<10)
	for {
		written, read, err := d.Transform(buf, raw[used:], last)
		text = append(text, buf[:written]...)
		used += read
		if !errors.Is(err, transform.ErrShortDst) || written+read == 0 {
			return bytes.ToValidUTF8(text, []byte(string(utf8.RuneError))), used
		}
	}
}

// lastLine gives the last line that an attempt has printed, fit to be shown.
func (s *server) lastLine(id banto.AttemptID, name string) string {
	if name == "" || strings.EqualFold(name, "utf-8") {
		return s.Outputs.LastLine(id)
	}
	_, size, err := s.Outputs.Read(id, 0, 0)
	if err != nil || size == 0 {
		return ""
	}
	r := reader{out: s.Outputs, id: id, encoding: name}
	from := max(0, size-lastLook) &^ 1
	raw, _, err := s.Outputs.Read(id, from, int(size-from))
	if err != nil {
		return ""
	}
	text, _, err := r.text(from, raw, false)
	if err != nil {
		return ""
	}
	if from > 0 { // it may begin within a character, and so be wrong up to the end of the line
		if _, rest, ok := bytes.Cut(text, []byte("\n")); ok {
			text = rest
		}
	}
	return outputs.LastLineOf(text)
}
