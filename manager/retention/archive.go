package retention

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/bantoops/banto"
)

// Records reads what belongs to a tracker.
type Records interface {
	Parts(ctx context.Context, id banto.TrackerID, since int64, after banto.PartKey, limit int) ([]banto.Part, error)
	Attempts(ctx context.Context, id banto.TrackerID, part banto.PartKey, after int, limit int) ([]banto.Attempt, error)
}

// Line is one line of an archive: a tracker, a part or an attempt of the tracker
// that stands before it.
type Line struct {
	Tracker *banto.Tracker `json:"tracker,omitempty"`
	Part    *banto.Part    `json:"part,omitempty"`
	Attempt *banto.Attempt `json:"attempt,omitempty"`
}

// ArchiveFile names the file of the month in which a tracker was submitted.
func ArchiveFile(dir string, t *banto.Tracker) string {
	return filepath.Join(dir, "trackers-"+t.SubmittedAt.UTC().Format("2006-01")+".jsonl.gz")
}

// archive adds trackers to the files of their months, in order, and returns when
// they are on disk. Neighbours share a file: it is written and synced once.
func (r *Retention) archive(ctx context.Context, all []due) error {
	if r.opt.Archive == "" {
		return nil
	}
	for from := 0; from < len(all); {
		path, to := ArchiveFile(r.opt.Archive, &all[from].Tracker), from+1
		for to < len(all) && ArchiveFile(r.opt.Archive, &all[to].Tracker) == path {
			to++
		}
		if err := r.add(ctx, path, all[from:to]); err != nil {
			delete(r.whole, path) // what was written of it may be there
			return fmt.Errorf("cannot put the tracker %s into the archive: %w", all[from].ID, err)
		}
		from = to
	}
	return nil
}

// add adds trackers to a file.
func (r *Retention) add(ctx context.Context, path string, all []due) (err error) {
	f, from, err := r.open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if r.zip == nil {
		r.zip = gzip.NewWriter(f)
	}
	r.zip.Reset(f) // a member of its own: gzip files can be joined
	out := json.NewEncoder(r.zip)
	for i := 0; err == nil && i < len(all); i++ {
		err = r.lines(ctx, out, &all[i].Tracker)
	}
	if err = errors.Join(err, r.zip.Close()); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return errors.Join(err, f.Truncate(from))
	}
	return nil
}

// open opens a file of the archive at its end, which it gives, or makes it. The
// first time it is read through.
func (r *Retention) open(path string) (*os.File, int64, error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, 0, err
	}
	if !r.whole[path] {
		if err := r.mend(path); err != nil {
			return nil, 0, err
		}
		r.whole[path] = true
	}
	_, err := os.Lstat(path)
	made := errors.Is(err, fs.ErrNotExist)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, 0, err
	}
	if made {
		err = syncDir(dir)
	}
	end, seekErr := f.Seek(0, io.SeekEnd)
	if err := errors.Join(err, seekErr); err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, end, nil
}

// mend sees to it that a file of the archive can be added to. What a crash has
// left half written at its end is cut away. A file that is damaged in another way
// is put aside, and nothing of it is lost.
func (r *Retention) mend(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	end, why := wholeUntil(f)
	if errors.Is(why, io.EOF) {
		return nil
	}
	torn := errors.Is(why, io.ErrUnexpectedEOF) || errors.Is(why, gzip.ErrHeader)
	if !torn && !errors.As(why, new(flate.CorruptInputError)) && !errors.Is(why, gzip.ErrChecksum) {
		return why // the disk cannot be read
	}
	if torn {
		follows, err := wholeBehind(f, end)
		if err != nil {
			return err
		}
		torn = !follows
	}
	if torn {
		r.opt.Log.Warn("the end of an archive is not whole, and is cut away", "file", path, "from", end, "error", why)
		return f.Truncate(end)
	}
	if err := f.Close(); err != nil {
		return err
	}
	aside, err := putAside(path)
	if err == nil {
		r.opt.Log.Error("an archive is damaged, and was put aside; a new one is begun", "file", path, "aside", aside, "from", end, "error", why)
	}
	return err
}

// putAside gives a file a name that no other has.
func putAside(path string) (string, error) {
	for n := 1; ; n++ {
		aside := path + ".damaged-" + strconv.Itoa(n)
		_, err := os.Lstat(aside)
		if err == nil {
			continue
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = os.Rename(path, aside)
		}
		if err == nil {
			err = syncDir(filepath.Dir(path))
		}
		return aside, err
	}
}

// wholeUntil reads gzip members from the start of a file, and gives where the last
// one ends that is whole, and why no other follows: io.EOF at the end.
func wholeUntil(f io.Reader) (int64, error) {
	in := &counted{r: bufio.NewReaderSize(f, 256<<10)}
	var end int64
	zip, err := gzip.NewReader(in)
	for err == nil {
		zip.Multistream(false)
		if _, err = io.Copy(io.Discard, zip); err != nil {
			break
		}
		end = in.n
		err = zip.Reset(in)
	}
	return end, err
}

// wholeBehind says whether a gzip member that is whole begins behind that place.
func wholeBehind(f *os.File, from int64) (bool, error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	in := bufio.NewReaderSize(io.NewSectionReader(f, from, info.Size()-from), 256<<10)
	for at := from; ; at++ {
		head, err := in.Peek(len(gzipMagic))
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if at > from && string(head) == gzipMagic {
			if end, _ := wholeUntil(io.NewSectionReader(f, at, info.Size()-at)); end > 0 {
				return true, nil
			}
		}
		if _, err := in.Discard(1); err != nil {
			return false, err
		}
	}
}

// gzipMagic begins every gzip member.
const gzipMagic = "\x1f\x8b\x08"

// syncDir puts names of files on disk. Windows has no way to be asked for it: NTFS
// keeps a journal of names.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// counted counts what is read, byte by byte where it is asked for so: then gzip
// reads no further than it must.
type counted struct {
	r *bufio.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (c *counted) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}

func (r *Retention) lines(ctx context.Context, out *json.Encoder, t *banto.Tracker) error {
	if err := out.Encode(Line{Tracker: t}); err != nil {
		return err
	}
	for after := banto.PartKey(""); ; {
		parts, err := r.opt.Store.Parts(ctx, t.ID, 0, after, page)
		if err != nil {
			return err
		}
		for i := range parts {
			after = parts[i].Key
			if err := out.Encode(Line{Part: &parts[i]}); err != nil {
				return err
			}
		}
		if len(parts) < page {
			break
		}
	}
	for after := 0; ; {
		attempts, err := r.opt.Store.Attempts(ctx, t.ID, "", after, page)
		if err != nil {
			return err
		}
		for i := range attempts {
			after = attempts[i].Seq
			if err := out.Encode(Line{Attempt: &attempts[i]}); err != nil {
				return err
			}
		}
		if len(attempts) < page {
			return nil
		}
	}
}
