package backup

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// Format is that of the files that are written.
const Format = 1

// maxLine bounds one row, in bytes: a script or a flow may be long.
const maxLine = 64 << 20

// header is the first line.
type header struct {
	What   string           `json:"what"`
	Info   banto.BackupInfo `json:"info"`
	Tables []store.Table    `json:"tables"`
}

// what begins every file.
const what = "banto backup"

// trailer is the last line.
type trailer struct {
	End    bool   `json:"end"`
	Rows   int64  `json:"rows"`
	SHA256 string `json:"sha256"`
}

// blob is how bytes stand in a row.
type blob struct {
	B []byte `json:"b"`
}

// Write writes all that a store keeps at one moment. info says of which store
// and when; its numbers are counted.
func Write(ctx context.Context, w io.Writer, from store.Copier, info banto.BackupInfo) (banto.BackupInfo, error) {
	zip := gzip.NewWriter(w)
	out := &lines{w: bufio.NewWriterSize(zip, 64<<10), sum: sha256.New()}
	tables := from.Tables()
	number := make(map[string]int, len(tables))
	for i, t := range tables {
		number[t.Name] = i
	}
	info.Format = Format
	if err := out.put(header{What: what, Info: info, Tables: tables}); err != nil {
		return info, cannotWrite(err)
	}
	err := from.Dump(ctx, func(r store.Row) error {
		i, ok := number[r.Table]
		if !ok || len(r.Values) != len(tables[i].Columns) {
			return fmt.Errorf("a row of %s does not fit its table", r.Table)
		}
		line := make([]any, 0, len(r.Values)+1)
		line = append(line, i)
		for _, v := range r.Values {
			if b, ok := v.([]byte); ok {
				v = blob{b}
			}
			line = append(line, v)
		}
		count(&info, tables[i], r)
		return out.put(line)
	})
	if err != nil {
		return info, cannotWrite(err)
	}
	info.Bytes = out.size
	sum := hex.EncodeToString(out.sum.Sum(nil))
	if err := out.put(trailer{End: true, Rows: info.Rows, SHA256: sum}); err != nil {
		return info, cannotWrite(err)
	}
	if err := out.w.Flush(); err != nil {
		return info, cannotWrite(err)
	}
	if err := zip.Close(); err != nil {
		return info, cannotWrite(err)
	}
	return info, nil
}

func cannotWrite(err error) error { return fmt.Errorf("cannot write the backup: %w", err) }

// count counts a row for people.
func count(info *banto.BackupInfo, t store.Table, r store.Row) {
	info.Rows++
	switch t.Name {
	case "trackers":
		info.Trackers++
	case "hosts":
		info.Hosts++
	case "definitions":
		var kind, active any
		for i, c := range t.Columns {
			switch c {
			case "kind":
				kind = r.Values[i]
			case "active":
				active = r.Values[i]
			}
		}
		if kind == string(store.KindJobnet) && active == int64(1) {
			info.Jobnets++
		}
	}
}

// lines writes lines, and sums up what was written.
type lines struct {
	w    *bufio.Writer
	sum  hash.Hash
	size int64
}

func (l *lines) put(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	l.sum.Write(line)
	l.size += int64(len(line))
	_, err = l.w.Write(line)
	return err
}

// Reader reads a file row by row.
type Reader struct {
	zip    *gzip.Reader
	in     *bufio.Reader
	sum    hash.Hash
	head   header
	info   banto.BackupInfo
	failed error
}

// NewReader reads the first line. What is no backup, or of a newer form, is
// refused in words.
func NewReader(r io.Reader) (*Reader, error) {
	zip, err := gzip.NewReader(r)
	if err != nil {
		return nil, notOurs("it is not compressed as backups are", err)
	}
	b := &Reader{zip: zip, in: bufio.NewReaderSize(zip, 64<<10), sum: sha256.New()}
	line, err := b.line()
	if err != nil {
		return nil, notOurs("its first line cannot be read", err)
	}
	if err := json.Unmarshal(line, &b.head); err != nil || b.head.What != what {
		return nil, notOurs("its first line is not that of a backup", err)
	}
	if b.head.Info.Format > Format {
		return nil, banto.Fail(banto.KindInvalid, "cannot read the backup",
			fmt.Sprintf("its form is number %d, and this version knows %d", b.head.Info.Format, Format), "use the version that wrote it: "+b.head.Info.Version)
	}
	b.sum.Write(line)
	b.info = b.head.Info
	b.info.Bytes = int64(len(line))
	return b, nil
}

func notOurs(why string, err error) error {
	return banto.Fail(banto.KindInvalid, "cannot read the backup", why, "is it the right file?").Because(err)
}

// damaged says that the file cannot be used. It is never io.EOF, which says that
// the file was whole.
func damaged(why string, err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return banto.Fail(banto.KindInvalid, "cannot use the backup", why, "take another: this one was cut, or has changed since it was written").Because(err)
}

// Tables gives the tables that it has.
func (b *Reader) Tables() []store.Table { return b.head.Tables }

// Info says what it holds; the numbers are those of what was read so far.
func (b *Reader) Info() banto.BackupInfo { return b.info }

// Next gives the next row, and io.EOF when the file was whole. After another
// error nothing of it may be used.
func (b *Reader) Next() (store.Row, error) {
	if b.failed != nil {
		return store.Row{}, b.failed
	}
	row, err := b.next()
	b.failed = err
	return row, err
}

func (b *Reader) next() (store.Row, error) {
	line, err := b.line()
	if err != nil {
		return store.Row{}, damaged(fmt.Sprintf("it ends, or cannot be read, behind row %d", b.info.Rows), err)
	}
	if line[0] == '{' {
		return store.Row{}, b.end(line)
	}
	row, err := b.row(line)
	if err != nil {
		return row, damaged(fmt.Sprintf("row %d cannot be read", b.info.Rows+1), err)
	}
	b.sum.Write(line)
	b.info.Bytes += int64(len(line))
	return row, nil
}

// row reads the line of a row.
func (b *Reader) row(line []byte) (store.Row, error) {
	in := json.NewDecoder(bytes.NewReader(line))
	if open, err := in.Token(); err != nil || open != json.Delim('[') {
		return store.Row{}, errors.Join(errors.New("it is no list"), err)
	}
	var i int
	if err := in.Decode(&i); err != nil || i < 0 || i >= len(b.head.Tables) {
		return store.Row{}, errors.Join(errors.New("it names no table"), err)
	}
	t := b.head.Tables[i]
	row := store.Row{Table: t.Name, Values: make([]any, len(t.Columns))}
	for n, column := range t.Columns {
		var text json.RawMessage
		if err := in.Decode(&text); err != nil {
			return row, fmt.Errorf("it has not the %d values of %s: %w", len(t.Columns), t.Name, err)
		}
		v, err := value(text)
		if err != nil {
			return row, fmt.Errorf("%s of %s: %w", column, t.Name, err)
		}
		row.Values[n] = v
	}
	if end, err := in.Token(); err != nil || end != json.Delim(']') {
		return row, errors.Join(fmt.Errorf("it has more than the %d values of %s", len(t.Columns), t.Name), err)
	}
	count(&b.info, t, row)
	return row, nil
}

// value reads one value of a row.
func value(text json.RawMessage) (any, error) {
	switch {
	case len(text) == 0:
		return nil, fmt.Errorf("there is no value")
	case string(text) == "null":
		return nil, nil
	case text[0] == '"':
		var s string
		err := json.Unmarshal(text, &s)
		return s, err
	case text[0] == '{':
		var b struct {
			B *string `json:"b"`
		}
		if err := json.Unmarshal(text, &b); err != nil || b.B == nil {
			return nil, fmt.Errorf("it is not bytes: %w", err)
		}
		return base64.StdEncoding.DecodeString(*b.B)
	}
	var n int64
	err := json.Unmarshal(text, &n)
	return n, err
}

// end checks the last line.
func (b *Reader) end(line []byte) error {
	var t trailer
	if err := json.Unmarshal(line, &t); err != nil || !t.End {
		return damaged("its last line cannot be read", err)
	}
	if sum := hex.EncodeToString(b.sum.Sum(nil)); t.SHA256 != sum || t.Rows != b.info.Rows {
		return damaged(fmt.Sprintf("its sum is not that of its %d rows", b.info.Rows), nil)
	}
	if _, err := b.in.ReadByte(); !errors.Is(err, io.EOF) {
		return damaged("something stands behind its last line", err)
	}
	return io.EOF
}

// line reads a line with its end.
func (b *Reader) line() ([]byte, error) {
	var whole []byte
	for {
		piece, err := b.in.ReadSlice('\n')
		whole = append(whole, piece...)
		switch {
		case err == nil:
			return whole, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		case len(whole) > maxLine:
			return nil, fmt.Errorf("a line is longer than %d MiB", maxLine>>20)
		}
	}
}

// Verify reads a file to its end, and says what it holds.
func Verify(r io.Reader) (banto.BackupInfo, error) {
	b, err := NewReader(r)
	if err != nil {
		return banto.BackupInfo{}, err
	}
	for {
		if _, err := b.Next(); errors.Is(err, io.EOF) {
			return b.Info(), nil
		} else if err != nil {
			return b.Info(), err
		}
	}
}
