package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/auth"
	"github.com/bantoops/banto/store"
)

// scrapesAnew takes the token of who scrapes away: it is good for nothing then, nor
// is any that was made before it.
func scrapesAnew(t *testing.T, s *Server) {
	t.Helper()
	ctx, path := t.Context(), filepath.Join(s.opts.Data, scrapeFile)
	known := func(token string) bool {
		_, err := s.store.Token(ctx, auth.HashToken(strings.TrimSpace(token)))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		return err == nil
	}
	read := func() string {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("its mode: %v %v", info.Mode(), err)
		}
		return string(body)
	}
	// One of an earlier version, and that of another manager.
	earlier, others := "earlier", "others"
	err := s.store.Write(ctx, func(tx store.Tx) error {
		put := func(token, note string) error {
			return tx.PutToken(store.Token{Hash: auth.HashToken(token), Principal: banto.Principal{Name: scraper}, CreatedAt: time.Now().UTC(), Note: note})
		}
		return errors.Join(put(earlier, earlierScrapeNote), put(others, scrapeNote("another")))
	})
	if err != nil {
		t.Fatal(err)
	}
	first := read()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s.watch.look(ctx, time.Now())
	second := read()
	if first == second || known(first) || !known(second) || known(earlier) || !known(others) {
		t.Errorf("first %v, second %v, of an earlier version %v, of another manager %v", known(first), known(second), known(earlier), known(others))
	}
	s.watch.look(ctx, time.Now())
	if read() != second {
		t.Error("it was made again")
	}
	// What an earlier version has left in the file stays good.
	if err := os.WriteFile(path, []byte(earlier+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err = s.store.Write(ctx, func(tx store.Tx) error {
		return tx.PutToken(store.Token{Hash: auth.HashToken(earlier), Principal: banto.Principal{Name: scraper}, CreatedAt: time.Now().UTC(), Note: earlierScrapeNote})
	})
	if err != nil {
		t.Fatal(err)
	}
	s.scrapeToken(ctx)
	if !known(earlier) || known(second) || strings.TrimSpace(read()) != earlier {
		t.Errorf("of an earlier version %v, second %v", known(earlier), known(second))
	}
}

// full is a store that takes nothing.
type full struct{ kept }

func (full) Write(context.Context, func(store.Tx) error) error { return store.ErrFull }

// A token that was taken away while the store takes nothing is revoked as soon as
// it does, and what cannot be done is said once.
func TestATokenIsRevokedWhenTheStoreIsBack(t *testing.T) {
	ctx, said := t.Context(), &bytes.Buffer{}
	s, err := NewServer(ctx, Options{Data: t.TempDir(), HTTP: "127.0.0.1:0", Fabric: "127.0.0.1:0", Name: "m1", Version: "1.0.0",
		Log: slog.New(slog.NewTextHandler(said, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.closeAll)
	if _, err := s.store.Take(ctx, store.TakeOver{Holder: s.holder, Name: "m1", Force: true}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.opts.Data, scrapeFile)
	token := func() (string, error) {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		hash := auth.HashToken(strings.TrimSpace(string(body)))
		_, err = s.store.Token(ctx, hash)
		return hash, err
	}
	s.scrapeToken(ctx)
	old, err := token()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	works := s.store
	s.store = full{works}
	for range 3 {
		s.scrapeAgain(ctx)
	}
	s.store = works
	if n := strings.Count(said.String(), "there is no token"); n != 1 {
		t.Errorf("it was said %d times: %s", n, said)
	}
	s.scrapeAgain(ctx)
	if anew, err := token(); err != nil || anew == old {
		t.Errorf("the new one: %v", err)
	}
	if _, err := s.store.Token(ctx, old); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the one that was taken away: %v", err)
	}
	before, _ := token()
	s.scrapeAgain(ctx)
	if after, _ := token(); after != before {
		t.Error("it was made again")
	}
}
