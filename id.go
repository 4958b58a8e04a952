package banto

import (
	"fmt"
	"strconv"
	"strings"
)

// TrackerID names one run of a jobnet: the UTC day of its submission, a dash
// and seven characters of Crockford's base 32 in lower case, such as
// "20261121-7k3mq0x". Short enough to read out on the telephone, and never
// used again, not even after a restore from an old backup.
type TrackerID string

// Valid says whether the text has the shape of a tracker ID.
func (id TrackerID) Valid() bool {
	s := string(id)
	if len(s) != 16 || s[8] != '-' {
		return false
	}
	for i, r := range s {
		switch {
		case i < 8:
			if r < '0' || r > '9' {
				return false
			}
		case i > 8:
			if !strings.ContainsRune(IDAlphabet, r) {
				return false
			}
		}
	}
	return true
}

// IDAlphabet is Crockford's base 32 in lower case: no i, l, o or u.
const IDAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// AttemptID names one try of a part: the tracker's ID, a dot, and a number
// that counts the attempts of the tracker from 1, whatever their part, loop
// item or rerun. It is safe as a file name.
type AttemptID string

// NewAttemptID makes the ID of the seq-th attempt of a tracker.
func NewAttemptID(t TrackerID, seq int) AttemptID {
	return AttemptID(string(t) + "." + strconv.Itoa(seq))
}

// Split gives the tracker and the number of an attempt ID, or an error if the
// text is not one.
func (id AttemptID) Split() (TrackerID, int, error) {
	t, n, ok := strings.Cut(string(id), ".")
	seq, err := strconv.Atoi(n)
	if !ok || err != nil || seq < 1 || !TrackerID(t).Valid() || strconv.Itoa(seq) != n {
		return "", 0, fmt.Errorf("%q is not an attempt ID", string(id))
	}
	return TrackerID(t), seq, nil
}

// PartKey names a part inside a tracker. For a part of the jobnet itself it is
// the part's name. Later kinds nest in the same text: an item of a loop is
// "each[3]", a part of a sub-jobnet "close/total"; part names can hold neither
// character.
type PartKey string

// HostID names a host for ever: given at enrolment, never an address or a
// name. It is ten characters of IDAlphabet behind "h-".
type HostID string
