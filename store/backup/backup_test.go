package backup_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/backup"
)

// shelf is a store of three rows and as many kinds of value.
type shelf struct {
	rows []store.Row
	err  error
}

func (s *shelf) Tables() []store.Table {
	return []store.Table{{Name: "definitions", Columns: []string{"kind", "active", "source"}}, {Name: "hosts", Columns: []string{"id", "seen", "key"}}}
}
func (s *shelf) Schema(context.Context) (int64, error) { return 3, nil }
func (s *shelf) Dump(_ context.Context, each func(store.Row) error) error {
	for _, r := range s.rows {
		if err := each(r); err != nil {
			return err
		}
	}
	return s.err
}
func (s *shelf) Load(context.Context, []store.Table, func() (store.Row, error)) error { return nil }

func full() *shelf {
	return &shelf{rows: []store.Row{
		{Table: "definitions", Values: []any{"jobnet", int64(1), "夜間 \"line\"\n<&>\u2028"}},
		{Table: "definitions", Values: []any{"jobnet", int64(0), ""}},
		{Table: "hosts", Values: []any{"h-1", nil, []byte{0, 255, '\n'}}},
		{Table: "hosts", Values: []any{"h-2", int64(math.MinInt64), []byte{}}},
		{Table: "hosts", Values: []any{"h-3", int64(math.MaxInt64), bytes.Repeat([]byte("x"), 20_000)}},
	}}
}

func written(t testing.TB, s *shelf) []byte {
	t.Helper()
	var b bytes.Buffer
	info, err := backup.Write(context.Background(), &b, s, banto.BackupInfo{Version: "1.2", Incarnation: "abc", At: time.Unix(1, 0).UTC(), Schema: 3})
	if err != nil {
		t.Fatal(err)
	}
	if info.Rows != 5 || info.Hosts != 3 || info.Jobnets != 1 || info.Format != backup.Format {
		t.Errorf("it says %+v", info)
	}
	return b.Bytes()
}

func read(r io.Reader) ([]store.Row, banto.BackupInfo, error) {
	b, err := backup.NewReader(r)
	if err != nil {
		return nil, banto.BackupInfo{}, err
	}
	var rows []store.Row
	for {
		row, err := b.Next()
		if errors.Is(err, io.EOF) {
			return rows, b.Info(), nil
		}
		if err != nil {
			return rows, b.Info(), err
		}
		rows = append(rows, row)
	}
}

func TestWhatWasWrittenIsRead(t *testing.T) {
	s := full()
	rows, info, err := read(bytes.NewReader(written(t, s)))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(rows, s.rows) {
		t.Errorf("read %v", rows)
	}
	if info.Version != "1.2" || info.Incarnation != "abc" || !info.At.Equal(time.Unix(1, 0)) || info.Rows != 5 || info.Bytes == 0 {
		t.Errorf("it says %+v", info)
	}
}

// Whatever is cut off or changed is found out before the end.
func TestDamageIsFoundOut(t *testing.T) {
	whole := written(t, full())
	for cut := range len(whole) {
		if _, err := backup.Verify(bytes.NewReader(whole[:cut])); err == nil {
			t.Fatalf("cut after %d of %d bytes: taken", cut, len(whole))
		} else if banto.KindOf(err) != banto.KindInvalid {
			t.Fatalf("cut after %d: %v", cut, err)
		}
	}
	chance := rand.New(rand.NewPCG(7, 7))
	for range 2000 {
		bad := bytes.Clone(whole)
		at := 10 + chance.IntN(len(bad)-10) // the name and time of gzip's own header are not ours
		bad[at] ^= byte(1 << chance.IntN(8))
		rows, info, err := read(bytes.NewReader(bad))
		if err == nil && (!reflect.DeepEqual(rows, full().rows) || info.Version != "1.2") {
			t.Fatalf("byte %d changed: taken: %d rows, %+v", at, len(rows), info)
		}
	}
	if _, err := backup.Verify(bytes.NewReader(append(bytes.Clone(whole), whole...))); err == nil {
		t.Error("two files in one are taken")
	}
	if _, err := backup.Verify(bytes.NewReader([]byte("SQLite format 3\x00"))); err == nil {
		t.Error("a file of another kind is taken")
	}
}

func TestAStoreThatFailsGivesNoWholeFile(t *testing.T) {
	s := full()
	s.err = errors.New("the disk is gone")
	var b bytes.Buffer
	if _, err := backup.Write(context.Background(), &b, s, banto.BackupInfo{}); !errors.Is(err, s.err) {
		t.Errorf("got %v", err)
	}
	if _, err := backup.Verify(&b); err == nil {
		t.Error("what was written can be used")
	}
}

func FuzzReader(f *testing.F) {
	f.Add(written(f, full()))
	f.Add([]byte("x"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _, _ = read(io.LimitReader(bytes.NewReader(data), 1<<20))
	})
}
