package keeper

import (
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Beside the journal stands up to where it was made durable. It is written after
// every sync, before anything is built on that, and not synced itself: a keeper
// that dies leaves it with the system. So damage before that place, or a file
// that ends before it, is a loss of what was acted on; what is behind it was not,
// as long as the host was not restarted since: then it may be older than the
// last sync, and the end of the journal is in doubt if it is damaged.
//
// The file has two places, each for one journal: the next one's is filled in
// before it is put in the place of the old one.

// markName is its name.
const markName = "journal.synced"

// markSize is the size of one place.
const markSize = 128

// mark is what one place says.
type mark struct {
	name string // of the journal, by its head; "": nothing is known
	boot string // run of the host in which it was written
	size int64  // bytes of the journal that are durable
}

// marks is the open file; nil when it cannot be used.
type marks struct {
	f    *os.File
	path string
	slot int // place of the journal that is in use
	boot string
}

// openMarks opens the file. Without it everything goes on, and damage is judged
// more severely.
func openMarks(dir, boot string) *marks {
	m := &marks{path: filepath.Join(dir, markName), boot: boot}
	var err error
	if m.f, err = os.OpenFile(m.path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil
	}
	return m
}

// of reads what is known of the journal of that name.
func (m *marks) of(name string) mark {
	if m == nil || name == "" {
		return mark{}
	}
	text := make([]byte, 2*markSize)
	n, _ := m.f.ReadAt(text, 0)
	for slot := range 2 {
		if from := slot * markSize; from+markSize <= n {
			if found, ok := parseMark(string(text[from : from+markSize])); ok && found.name == name {
				m.slot = slot
				return found
			}
		}
	}
	return mark{}
}

func parseMark(text string) (found mark, ok bool) {
	sum, rest, _ := strings.Cut(strings.TrimRight(text, " \n"), " ")
	f := strings.Split(rest, " ")
	if len(f) != 3 || sum != markSum(rest) {
		return found, false
	}
	size, err := strconv.ParseInt(f[1], 10, 64)
	return mark{name: f[0], size: size, boot: f[2]}, err == nil
}

func markSum(text string) string {
	return fmt.Sprintf("%08x", crc32.Checksum([]byte(text), castagnoli))
}

// put says that so much of a journal is durable. Where it cannot be said, a file
// that says less must not stay.
func (m *marks) put(slot int, name string, size int64) {
	if m == nil || m.f == nil {
		return
	}
	text := fmt.Sprintf("%s %d %s", name, size, m.boot)
	text = markSum(text) + " " + text
	if n := markSize - 1 - len(text); n >= 0 {
		text += strings.Repeat(" ", n) + "\n"
	}
	if _, err := m.f.WriteAt([]byte(text), int64(slot*markSize)); err != nil {
		m.close()
		os.Remove(m.path) //nolint:errcheck // best effort
	}
}

func (m *marks) close() {
	if m != nil && m.f != nil {
		m.f.Close()
		m.f = nil
	}
}
