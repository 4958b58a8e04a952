package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	sqldriver "database/sql/driver"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/pressly/goose/v3"
	driver "modernc.org/sqlite"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/sqltext"
)

//go:embed migrations/*.sql
var migrations embed.FS

// fileName is the name of the database in the data directory.
const fileName = "banto.db"

// applicationID marks the file as ours in its header: "BANT".
const applicationID = 0x42414e54

// Options are what Open can be told. The zero value is right for a manager.
type Options struct {
	// Rand makes the incarnation of a new store; crypto/rand if nil.
	Rand io.Reader

	unlocked bool // for tests: a second manager on the same directory
	maxPages int  // for tests: a disk that is soon full
}

// Store is a store in one SQLite file. All methods are safe for concurrent use.
type Store struct {
	*sqltext.Reader
	dir    string
	lock   *os.File
	writer *writer
	reader *sql.DB

	turn   chan struct{}                  // holds one token: who has it may write
	rows   map[banto.TrackerID]trackerRow // of trackers that have not ended, as far as is known
	epoch  int64
	seq    int64
	closed bool
	proved atomic.Int64 // boottime of the last transaction's begin

	reading sync.Map // SQL text to *sql.Stmt of the reader
	tokens  tokens
}

var _ store.Store = (*Store)(nil)

// Open opens the store in a directory and makes it when it is not there. The
// directory is this process's own until Close. Errors are *banto.ErrorInfo
// that say what to do; ErrInUse, ErrNewer and ErrDamaged are told apart by
// errors.Is.
func Open(ctx context.Context, dir string, opt Options) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, cannotOpen(dir, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, cannotOpen(dir, err)
	}
	s := &Store{dir: dir, turn: make(chan struct{}, 1), rows: map[banto.TrackerID]trackerRow{}}
	s.Reader = &sqltext.Reader{DB: asking{s: s}, Hints: true}
	if !opt.unlocked {
		if s.lock, err = lockDir(dir); err != nil {
			return nil, cannotOpen(dir, err)
		}
	}
	if err := s.open(ctx, opt); err != nil {
		_ = s.closeAll() // why it did not open says more
		return nil, cannotOpen(dir, err)
	}
	s.turn <- struct{}{}
	return s, nil
}

func (s *Store) open(ctx context.Context, opt Options) error {
	path := filepath.Join(s.dir, fileName)
	// SQLite would make the file, and those beside it, readable for others.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	file := theFile(path, "rw", "foreign_keys(1)", "synchronous(FULL)", "fullfsync(1)", "checkpoint_fullfsync(1)",
		"cache_size(-32000)", "temp_store(MEMORY)")
	conn, err := file.Connect(ctx)
	if err != nil {
		return err
	}
	s.writer = newWriter(conn)
	if opt.maxPages > 0 {
		var most int64
		if err := s.writer.numbers("PRAGMA max_page_count = "+strconv.Itoa(opt.maxPages), nil, &most); err != nil {
			return err
		}
	}
	if err := prepare(ctx, conn, file.driver); err != nil {
		return err
	}
	if err := s.incarnate(opt.Rand); err != nil {
		return err
	}
	readers := max(4, runtime.NumCPU())
	s.reader = sql.OpenDB(theFile(path, "ro", "query_only(1)", "cache_size(-8000)", "temp_store(MEMORY)"))
	s.reader.SetMaxOpenConns(readers)
	s.reader.SetMaxIdleConns(readers)
	return s.reader.PingContext(ctx)
}

// prepare makes the file one of ours, with this version's schema.
func prepare(ctx context.Context, conn sqldriver.Conn, by sqldriver.Driver) (err error) {
	whole, ok := conn.(wholeConn)
	if !ok {
		return fmt.Errorf("cannot use a %T of the driver", conn)
	}
	db := sql.OpenDB(lender{lent{whole}, by})
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := claim(ctx, db); err != nil {
		return err
	}
	return migrate(ctx, db)
}

// theFile says how the file is opened; nothing is opened before it is used.
func theFile(path, mode string, pragmas ...string) connector {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") { // C:/data
		path = "/" + path
	}
	q := url.Values{"mode": {mode}, "_dqs": {"0"}, "_pragma": append([]string{"busy_timeout(10000)"}, pragmas...)}
	u := url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}
	return connector{dsn: u.String(), driver: &driver.Driver{}}
}

// claim makes sure that the file is a database of ours, or a new one, before
// anything in it is changed.
func claim(ctx context.Context, db *sql.DB) error {
	var id, objects int
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return err
	}
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&objects); err != nil {
		return err
	}
	if id != applicationID && (id != 0 || objects != 0) {
		return fmt.Errorf("%w: %s is a database of another program", store.ErrDamaged, fileName)
	}
	for _, pragma := range []string{
		fmt.Sprintf("PRAGMA application_id = %d", applicationID),
		"PRAGMA journal_mode = WAL",
		"PRAGMA wal_autocheckpoint = 4000",     // pages: 16 MB
		"PRAGMA journal_size_limit = 67108864", // cut the log after a large transaction
	} {
		if _, err := db.ExecContext(ctx, pragma); err != nil {
			return err
		}
	}
	return nil
}

// migrate brings the schema to this version, and refuses a newer one.
func migrate(ctx context.Context, db *sql.DB) error {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, sub,
		goose.WithDisableGlobalRegistry(true), goose.WithTableName("schema_version"))
	if err != nil {
		return err
	}
	has, knows, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	if has > knows {
		return fmt.Errorf("%w: its schema is number %d, and this one knows %d", store.ErrNewer, has, knows)
	}
	_, err = p.Up(ctx)
	return err
}

// incarnate gives a new store its incarnation.
func (s *Store) incarnate(random io.Reader) error {
	if random == nil {
		random = rand.Reader
	}
	b := make([]byte, 16)
	if _, err := io.ReadFull(random, b); err != nil {
		return err
	}
	_, err := s.writer.exec(
		"INSERT INTO info (name, value) VALUES ('incarnation', ?) ON CONFLICT (name) DO NOTHING", hex.EncodeToString(b))
	return err
}

// Close waits for the transaction that runs, and lets go of the directory.
func (s *Store) Close() error {
	<-s.turn
	defer func() { s.turn <- struct{}{} }()
	if s.closed {
		return nil
	}
	s.closed = true
	return s.closeAll()
}

// closeAll closes what is open; the writer last, so that it can fold the log
// into the database, and the lock after it.
func (s *Store) closeAll() error {
	var errs []error
	if s.reader != nil {
		errs = append(errs, s.reader.Close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}
