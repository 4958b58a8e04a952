package sqlite

import (
	"errors"
	"fmt"
	"io/fs"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// code gives the primary result code of an error of SQLite, or -1.
func code(err error) int {
	var e *driver.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return -1
}

// cannotOpen says why a directory's store does not open, and what to do.
func cannotOpen(dir string, err error) error {
	what := "cannot open the store in " + dir
	fail := func(why, hint string, cause error) error {
		return banto.Fail(banto.KindInvalid, what, why, hint).Because(cause)
	}
	var used *inUseError
	var path *fs.PathError
	switch {
	case errors.As(err, &used):
		return fail(used.who+" uses it", "stop it, or give another --data", err)
	case errors.Is(err, store.ErrNewer):
		return fail("a newer version of Banto wrote it", "use that version, or give another --data", err)
	case errors.Is(err, store.ErrDamaged):
		return fail(fileName+" is a database of another program", "give another --data", err)
	case code(err) == codes.SQLITE_NOTADB, code(err) == codes.SQLITE_CORRUPT:
		return fail(fileName+" is damaged, or not a database", "put a backup in its place, or give another --data",
			fmt.Errorf("%w: %w", store.ErrDamaged, err))
	case code(err) == codes.SQLITE_FULL:
		return fail("the disk is full", "free space on it, or give another --data", fmt.Errorf("%w: %w", store.ErrFull, err))
	case errors.As(err, &path):
		return fail(path.Path+": "+path.Err.Error(), "give a directory that you may write with --data", err)
	case code(err) == codes.SQLITE_CANTOPEN, code(err) == codes.SQLITE_READONLY:
		return fail(fileName+" or a file beside it cannot be written", "give a directory that you may write with --data", err)
	}
	return fail(err.Error(), "", err)
}

// explain makes the error of a statement one that people can act on, where
// there is something to do.
func (s *Store) explain(err error) error {
	switch code(err) {
	case codes.SQLITE_FULL:
		return banto.Fail(banto.KindUnavailable, "cannot write the store", "the disk of "+s.dir+" is full",
			"free space on it; nothing was half written").Because(fmt.Errorf("%w: %w", store.ErrFull, err))
	case codes.SQLITE_CORRUPT, codes.SQLITE_NOTADB:
		return banto.Fail(banto.KindInternal, "cannot use the store", fileName+" in "+s.dir+" is damaged",
			"stop the manager and put a backup in its place").Because(fmt.Errorf("%w: %w", store.ErrDamaged, err))
	case codes.SQLITE_IOERR:
		return banto.Fail(banto.KindUnavailable, "cannot use the store", "the disk of "+s.dir+" gives errors: "+err.Error(),
			"look at the system's log for the disk").Because(err)
	}
	return err
}
