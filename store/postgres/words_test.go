package postgres

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

func TestTooOld(t *testing.T) {
	s := &Store{where: "db:5432/banto"}
	if err := newEnough(140000); err != nil {
		t.Errorf("PostgreSQL 14: %v", err)
	}
	err := s.cannotOpen(newEnough(130022))
	if banto.KindOf(err) != banto.KindInvalid || !strings.Contains(err.Error(), "PostgreSQL 13 ") || !strings.Contains(err.Error(), "14 or newer") {
		t.Errorf("PostgreSQL 13: %v", err)
	}
}

func TestAppName(t *testing.T) {
	for holder, want := range map[string]string{
		"m1/1": "banto m1/1", "": "banto ", "番頭\n": "banto ???", strings.Repeat("x", 100): "banto " + strings.Repeat("x", 57),
	} {
		if got := appName(holder); got != want {
			t.Errorf("%q: %q, want %q", holder, got, want)
		}
	}
}

func TestNumbered(t *testing.T) {
	var texts texts
	for range 2 {
		if got := texts.numbered("SELECT ? WHERE a = ? AND b = '番' LIMIT ?"); got != "SELECT $1 WHERE a = $2 AND b = '番' LIMIT $3" {
			t.Error(got)
		}
	}
}

func TestPlainly(t *testing.T) {
	url := "postgres://u:secret@h/db"
	if got := plainly(errors.New("cannot parse `"+url+"`: it is wrong"), url); strings.Contains(got, "secret") || got != "it is wrong" {
		t.Error(got)
	}
}

// Of a session that this role may not look into nothing is said that is not known.
func TestUnseenBlocker(t *testing.T) {
	got := fmt.Sprint(seen(store.Blocker{PID: 4711, User: "postgres"})...)
	if strings.Contains(got, "since") || strings.Contains(got, "0001") || strings.Contains(got, "statement") || !strings.Contains(got, "pg_read_all_stats") {
		t.Error(got)
	}
	got = fmt.Sprint(seen(store.Blocker{PID: 4711, User: "postgres", Since: time.Unix(1, 0), Query: "BEGIN"})...)
	if !strings.Contains(got, "1970") || !strings.Contains(got, "BEGIN") || strings.Contains(got, "pg_read_all_stats") {
		t.Error(got)
	}
}
