package retention

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

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

// archive adds a tracker to the file of its month, and returns when it is on
// disk. What a crash has left half written is cut away first. What a crash has left half written is cut away first.
func (r *Retention) archive(ctx context.Context, t *banto.Tracker) (err error) {
	what := fmt.Sprintf("cannot put the tracker %s into the archive", t.ID)
	if err := os.MkdirAll(r.opt.Archive, 0o700); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	f, err := os.OpenFile(ArchiveFile(r.opt.Archive, t), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	from, err := r.mended(f)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	zip := gzip.NewWriter(f) // a member of its own: gzip files can be joined
	err = r.lines(ctx, json.NewEncoder(zip), t)
	if err = errors.Join(err, zip.Close()); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, errors.Join(err, f.Truncate(from)))
	}
	return nil
}

// mended gives the end of a file of the archive, where f then stands. The first
// time it is read through, and what is not whole at its end is cut away.
func (r *Retention) mended(f *os.File) (int64, error) {
	if r.whole[f.Name()] {
		return f.Seek(0, io.SeekEnd)
	}
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
	if !errors.Is(err, io.EOF) {
		r.opt.Log.Warn("the end of an archive is not whole, and is cut away", "file", f.Name(), "from", end, "error", err)
	}
	if err := f.Truncate(end); err != nil {
		return 0, err
	}
	r.whole[f.Name()] = true
	return f.Seek(end, io.SeekStart)
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
