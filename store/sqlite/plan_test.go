package sqlite

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bantoops/banto/store/sqltext"
	"github.com/bantoops/banto/store/storetest"
)

// allowed are steps of a plan that read more than they give back, with the reason.
var allowed = map[string]string{
	"SCAN outbox":         "all of it is wanted, in its own order; or a host is removed, which is seldom",
	"SCAN revoked_keys":   "all of it is wanted, in its own order",
	"SCAN account_states": "all of it is wanted, in its own order",
	"SCAN trackers USING INDEX trackers_unfinished": "the index holds what is wanted and nothing else",
	// Parts that changed since a revision:
	"SEARCH parts USING INDEX parts_revision (tracker=? AND revision>?) USE TEMP B-TREE FOR ORDER BY": "only what changed is put in order",
}

// TestNoListScans asks everything that a Reader can be asked, and looks at how
// SQLite would carry out each statement that this needed.
func TestNoListScans(t *testing.T) {
	ctx := t.Context()
	s, err := Open(ctx, t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	asked := storetest.AskEverything(ctx, t, s)
	var queries []string
	s.reading.Range(func(query, _ any) bool {
		queries = append(queries, query.(string))
		return true
	})
	if len(queries) < asked {
		t.Fatalf("only %d statements came of %d questions", len(queries), asked)
	}
	queries = append(queries, putTracker, putFolder, newTracker, newFolder, stateFolder, seqTracker,
		updateTracker.text, moveTracker.text, updatePart.text, updateAttempt.text, updateHost.text, sqltext.DeleteHost, sqltext.DeleteOutboxOf, sqltext.DeleteOutbox,
		sqltext.OthersOfTheName, sqltext.LastVersion, sqltext.Deactivate,
		sqltext.IsEnded, sqltext.DeleteAttempts, sqltext.DeleteParts, sqltext.DeleteTracker)
	for _, u := range []*sqltext.Upsert{
		sqltext.Parts, sqltext.Attempts, sqltext.Outbox, sqltext.Hosts, sqltext.Submissions, sqltext.Scripts, sqltext.Joins,
		sqltext.RevokedKeys, sqltext.AccountStates, sqltext.Managers, sqltext.Vault, sqltext.Marks,
	} {
		queries = append(queries, u.One)
	}
	for _, q := range queries {
		plan := explain(ctx, t, s, q)
		if allowed[plan] != "" {
			continue
		}
		if strings.Contains(q, "trackers AS t") {
			checkWalks(t, q, plan)
			continue
		}
		for _, bad := range []string{"SCAN ", "TEMP B-TREE", "AUTOMATIC"} {
			if strings.Contains(plan, bad) {
				t.Errorf("%s\n\t%s", q, plan)
			}
		}
	}
}

// checkWalks holds the list of trackers to an index that has all that is asked
// for in front of seq, and uses the bounds.
func checkWalks(t *testing.T, query, plan string) {
	t.Helper()
	bounds := "seq<?)"
	if strings.Contains(query, ".seq >= ?") {
		bounds = "seq>? AND seq<?)"
	}
	jobnet, folder, state := strings.Contains(query, "t.jobnet = ?"), strings.Contains(query, "f.folder = ?"), strings.Contains(query, ".state = ?")
	var want string
	switch {
	case jobnet && state:
		want = "SEARCH t USING INDEX trackers_jobnet_state (jobnet=? AND state=? AND "
	case jobnet:
		want = "SEARCH t USING INDEX trackers_jobnet (jobnet=? AND "
	case folder && state:
		want = "SEARCH f USING COVERING INDEX tracker_folders_state (folder=? AND state=? AND "
	case folder:
		want = "SEARCH f USING PRIMARY KEY (folder=? AND "
	case state:
		want = "SEARCH t USING INDEX trackers_state (state=? AND "
	default:
		want, bounds = "SEARCH t USING INTEGER PRIMARY KEY (", strings.ReplaceAll(bounds, "seq", "rowid")
	}
	want += bounds
	walks := max(1, strings.Count(query, "AS walk"))
	rest := strings.ReplaceAll(plan, want, "")
	if folder {
		rest = strings.ReplaceAll(rest, "SEARCH t USING INTEGER PRIMARY KEY (rowid=?)", "")
	}
	for i := range walks {
		rest = strings.ReplaceAll(rest, fmt.Sprintf("CO-ROUTINE walk%d ", i), "")
		// The page of one walk, to be merged with the others.
		rest = strings.ReplaceAll(rest, fmt.Sprintf("SCAN walk%d USE TEMP B-TREE FOR ORDER BY", i), "")
	}
	for _, merge := range []string{"MERGE (UNION ALL)", "LEFT", "RIGHT"} {
		rest = strings.ReplaceAll(rest, merge, "")
	}
	if strings.Count(plan, want) != walks || strings.TrimSpace(rest) != "" {
		t.Errorf("%s\n\t%s\n\twant %s", query, plan, want)
	}
}

func explain(ctx context.Context, t *testing.T, s *Store, query string) string {
	t.Helper()
	args := make([]any, strings.Count(query, "?"))
	rows, err := s.reader.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if slices.Contains(steps, "") {
		t.Fatalf("%s: %v", query, fmt.Sprint(steps))
	}
	return strings.Join(steps, " ")
}
