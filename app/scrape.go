package app

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/audit"
	"github.com/bantoops/banto/auth"
	"github.com/bantoops/banto/store"
)

// scrapeFile is where a token lies that may read, and nothing more: for
// Prometheus. It is made once, and again when it was taken away.
const scrapeFile = "metrics.token"

// scrapeToken makes that token, if it is not there or is not known any more. A
// manager works without it too.
func (s *Server) scrapeToken(ctx context.Context) {
	if err := s.makeScrapeToken(ctx); err != nil {
		s.opts.Log.Warn("there is no token for who scrapes /metrics", "file", filepath.Join(s.opts.Data, scrapeFile), "error", err)
	}
}

func (s *Server) makeScrapeToken(ctx context.Context) error {
	path := filepath.Join(s.opts.Data, scrapeFile)
	body, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if old := strings.TrimSpace(string(body)); old != "" {
		if _, err := s.store.Token(ctx, auth.HashToken(old)); !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	token, hash := auth.NewToken(rand.Reader)
	by, now := banto.Principal{Name: "metrics"}, time.Now().UTC()
	const note = "made at a start, for who scrapes /metrics"
	err = s.store.Write(ctx, func(tx store.Tx) error {
		return errors.Join(tx.PutToken(store.Token{Hash: hash, Principal: by, CreatedAt: now, Note: note}),
			tx.PutAudit(audit.Done(now, starter(), audit.TokenCreate, by.Name, note)))
	})
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(token+"\n"), 0o600)
}
