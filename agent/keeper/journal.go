package keeper

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
)

// The journal is a file of lines "CRC LENGTH JSON\n": the CRC-32C of the JSON
// as eight hex digits and its length in bytes as another eight. JSON holds no
// line end, so that reading goes on behind a damaged line.

const lineHead = 8 + 1 + 8 + 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendRecord adds a record as a line.
func appendRecord(b []byte, r record) ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return b, fmt.Errorf("cannot write a record: %w", err)
	}
	b = fmt.Appendf(b, "%08x %08x ", crc32.Checksum(text, castagnoli), len(text))
	return append(append(b, text...), '\n'), nil
}

// reading is what was found in a journal.
type reading struct {
	records []record
	good    int // bytes up to the end of the last sound line
	damaged int // damaged stretches with sound lines behind them
}

// name is that of the file.
func (r reading) name() string {
	for _, r := range r.records {
		if r.Head != nil {
			return r.Head.Name
		}
	}
	return ""
}

// readRecords reads all sound lines. What follows the last of them is a torn
// tail: the write that a crash cut short, which nothing was built on.
func readRecords(b []byte) reading {
	var out reading
	broken := false
	for at := 0; at < len(b); {
		r, n, ok := readRecord(b[at:])
		if !ok {
			broken = true
			at += n
			continue
		}
		if broken {
			out.damaged++
			broken = false
		}
		out.records = append(out.records, r)
		at += n
		out.good = at
	}
	return out
}

// readRecord reads the line at the beginning of b and says how many bytes it
// takes; if it is damaged, how many to skip.
func readRecord(b []byte) (r record, n int, ok bool) {
	skip := len(b)
	if end := bytes.IndexByte(b, '\n'); end >= 0 {
		skip = end + 1
	}
	if len(b) < lineHead || b[8] != ' ' || b[17] != ' ' {
		return r, skip, false
	}
	sum, err := strconv.ParseUint(string(b[:8]), 16, 32)
	if err != nil {
		return r, skip, false
	}
	size, err := strconv.ParseUint(string(b[9:17]), 16, 32)
	if err != nil || size >= uint64(len(b)-lineHead) {
		return r, skip, false
	}
	text := b[lineHead : lineHead+int(size)]
	if crc32.Checksum(text, castagnoli) != uint32(sum) || json.Unmarshal(text, &r) != nil {
		return record{}, skip, false
	}
	// Whatever the byte behind it is, a line end once, the record is proved.
	return r, lineHead + int(size) + 1, true
}

// journal is the file, open for appending.
type journal struct {
	dir   string
	f     *os.File
	size  int64 // bytes that are known to be whole
	floor int64 // size when it was last compacted
	name  string
	marks *marks
	buf   []byte
}

// compactAbove is the size from which a journal that has doubled several
// times since the last compaction is compacted.
const compactAbove = 8 << 20

func (j *journal) path() string { return filepath.Join(j.dir, journalName) }

// found says what was wrong with a journal that was opened.
type found struct {
	damaged int    // places; claims may be lost
	doubt   bool   // its end is damaged, and whether that was ever acted on is not known
	aside   bool   // it was no file at all
	copied  string // how it comes from somewhere else; "" if it does not
}

// openJournal reads the journal of a directory on this machine. fresh makes a
// generation, for a journal that is not there, has lost records, or was copied
// from elsewhere: what is still on the way to the original is not for us.
func openJournal(dir string, here machine, fresh func() string) (j *journal, c *claims, was found, err error) {
	j = &journal{dir: dir}
	aside, err := j.putAside()
	if err != nil {
		return nil, nil, was, err
	}
	text, err := os.ReadFile(j.path())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, was, fmt.Errorf("cannot read the journal: %w", err)
	}
	boot := bootID()
	j.marks = openMarks(dir, boot)
	read := readRecords(text)
	synced := j.marks.of(read.name())
	c, was, err = replay(read, len(text), here, synced, boot, fresh)
	if err != nil {
		j.marks.close()
		return nil, nil, was, fmt.Errorf("cannot use the journal %s: %w", j.path(), err)
	}
	was.aside = aside
	if was.damaged > 0 || was.doubt {
		// Kept for a person to look at; the claims are written anew.
		os.WriteFile(j.path()+".damaged", text, 0o600) //nolint:errcheck // best effort
	}
	if err := j.compact(c); err != nil {
		if !was.sound() || read.good == 0 || j.goOn(read) != nil {
			j.marks.close()
			return nil, nil, was, err
		}
	}
	j.keepReserve()
	return j, c, was, nil
}

// sound says that nothing was wrong.
func (f found) sound() bool { return f == found{} }

// putAside takes away what has the journal's name and is no file: nobody can
// have written claims to it.
func (j *journal) putAside() (bool, error) {
	info, err := os.Lstat(j.path())
	if err != nil || !info.IsDir() {
		return false, nil //nolint:nilerr // reading it says more
	}
	if err := os.Rename(j.path(), j.path()+".damaged-"+newGeneration()); err != nil {
		return false, fmt.Errorf("cannot put aside the directory that stands in the journal's place: %w", err)
	}
	return true, nil
}

// goOn writes behind what is there: where there is no room to write it anew.
func (j *journal) goOn(read reading) error {
	f, err := os.OpenFile(j.path(), os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Truncate(int64(read.good)), f.Sync()); err != nil {
		f.Close()
		return err
	}
	j.f, j.size, j.floor, j.name = f, int64(read.good), int64(read.good), read.name()
	j.noteSynced()
	return nil
}

// replay makes the claims from what a journal of so many bytes holds, of which
// synced is known to have been durable, in this boot of the host.
func replay(read reading, size int, here machine, synced mark, boot string, fresh func() string) (c *claims, was found, err error) {
	c = newClaims("")
	for _, r := range read.records {
		if r.Head != nil && r.Head.Format > journalFormat {
			return nil, was, fmt.Errorf("it is of a newer version of banto (format %d)", r.Head.Format)
		}
		c.apply(r)
	}
	was = found{damaged: read.damaged, copied: here.differs(c.machine)}
	switch {
	case int64(read.good) < synced.size:
		was.damaged++
	case read.good < size && read.name() != "" && synced.boot != boot:
		was.doubt = true
	}
	c.machine = here.or(c.machine)
	if c.generation == "" || !was.sound() {
		c.generation, c.whole = fresh(), 0
	}
	return c, was, nil
}

// The reserve is a file that keeps some room on the disk: it is given up when
// the disk is full, so that what runs can still tell its result.
const (
	reserveName = "journal.reserve"
	reserveSize = 1 << 20
)

// keepReserve makes the reserve, when it is not there and there is room.
func (j *journal) keepReserve() {
	path := filepath.Join(j.dir, reserveName)
	if info, err := os.Stat(path); err == nil && info.Size() == reserveSize {
		return
	}
	if os.WriteFile(path, make([]byte, reserveSize), 0o600) != nil {
		os.Remove(path) //nolint:errcheck // half of it is better than nothing
	}
}

// giveReserve gives the reserve up; false when there is none.
func (j *journal) giveReserve() bool { return os.Remove(filepath.Join(j.dir, reserveName)) == nil }

// tryCompact compacts a journal that is large. When it cannot, the old one is as
// good as it was.
func (j *journal) tryCompact(c *claims, log *slog.Logger) {
	if err := j.compact(c); err != nil {
		log.Warn("the journal was not compacted", "error", err)
		j.floor = j.size
	}
}

// append writes records with one write, and one fsync if asked for. After an
// error the file is unsound: only compact makes it sound again.
func (j *journal) append(records []record, sync bool) error {
	if len(records) > 0 {
		buf := j.buf[:0]
		var err error
		for _, r := range records {
			if buf, err = appendRecord(buf, r); err != nil {
				return err
			}
		}
		if cap(buf) <= 1<<20 {
			j.buf = buf
		}
		if _, err := j.f.Write(buf); err != nil && !j.again(buf) {
			return fmt.Errorf("cannot write the journal: %w", err)
		}
		j.size += int64(len(buf))
	}
	if sync {
		if err := j.f.Sync(); err != nil {
			return fmt.Errorf("cannot write the journal: %w", err)
		}
		j.noteSynced()
	}
	return nil
}

// noteSynced says that all of it is durable.
func (j *journal) noteSynced() {
	if j.marks != nil {
		j.marks.put(j.marks.slot, j.name, j.size)
	}
}

// again writes what did not fit, once the reserve was given up.
func (j *journal) again(buf []byte) bool {
	if !j.giveReserve() || j.f.Truncate(j.size) != nil {
		return false
	}
	_, err := j.f.Write(buf)
	return err == nil
}

func (j *journal) close() {
	j.f.Close()
	j.marks.close()
}

// large says that the journal has grown enough to be worth compacting.
func (j *journal) large() bool { return j.size > compactAbove && j.size > 4*j.floor }

// compact puts a new journal that holds just these claims in the old one's
// place. At every moment one of the two is there, and whole.
func (j *journal) compact(c *claims) error {
	err := j.rewrite(c)
	if err != nil && j.giveReserve() {
		err = j.rewrite(c)
	}
	return err
}

func (j *journal) rewrite(c *claims) error {
	next := j.path() + ".new"
	f, err := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("cannot write the journal: %w", err)
	}
	fresh := journal{dir: j.dir, f: f, buf: j.buf, name: newGeneration()}
	records := c.snapshot()
	records[0].Head.Name = fresh.name
	if err := fresh.append(records, true); err != nil {
		f.Close()
		os.Remove(next)
		return err
	}
	// The other place, until the file has its name.
	if j.marks != nil {
		j.marks.put(1-j.marks.slot, fresh.name, fresh.size)
	}
	if fresh.f, err = putInPlace(f, j.f, next, j.path()); err != nil {
		return fmt.Errorf("cannot write the journal: %w", err)
	}
	fresh.floor, fresh.marks = fresh.size, j.marks
	if j.marks != nil {
		j.marks.slot = 1 - j.marks.slot
	}
	*j = fresh
	c.format = records[0].Head.Format
	return syncDir(j.dir)
}
