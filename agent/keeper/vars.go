package keeper

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/encodings"
)

// decodeVars gives the text of a variables file with lines ended by LF: in the
// job's encoding, which is UTF-8 when it is empty; a byte order mark of UTF-8 or
// UTF-16, as PowerShell writes it, says better.
func decodeVars(b []byte, encoding string) (string, error) {
	if len(b) > banto.MaxVarsFile {
		return "", fmt.Errorf("the file $BANTO_VARS is larger than %d bytes", banto.MaxVarsFile)
	}
	var text string
	halves := false // of characters
	what := "UTF-8, nor in UTF-16 with a byte order mark"
	switch {
	case bytes.HasPrefix(b, []byte{0xFF, 0xFE}):
		text = fromUTF16(b[2:], binary.LittleEndian)
		halves = strings.ContainsRune(text, utf8.RuneError)
	case bytes.HasPrefix(b, []byte{0xFE, 0xFF}):
		text = fromUTF16(b[2:], binary.BigEndian)
		halves = strings.ContainsRune(text, utf8.RuneError)
	case bytes.HasPrefix(b, []byte{0xEF, 0xBB, 0xBF}):
		text = string(b[3:])
	case encoding != "" && encoding != "utf-8":
		text = encodings.Text(encoding, b, true)
		halves = strings.ContainsRune(text, utf8.RuneError)
		what = encoding + ", the encoding of the job"
	default:
		text = string(b)
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) || halves {
		return "", fmt.Errorf("the file $BANTO_VARS is not text in %s", what)
	}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	if len(text) > banto.MaxVarsFile {
		return "", fmt.Errorf("the file $BANTO_VARS is larger than %d bytes as UTF-8", banto.MaxVarsFile)
	}
	return text, nil
}

// fromUTF16 turns half of a character, and an odd byte at the end, into the
// replacement character.
func fromUTF16(b []byte, order binary.ByteOrder) string {
	units := make([]uint16, 0, len(b)/2+1)
	for ; len(b) >= 2; b = b[2:] {
		units = append(units, order.Uint16(b))
	}
	if len(b) == 1 {
		units = append(units, 0xFFFD)
	}
	return string(utf16.Decode(units))
}
