package postgres

import (
	"errors"
	"strings"
	"testing"

	"github.com/bantoops/banto"
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
