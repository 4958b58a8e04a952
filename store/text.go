package store

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// CheckText refuses text that some store could not keep, so that all refuse
// the same: PostgreSQL takes no NUL, and no text that is not UTF-8.
func CheckText(s string) error {
	if strings.IndexByte(s, 0) >= 0 {
		return fmt.Errorf("%w: the text holds a NUL character", ErrPoison)
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("%w: the text is not UTF-8", ErrPoison)
	}
	return nil
}
