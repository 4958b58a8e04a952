package keeper

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/bantoops/banto"
)

// decodeVars gives the text of a variables file: UTF-8, or UTF-16 with its
// byte order mark as PowerShell writes it, with lines ended by LF.
func decodeVars(b []byte) (string, error) {
	if len(b) > banto.MaxVarsFile {
		return "", fmt.Errorf("the file $BANTO_VARS is larger than %d bytes", banto.MaxVarsFile)
	}
	var text string
	halves := false // of characters, in UTF-16
	switch {
	case bytes.HasPrefix(b, []byte{0xFF, 0xFE}):
		text = fromUTF16(b[2:], binary.LittleEndian)
		halves = strings.ContainsRune(text, utf8.RuneError)
	case bytes.HasPrefix(b, []byte{0xFE, 0xFF}):
		text = fromUTF16(b[2:], binary.BigEndian)
		halves = strings.ContainsRune(text, utf8.RuneError)
	default:
		text = string(bytes.TrimPrefix(b, []byte{0xEF, 0xBB, 0xBF}))
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) || halves {
		return "", fmt.Errorf("the file $BANTO_VARS is not text in UTF-8, nor in UTF-16 with a byte order mark")
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
