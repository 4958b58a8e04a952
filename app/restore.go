package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/manager/runner"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/backup"
	"github.com/bantoops/banto/store/postgres"
	"github.com/bantoops/banto/store/sqlite"
)

// marks is the table of marks, as Copier gives it.
var marks = store.Table{Name: "marks", Columns: []string{"name", "value"}} //nolint:gochecknoglobals // a name and two columns

// backup writes what the store keeps now.
func (s *Server) backup(ctx context.Context, w io.Writer) error {
	info := banto.BackupInfo{Version: s.opts.Version, At: time.Now().UTC()}
	var err error
	if info.Schema, err = s.store.Schema(ctx); err != nil {
		return err
	}
	if info.Incarnation, err = s.store.Incarnation(ctx); err != nil {
		return err
	}
	_, err = backup.Write(ctx, w, s.store, info)
	return err
}

// VerifyBackup reads a backup to its end, and says what it holds.
func VerifyBackup(_ context.Context, file string) (banto.BackupInfo, error) {
	f, err := openBackup(file)
	if err != nil {
		return banto.BackupInfo{}, err
	}
	defer f.Close()
	info, err := backup.Verify(f)
	return info, ofFile(err, file)
}

// ofFile names the file in an error about a backup.
func ofFile(err error, file string) error {
	var e *banto.ErrorInfo
	if !errors.As(err, &e) {
		return err
	}
	return banto.Fail(e.Kind, e.What+" "+file, e.Why, e.Hint).Because(err)
}

// CheckBackup reads a backup to its end as it comes, and says what it holds.
func CheckBackup(r io.Reader) (banto.BackupInfo, error) { return backup.Verify(r) }

func openBackup(file string) (*os.File, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, banto.Fail(banto.KindInvalid, "cannot read the backup "+file, reasonOf(err), "name another file").Because(err)
	}
	return f, nil
}

// Restore fills a new store with a backup: the directory in o.Data, which must
// have none, or the empty database at o.Store. The manager that is started on it
// begins held (banto.Recovery), under a new incarnation. The file is read twice:
// nothing is written before it is known to be whole.
func Restore(ctx context.Context, o Options, file string) (banto.BackupInfo, error) {
	info, err := VerifyBackup(ctx, file)
	if err != nil {
		return info, err
	}
	f, err := openBackup(file)
	if err != nil {
		return info, err
	}
	defer f.Close()
	rows, err := backup.NewReader(f)
	if err != nil {
		return info, err
	}
	if err := checkMarks(rows.Tables()); err != nil {
		return info, err
	}
	if now := time.Now().UTC(); info.At.After(now) {
		info.At = now // a clock that was ahead must not hide what was done since
	}
	into, undo, err := openEmpty(ctx, o)
	if err != nil {
		return info, err
	}
	err = checkSchema(ctx, into, info)
	if err == nil {
		err = cannotLoad(into.Load(ctx, rows.Tables(), withRecovery(rows, info)))
	}
	if err = errors.Join(err, into.Close()); err != nil {
		return info, errors.Join(err, undo())
	}
	return info, nil
}

// checkSchema refuses a backup of a newer store.
func checkSchema(ctx context.Context, into kept, info banto.BackupInfo) error {
	schema, err := into.Schema(ctx)
	if err == nil && schema < info.Schema {
		err = banto.Fail(banto.KindInvalid, "cannot restore the backup",
			fmt.Sprintf("the version %s wrote it, whose store is newer than this one's", info.Version), "use that version")
	}
	return err
}

// checkMarks refuses a backup in which the mark that holds the manager would not
// be what it is: the table of marks is there once, as every version has it.
func checkMarks(tables []store.Table) error {
	found := 0
	for _, t := range tables {
		if t.Name == marks.Name {
			found++
			if !slices.Equal(t.Columns, marks.Columns) {
				found = 2
			}
		}
	}
	if found != 1 {
		return banto.Fail(banto.KindInvalid, "cannot restore the backup", "its table of marks is not as a manager writes it", "take another: this one was made by something else")
	}
	return nil
}

// cannotLoad says of what a store refuses that it is the backup's fault.
func cannotLoad(err error) error {
	var told *banto.ErrorInfo
	if err == nil || errors.As(err, &told) {
		return err
	}
	return banto.Fail(banto.KindInvalid, "cannot restore the backup", err.Error(), "nothing was written").Because(err)
}

// openEmpty opens the store that is to be filled. undo takes away what was made
// for it.
func openEmpty(ctx context.Context, o Options) (into kept, undo func() error, err error) {
	if o.Store != "" {
		into, err := postgres.Open(ctx, o.Store, postgres.Options{Holder: holder(), Log: o.Log})
		return into, func() error { return nil }, err
	}
	dir := filepath.Join(o.Data, "store")
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, banto.Fail(banto.KindConflict, "cannot restore into "+o.Data, "there is a store already",
			"name another directory with --data, or move "+dir+" away").Because(err)
	}
	kept, err := sqlite.Open(ctx, dir, sqlite.Options{})
	return kept, func() error { return os.RemoveAll(dir) }, err
}

// withRecovery gives the rows of a backup, with the mark that lets the manager
// begin held in the place of one that the backup has.
func withRecovery(rows *backup.Reader, info banto.BackupInfo) func() (store.Row, error) {
	told := false
	return func() (store.Row, error) {
		for {
			row, err := rows.Next()
			if err == nil && row.Table == marks.Name && row.Values[0] == runner.RecoveryMark {
				continue
			}
			if errors.Is(err, io.EOF) && !told {
				told = true
				return recoveryMark("restore", info.At)
			}
			return row, err
		}
	}
}

// recoveryMark is the row that says how the next start is to be.
func recoveryMark(mode string, since time.Time) (store.Row, error) {
	body, err := json.Marshal(banto.Recovery{Held: true, Mode: mode, Since: since})
	return store.Row{Table: marks.Name, Values: []any{runner.RecoveryMark, string(body)}}, err
}
