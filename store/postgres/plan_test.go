package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/bantoops/banto/internal/pgtest"
	"github.com/bantoops/banto/store/sqltext"
	"github.com/bantoops/banto/store/storetest"
)

// whole are tables of which all is wanted, so that any way is right.
var whole = []string{"outbox", "revoked_keys", "account_states", "managers", "lease", "info", "pg_database", "schema_version"}

// TestNoListScans asks everything that a Reader can be asked, and looks at how
// PostgreSQL would carry out each statement if reading a whole table, or
// putting rows in order, were dear: then it does so only where there is no
// index that would do.
func TestNoListScans(t *testing.T) {
	ctx := t.Context()
	server := pgtest.Start(t)
	s, err := Open(ctx, server.NewDatabase(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	asked := storetest.AskEverything(ctx, t, s)
	var queries []string
	s.texts.known.Range(func(_, query any) bool {
		queries = append(queries, query.(string))
		return true
	})
	if len(queries) < asked {
		t.Fatalf("only %d statements came of %d questions", len(queries), asked)
	}
	for _, q := range []string{
		sqltext.OthersOfTheName, sqltext.LastVersion, sqltext.Deactivate, sqltext.IsEnded, sqltext.DeleteAttempts, sqltext.DeleteParts,
		sqltext.DeleteTracker, sqltext.DeleteHost,
	} {
		queries = append(queries, s.texts.numbered(q))
	}
	queries = append(queries, insertPiece, "DELETE FROM outbox WHERE id = ANY($1)")
	conn, err := s.connect(ctx, "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for i, q := range queries {
		name := fmt.Sprint("q", i)
		if _, err := conn.Exec(ctx, "PREPARE "+name+" AS "+q); err != nil {
			t.Errorf("%s: %v", q, err)
			continue
		}
		arguments := ""
		if n := strings.Count(q, "$"); n > 0 {
			highest := 1
			for strings.Contains(q, fmt.Sprint("$", highest+1)) {
				highest++
			}
			arguments = "(NULL" + strings.Repeat(", NULL", highest-1) + ")"
		}
		rows, err := conn.Query(ctx, "EXPLAIN EXECUTE "+name+arguments)
		if err != nil {
			t.Errorf("%s: %v", q, err)
			continue
		}
		var plan []string
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, line)
		}
		if err := rows.Err(); err != nil {
			t.Errorf("%s: %v", q, err)
		}
		judge(t, q, plan)
	}
}

func judge(t *testing.T, query string, plan []string) {
	t.Helper()
	for _, line := range plan {
		bad := strings.Contains(line, "Seq Scan on")
		for _, table := range whole {
			bad = bad && !strings.Contains(line, "Seq Scan on "+table)
		}
		// Parts that changed since a revision are put in order; pages of several
		// states are merged.
		ordered := strings.Contains(query, "COALESCE(key") || strings.Contains(query, "UNION ALL")
		if bad || strings.Contains(line, "Sort ") && !ordered && !strings.Contains(query, "ORDER BY name") && !strings.Contains(query, "ORDER BY public_key") {
			t.Errorf("%s\n\t%s", query, strings.Join(plan, "\n\t"))
			return
		}
	}
}
