package keeper

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/encodings"
	"github.com/bantoops/banto/internal/spare"
)

// tailKept is how much of the end of an output is kept when it passes its
// limit.
const tailKept = 64 << 10

// kept is the output of one attempt on disk: its head up to the limit as it
// comes, and, once the attempt has ended, a line that says what was cut and
// the last tailKept bytes. The file is made with the first byte.
type kept struct {
	path     string
	limit    int64
	want     int    // bytes of the head to keep in memory
	encoding string // of what comes, for the head as text
	grown    func() // called after the file has grown
	spares   *spare.Files

	size atomic.Int64 // bytes on disk
	f    *os.File
	head []byte
	tail []byte // ring, once the limit was passed
	next int    // where in the ring the next byte goes
	over int64  // bytes behind the limit
	lost int64
	fail error // the first write that failed
}

// resume goes on with a file that an earlier keeper has begun.
func (o *kept) resume() {
	if info, err := os.Stat(o.path); err == nil {
		o.size.Store(info.Size())
	}
	if o.want > 0 {
		if f, err := os.Open(o.path); err == nil {
			head := make([]byte, o.want)
			n, _ := f.ReadAt(head, 0)
			o.head = head[:n]
			f.Close()
		}
	}
}

func (o *kept) write(p []byte) {
	if room := o.want - len(o.head); room > 0 {
		o.head = append(o.head, p[:min(room, len(p))]...)
	}
	if room := o.limit - o.size.Load(); room > 0 && o.fail == nil {
		n := min(int(min(room, 1<<30)), len(p))
		p = p[o.save(p[:n]):]
	}
	if len(p) > 0 {
		o.keepTail(p)
	}
}

// save writes to the file and says how much of it got there.
func (o *kept) save(p []byte) int {
	if o.f == nil {
		if o.f, o.fail = o.create(); o.fail != nil {
			return 0
		}
	}
	n, err := o.f.Write(p)
	if err != nil {
		o.fail = err
	}
	if n > 0 {
		o.size.Add(int64(n))
		o.grown()
	}
	return max(n, 0)
}

// create opens the file, made ahead where that can be.
func (o *kept) create() (*os.File, error) {
	f, err := o.spares.Open(o.path)
	if errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(o.path), 0o700); err != nil {
			return nil, err
		}
		f, err = o.spares.Open(o.path)
	}
	return f, err
}

func (o *kept) keepTail(p []byte) {
	o.over += int64(len(p))
	if o.tail == nil {
		o.tail = make([]byte, tailKept)
	}
	if len(p) > tailKept {
		p = p[len(p)-tailKept:]
	}
	n := copy(o.tail[o.next:], p)
	if n < len(p) {
		copy(o.tail, p[n:])
	}
	o.next = (o.next + len(p)) % tailKept
}

// finish writes the tail and closes the file.
func (o *kept) finish() {
	if o.over > 0 {
		end := o.tail[:o.next]
		if o.over >= tailKept {
			end = append(o.tail[o.next:len(o.tail):len(o.tail)], o.tail[:o.next]...)
		}
		o.lost = o.over - int64(len(end))
		first := o.fail
		o.fail = nil
		if o.lost > 0 {
			o.save(fmt.Appendf(nil, "\n[… %d bytes cut …]\n", o.lost))
		}
		if o.fail == nil {
			o.lost += int64(len(end) - o.save(end))
		} else {
			o.lost += int64(len(end))
		}
		if first != nil {
			o.fail = first
		}
		o.tail = nil
	}
	if o.f != nil {
		o.f.Close()
	}
}

// headText gives the head as text: what makes no sense in its encoding, and
// NUL, which no store takes, as the replacement character.
func (o *kept) headText() string {
	if len(o.head) == 0 {
		return ""
	}
	text := encodings.Text(o.encoding, o.head, len(o.head) < o.want)
	return cutText(strings.ReplaceAll(text, "\x00", "\uFFFD"), min(o.want, banto.MaxOutputHead))
}

// cutText cuts a text at a limit of bytes, between characters.
func cutText(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// The buffers of the reads that are under way. A job that is silent has none.
type bufferPool struct{ p sync.Pool }

const bufferSize = 64 << 10

func (b *bufferPool) get() *[bufferSize]byte {
	if buf, ok := b.p.Get().(*[bufferSize]byte); ok {
		return buf
	}
	return new([bufferSize]byte)
}

func (b *bufferPool) put(buf *[bufferSize]byte) { b.p.Put(buf) }

// headWanted says how many bytes of the head a result carries. Other encodings
// may take more bytes than UTF-8 for the same text.
func headWanted(claim claimRecord) int {
	switch {
	case !claim.WantOutput:
		return 0
	case claim.Encoding != "":
		return 2 * banto.MaxOutputHead
	}
	return banto.MaxOutputHead
}
