package app

import (
	"errors"
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
