package encodings

import (
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Decoder gives an encoding by its name: one of jobnet.Encodings, or any that
// IANA lists. The empty name is UTF-8. Its decoder shows what makes no sense as
// the replacement character, and a byte order mark is no text.
func Decoder(name string) (encoding.Encoding, bool) {
	switch name = strings.ToLower(name); name {
	case "", "utf-8", "utf8":
		return unicode.UTF8BOM, true
	case "cp932", "windows-31j", "shift_jis":
		return japanese.ShiftJIS, true // x/text's is Microsoft's, with its additions
	case "utf-16":
		// Without a mark it is what Windows writes.
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), true
	case "gbk":
		return simplifiedchinese.GBK, true
	}
	e, err := ianaindex.IANA.Encoding(name)
	return e, err == nil && e != nil
}

// Text gives bytes in an encoding as valid UTF-8. Unless they are the whole
// text, the piece of a character at their end is left out. An encoding that is
// not known is read as UTF-8.
func Text(name string, b []byte, whole bool) string {
	e, ok := Decoder(name)
	if !ok {
		e = unicode.UTF8BOM
	}
	decoder := e.NewDecoder()
	out := make([]byte, 0, len(b)+len(b)/2)
	buf := make([]byte, 4<<10)
	for {
		written, read, err := decoder.Transform(buf, b, whole)
		out, b = append(out, buf[:written]...), b[read:]
		if err != transform.ErrShortDst || written+read == 0 { //nolint:errorlint // transformers give it bare
			break
		}
	}
	return strings.ToValidUTF8(string(out), "\uFFFD")
}
