package postgres

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/seldom"
	"github.com/bantoops/banto/store"
	"github.com/bantoops/banto/store/sqltext"
)

//go:embed migrations/*.sql
var migrations embed.FS

// oldest is the first version of PostgreSQL that will do.
const oldest = 140000

var errTooOld = errors.New("the server is too old")

// Options are what Open can be told. The zero value is right for tests.
type Options struct {
	// Holder names this process among the managers of the store; its
	// connections carry it as their application's name.
	Holder string
	Log    *slog.Logger
	// Rand makes the incarnation of a new store; crypto/rand if nil.
	Rand io.Reader
	// Patience is how long one transaction may take; 20 s if zero.
	Patience time.Duration
}

// Store is a store in a database of PostgreSQL. All methods are safe for
// concurrent use.
type Store struct {
	*sqltext.Reader
	opt   Options
	log   *slog.Logger
	where string // the address without the password
	pools *pgxpool.Config
	pool  *pgxpool.Pool // reads, and what needs no lease
	out   *outputs
	texts texts

	turn    chan struct{} // holds one token: who has it may write
	w       *writer       // its connection; nil when there is none
	holder  string
	epoch   int64
	seq     int64
	deposed bool // another manager has been seen to be active
	unsure  bool // a transaction may have been written: see doc.go
	behind  bool // one was, and who remembers what was read before has not been told
	closed  bool
	known   map[banto.TrackerID]identity
	newest  int64 // no tracker has a higher seq; 0: not known
	absent  absent
	proved  atomic.Int64 // boottime of the last transaction's begin

	session *session // says that the holder of the lease lives
	blocked atomic.Pointer[blocking]
	seldom  *seldom.Log
}

var _ store.Store = (*Store)(nil)

// Open opens the store at an address such as
// postgres://user:password@host:5432/database, and makes its tables when they
// are not there. Several managers may have it open. Errors are
// *banto.ErrorInfo that say what to do; ErrNewer and ErrDamaged are told apart
// by errors.Is.
func Open(ctx context.Context, url string, opt Options) (*Store, error) {
	s := &Store{opt: opt, log: opt.Log, holder: opt.Holder, turn: make(chan struct{}, 1)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.seldom = seldom.New(s.log, nil)
	if s.opt.Patience == 0 {
		s.opt.Patience = patience
	}
	s.Reader = &sqltext.Reader{}
	if err := s.configure(url); err != nil {
		return nil, err
	}
	if err := s.open(ctx); err != nil {
		s.closeAll()
		return nil, s.cannotOpen(err)
	}
	s.turn <- struct{}{}
	return s, nil
}

// configure reads the address.
func (s *Store) configure(url string) error {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		// The library's text names the address; it is not told further.
		return banto.Fail(banto.KindInvalid, "cannot open the store", "the address cannot be read: "+plainly(err, url),
			"write it as postgres://user:password@host:5432/database")
	}
	c := cfg.ConnConfig
	s.where = net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))) + "/" + c.Database
	if c.ConnectTimeout == 0 || c.ConnectTimeout > 2*dialTime {
		c.ConnectTimeout = dialTime
	}
	if len(c.Fallbacks) > 0 && c.ValidateConnect == nil {
		c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	s.pools = cfg
	s.pool, err = s.newPool(cfg, readers(), readSettings)
	if err != nil {
		return s.cannotOpen(err)
	}
	s.DB = asking{s, s.pool}
	out, err := s.newPool(cfg, outputConnections, outputSettings)
	if err != nil {
		return s.cannotOpen(err)
	}
	s.out = newOutputs(s, out)
	return nil
}

func (s *Store) config() *pgx.ConnConfig {
	if s.pools == nil {
		return nil
	}
	return s.pools.ConnConfig
}

func (s *Store) open(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	conn, err := s.connect(ctx, "")
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var version int
	var fsync, encoding string
	row := conn.QueryRow(ctx, "SELECT current_setting('server_version_num')::int, current_setting('fsync'), current_setting('server_encoding')")
	if err := row.Scan(&version, &fsync, &encoding); err != nil {
		return err
	}
	if err := newEnough(version); err != nil {
		return err
	}
	if encoding != "UTF8" { // any text that it does not know would look like a store that is ill
		return banto.Fail(banto.KindInvalid, "cannot open the store", "the database's encoding is "+encoding+", and must be UTF8",
			"make one with: CREATE DATABASE banto ENCODING 'UTF8' TEMPLATE template0")
	}
	if fsync != "on" {
		s.log.Warn("the PostgreSQL server does not force to disk what it commits (fsync is off): a loss of power loses jobs")
	}
	// One process at a time makes or changes the tables.
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1, 0)", lockClass); err != nil {
		return err
	}
	if err := claim(ctx, conn); err != nil {
		return err
	}
	if err := s.migrate(ctx, conn); err != nil {
		return err
	}
	return s.incarnate(ctx, conn)
}

func newEnough(version int) error {
	if version < oldest {
		return fmt.Errorf("%w: PostgreSQL %d", errTooOld, version/10000)
	}
	return nil
}

// claim makes sure that the schema is ours, or empty, before anything in it is
// changed.
func claim(ctx context.Context, conn *pgx.Conn) error {
	var others, ours int
	err := conn.QueryRow(ctx, "SELECT count(*), count(*) FILTER (WHERE c.relname IN ('schema_version', 'lease', 'info'))"+
		" FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"+
		" WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND NOT EXISTS ("+
		"SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')").Scan(&others, &ours)
	if err != nil {
		return err
	}
	if others > 0 && ours != 3 {
		return fmt.Errorf("%w: the schema holds tables of another program", store.ErrDamaged)
	}
	return nil
}

// migrate brings the schema to this version, and refuses a newer one.
func (s *Store) migrate(ctx context.Context, conn *pgx.Conn) error {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*conn.Config())
	defer func() { _ = db.Close() }()
	p, err := goose.NewProvider(goose.DialectPostgres, db, sub,
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
	if has < knows {
		_, err = p.Up(ctx)
	}
	return err
}

// incarnate gives a new store its incarnation.
func (s *Store) incarnate(ctx context.Context, conn *pgx.Conn) error {
	random := s.opt.Rand
	if random == nil {
		random = rand.Reader
	}
	b := make([]byte, 16)
	if _, err := io.ReadFull(random, b); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, "INSERT INTO info (name, value) VALUES ('incarnation', $1) ON CONFLICT (name) DO NOTHING", hex.EncodeToString(b))
	return err
}

// Close waits for the transaction that runs, and ends all connections.
func (s *Store) Close() error {
	<-s.turn
	defer func() { s.turn <- struct{}{} }()
	if !s.closed {
		s.closed = true
		s.closeAll()
	}
	return nil
}

func (s *Store) closeAll() {
	s.endSession()
	if s.w != nil {
		s.w.close()
		s.w = nil
	}
	if s.out != nil {
		s.out.pool.Close()
	}
	if s.pool != nil {
		s.pool.Close()
	}
}
