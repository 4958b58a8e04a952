//go:build linux

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // for database/sql
	_ "modernc.org/sqlite"

	"github.com/bantoops/banto"
)

// A grower makes the past of a house whose manager does not run: trackers like
// those that the product itself has run there, with all that belongs to them,
// at other times. Row for row they are what the product wrote, but for IDs and
// times; the database copies them from itself.
type grower struct {
	e         *Env
	h         *House
	db        *sql.DB
	conn      *sql.Conn
	postgres  bool
	tables    map[string][]string // their columns
	templates []template
}

// template is a tracker that the product has run.
type template struct {
	id        string
	submitted int64
}

// growth says what is made.
type growth struct {
	from, until time.Time // of the submissions
	trackers    int
	done        int  // of them, that are there already
	outputs     bool // what jobs printed too
	each        func(done int)
}

// behindTrackers are the tables that belong to trackers, in the order in which
// they are written.
func behindTrackers() []string {
	return []string{"tracker_folders", "parts", "attempts", "submitted", "audit", "outputs"}
}

// keyOf gives the column that says to which tracker a row belongs.
func keyOf(table string) string {
	switch table {
	case "trackers":
		return "id"
	case "tracker_folders":
		return "seq"
	case "audit":
		return "object"
	}
	return "tracker"
}

// openSQL opens the database of a house.
func (e *Env) openSQL(ctx context.Context, h *House) (*sql.DB, error) {
	if e.Store == "postgres" {
		i := slices.Index(h.args, "--store")
		if i < 0 {
			return nil, errors.New("the house has no database")
		}
		return sql.Open("pgx", h.args[i+1])
	}
	q := url.Values{"_pragma": {"busy_timeout(10000)", "synchronous(OFF)", "cache_size(-256000)", "temp_store(MEMORY)"}}
	u := url.URL{Scheme: "file", Path: filepath.Join(h.Data, "store", "banto.db"), RawQuery: q.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	return db, db.PingContext(ctx)
}

// openGrower reads the trackers that were submitted since then: they are the
// templates.
func openGrower(ctx context.Context, e *Env, h *House, since time.Time) (_ *grower, err error) {
	g := &grower{e: e, h: h, postgres: e.Store == "postgres", tables: map[string][]string{}}
	if g.db, err = e.openSQL(ctx, h); err != nil {
		return nil, err
	}
	if g.conn, err = g.db.Conn(ctx); err != nil {
		return nil, errors.Join(err, g.db.Close())
	}
	if err = g.prepare(ctx, since); err != nil {
		g.close()
		return nil, fmt.Errorf("cannot look at the store: %w", err)
	}
	return g, nil
}

func (g *grower) close() {
	_ = g.conn.Close()
	_ = g.db.Close()
}

func (g *grower) exec(ctx context.Context, statement string) error {
	if _, err := g.conn.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("%w: %s", err, statement[:min(len(statement), 200)])
	}
	return nil
}

// prepare copies the templates, so that finding one stays cheap.
func (g *grower) prepare(ctx context.Context, since time.Time) error {
	setup := []string{"CREATE TEMP TABLE clones (old_id TEXT, old_seq BIGINT, new_id TEXT, new_seq BIGINT, moved BIGINT)"}
	if g.postgres {
		setup = []string{
			"SET session_replication_role = replica", "SET synchronous_commit = off", // what is copied fits together
			`CREATE TEMP TABLE clones (old_id TEXT COLLATE "C", old_seq BIGINT, new_id TEXT COLLATE "C", new_seq BIGINT, moved BIGINT)`,
		}
	}
	tables := append([]string{"trackers"}, behindTrackers()...) // the others are found by it
	for _, table := range tables {
		if table == "outputs" && !g.postgres {
			continue
		}
		columns, err := g.columns(ctx, table)
		if err != nil {
			return err
		}
		g.tables[table] = columns
		key := keyOf(table)
		which := key + " IN (SELECT id FROM t_trackers)"
		switch key {
		case "id":
			which = fmt.Sprintf("seq >= %d", since.UnixMicro())
		case "seq":
			which = "seq IN (SELECT seq FROM t_trackers)"
		}
		setup = append(setup, "CREATE TEMP TABLE t_"+table+" AS SELECT * FROM "+table+" WHERE "+which, "CREATE INDEX t_"+table+"_key ON t_"+table+" ("+key+")")
		if g.postgres {
			setup = append(setup, "ANALYZE t_"+table)
		}
	}
	for _, statement := range setup {
		if err := g.exec(ctx, statement); err != nil {
			return err
		}
	}
	rows, err := g.conn.QueryContext(ctx, "SELECT id, submitted_at FROM t_trackers WHERE ended = 1 ORDER BY id")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var t template
		if err := rows.Scan(&t.id, &t.submitted); err != nil {
			return err
		}
		g.templates = append(g.templates, t)
	}
	if len(g.templates) == 0 {
		return errors.Join(rows.Err(), errors.New("no tracker has ended in it"))
	}
	return rows.Err()
}

// columns lists a table's columns, but for numbers that the database gives.
func (g *grower) columns(ctx context.Context, table string) ([]string, error) {
	rows, err := g.conn.QueryContext(ctx, "SELECT * FROM "+table+" LIMIT 0")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if table == "audit" {
		columns = slices.DeleteFunc(columns, func(c string) bool { return c == "seq" })
	}
	return columns, errors.Join(err, rows.Err())
}

// clonesAtOnce is how many trackers one transaction makes.
const clonesAtOnce = 1000

// grow makes trackers, the oldest first.
func (g *grower) grow(ctx context.Context, what growth) error {
	chance := rand.New(rand.NewPCG(10, 6)) //nolint:gosec // the same past each time
	apart := what.until.Sub(what.from) / time.Duration(max(1, what.trackers))
	for range what.done {
		chance.IntN(len(g.templates))
	}
	for done := what.done; done < what.trackers; done += clonesAtOnce {
		n := min(clonesAtOnce, what.trackers-done)
		var values strings.Builder
		ids := make(map[string]string, n)
		for k := done; k < done+n; k++ {
			at := what.from.Add(apart * time.Duration(k))
			t := g.templates[chance.IntN(len(g.templates))]
			id := cloneID(at, k)
			if values.Len() > 0 {
				values.WriteString(", ")
			}
			fmt.Fprintf(&values, "('%s', (SELECT seq FROM t_trackers WHERE id = '%s'), '%s', %d, %d)", t.id, t.id, id, at.UnixMicro(), at.UnixMicro()-t.submitted)
			ids[id] = t.id
		}
		if err := g.batch(ctx, values.String()); err != nil {
			return err
		}
		if what.outputs && !g.postgres {
			if err := g.outputs(ids); err != nil {
				return err
			}
		}
		if what.each != nil {
			what.each(done + n)
		}
	}
	after := "PRAGMA wal_checkpoint(TRUNCATE)"
	if g.postgres {
		after = "VACUUM (ANALYZE)" // as the server does by itself, in time
	}
	return g.exec(ctx, after)
}

// cloneID makes the ID of the k-th tracker: different for each, in no order.
func cloneID(at time.Time, k int) string {
	n := uint64(k) * 0x9E3779B1 & (1<<35 - 1) // odd, so no two are the same
	suffix := make([]byte, 7)
	for i := range suffix {
		suffix[i] = banto.IDAlphabet[n&31]
		n >>= 5
	}
	return at.UTC().Format("20060102") + "-" + string(suffix)
}

func (g *grower) batch(ctx context.Context, clones string) error {
	statements := []string{"BEGIN", "DELETE FROM clones", "INSERT INTO clones VALUES " + clones}
	for _, table := range append([]string{"trackers"}, behindTrackers()...) {
		if columns := g.tables[table]; columns != nil {
			statements = append(statements, copyStatement(table, columns))
		}
	}
	for _, statement := range append(statements, "COMMIT") {
		if err := g.exec(ctx, statement); err != nil {
			return errors.Join(err, g.exec(ctx, "ROLLBACK"))
		}
	}
	return nil
}

// copyStatement copies the rows of the templates in one table.
func copyStatement(table string, columns []string) string {
	values := make([]string, len(columns))
	for i, c := range columns {
		values[i] = clonedValue(table, c)
	}
	on := "o." + keyOf(table) + " = c.old_id"
	if keyOf(table) == "seq" {
		on = "o.seq = c.old_seq"
	}
	return "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") SELECT " + strings.Join(values, ", ") +
		" FROM clones c JOIN t_" + table + " o ON " + on + " ORDER BY c.new_seq"
}

func clonedValue(table, column string) string {
	switch column {
	case "seq":
		if table == "trackers" || table == "tracker_folders" {
			return "c.new_seq"
		}
	case "id", "tracker", "object":
		return "c.new_id"
	case "key":
		if table == "submitted" {
			return "c.new_id"
		}
	case "attempt_id":
		return "CASE WHEN o.attempt_id = '' THEN '' ELSE c.new_id || substr(o.attempt_id, length(c.old_id) + 1) END"
	case "at", "dead_by":
		return "o." + column + " + c.moved"
	}
	if strings.HasSuffix(column, "_at") {
		return "o." + column + " + c.moved"
	}
	return "o." + column
}

// outputs copies what the jobs of the templates printed.
func (g *grower) outputs(ids map[string]string) error {
	dir := filepath.Join(g.h.Data, "outputs")
	for id, of := range ids {
		files, err := os.ReadDir(filepath.Join(dir, of))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.MkdirAll(filepath.Join(dir, id), 0o700)
		}
		for _, f := range files {
			var text []byte
			if err == nil {
				text, err = os.ReadFile(filepath.Join(dir, of, f.Name()))
			}
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, id, f.Name()), text, 0o600)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
