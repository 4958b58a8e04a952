package postgres

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Times and numbers of connections.
const (
	dialTime          = 3 * time.Second
	openTime          = time.Minute
	patience          = 20 * time.Second
	outputConnections = 4
)

// lockClass is the first half of the keys of our advisory locks: "BANT". The
// second is 0 for the schema, and the epoch for the one who holds the lease.
const lockClass = int32(0x42414e54)

// Settings of connections. They are set once it is open, since a pooler in
// between refuses what it does not know. What is blocked for ever, idle within
// a transaction, or cut off is ended by the server.
const (
	anySettings = "SET client_encoding = 'UTF8'; SET client_min_messages = 'warning'; SET idle_in_transaction_session_timeout = '10s';" +
		" SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3;"
	// Plans are made for the values that are asked for: how many rows are wanted
	// decides which index is right.
	readSettings = anySettings + " SET statement_timeout = '60s'; SET plan_cache_mode = 'force_custom_plan'"
	// What a transaction says is durable must be so, whatever the server's default.
	writeSettings = anySettings + " SET statement_timeout = '60s'; SET lock_timeout = '10s'; SET tcp_user_timeout = '10s';" +
		" SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')"
	// The commit of the result that depends on an output takes it to disk.
	outputSettings = anySettings + " SET statement_timeout = '60s'; SET synchronous_commit = off"
)

func readers() int32 { return int32(max(4, runtime.NumCPU())) } //nolint:gosec // few

// dialer notices a server that is gone within seconds.
func dialer() *net.Dialer {
	return &net.Dialer{
		Timeout:         dialTime,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3},
	}
}

// newPool prepares a pool; nothing is opened before it is used.
func (s *Store) newPool(cfg *pgxpool.Config, size int32, settings string) (*pgxpool.Pool, error) {
	c := cfg.Copy()
	c.MaxConns = size
	c.MinConns = 0
	c.MaxConnIdleTime = 5 * time.Minute
	c.HealthCheckPeriod = 30 * time.Second
	c.PingTimeout = dialTime
	dress(c.ConnConfig, s.holder)
	c.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.PgConn().Exec(ctx, settings).ReadAll()
		return err
	}
	return pgxpool.NewWithConfig(context.Background(), c)
}

// dress gives a connection its dialer, and the name of its holder.
func dress(c *pgx.ConnConfig, holder string) {
	c.DialFunc = dialer().DialContext
	if c.RuntimeParams == nil {
		c.RuntimeParams = map[string]string{}
	}
	c.RuntimeParams["application_name"] = appName(holder)
}

// appName is how the server knows the connections of a holder: what its own
// rule for such names leaves of it.
func appName(holder string) string {
	name := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, "banto "+holder)
	return name[:min(len(name), 63)]
}

// connect opens a connection of its own, outside of the pools.
func (s *Store) connect(ctx context.Context, settings string) (*pgx.Conn, error) {
	c := s.config().Copy()
	dress(c, s.holder)
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return nil, err
	}
	if settings != "" {
		if _, err := conn.PgConn().Exec(ctx, settings).ReadAll(); err != nil {
			_ = conn.Close(context.WithoutCancel(ctx))
			return nil, err
		}
	}
	return conn, nil
}

// plainly gives why an address cannot be read, without the address.
func plainly(err error, url string) string {
	var parse *pgconn.ParseConfigError
	if errors.As(err, &parse) && parse.Unwrap() != nil {
		err = parse.Unwrap()
	}
	text := err.Error()
	if i := strings.Index(text, ": "); strings.Contains(text, url) && i >= 0 {
		text = text[strings.LastIndex(text, ": ")+2:]
	}
	return text
}

// writer is the connection that writes, with the statements that it has
// prepared.
type writer struct {
	conn     *pgx.Conn
	prepared map[string]string
}

func (w *writer) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = w.conn.Close(ctx)
}

// writer gives the connection that writes, opened if there is none.
func (s *Store) writer(ctx context.Context) (*writer, error) {
	if s.w != nil && !s.w.conn.IsClosed() {
		return s.w, nil
	}
	s.w = nil
	conn, err := s.connect(ctx, writeSettings)
	if err != nil {
		return nil, err
	}
	s.w = &writer{conn: conn, prepared: map[string]string{}}
	return s.w, nil
}

// drop closes the connection that writes, of which nobody knows how it stands.
func (s *Store) drop() {
	if s.w != nil {
		s.w.close()
		s.w = nil
	}
}
