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
	"github.com/bantoops/banto/internal/wholefile"
	"github.com/bantoops/banto/store"
)

// scrapeFile is where a token lies that may read, and nothing more: for
// Prometheus. It is made once, and again when it was taken away: then what was
// made for this manager before is good for nothing.
const scrapeFile = "metrics.token"

// scraper is whose token that is.
const scraper = "metrics"

// scrapeNote says what that token is for, and so of which manager it is; earlier
// versions did not name the manager.
func scrapeNote(manager string) string {
	return "for who scrapes /metrics, made by the manager " + manager
}

const earlierScrapeNote = "made at a start, for who scrapes /metrics"

// scrapeToken makes that token, if it is not there or is not known any more. A
// manager works without it too; that it cannot be made is said once.
func (s *Server) scrapeToken(ctx context.Context) {
	err := s.makeScrapeToken(ctx)
	if said := s.scrapeDue.Swap(err != nil); err != nil && !said {
		s.opts.Log.Warn("there is no token for who scrapes /metrics; it is tried again",
			"file", filepath.Join(s.opts.Data, scrapeFile), "error", err)
	}
}

// scrapeAgain makes it anew if its file was taken away, which is how it is
// revoked, or if that could not be done before: the file may hold the new one
// while the store knows the old one alone.
func (s *Server) scrapeAgain(ctx context.Context) {
	_, err := os.Lstat(filepath.Join(s.opts.Data, scrapeFile))
	if errors.Is(err, fs.ErrNotExist) || s.scrapeDue.Load() {
		s.scrapeToken(ctx)
	}
}

func (s *Server) makeScrapeToken(ctx context.Context) error {
	path, note := filepath.Join(s.opts.Data, scrapeFile), scrapeNote(s.opts.Name)
	body, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	next := store.Token{Principal: banto.Principal{Name: scraper}, CreatedAt: time.Now().UTC(), Note: note}
	token := strings.TrimSpace(string(body))
	if token != "" {
		was, err := s.store.Token(ctx, auth.HashToken(token))
		switch {
		case errors.Is(err, store.ErrNotFound):
			token = ""
		case err != nil || was.Principal.Name != scraper || was.Note == note:
			return err
		default: // of an earlier version, or this manager was called otherwise
			next.Hash, next.CreatedAt = was.Hash, was.CreatedAt
		}
	}
	made := token == ""
	if made {
		token, next.Hash = auth.NewToken(rand.Reader)
		// Before the store knows it: a token in a file that nobody knows is made
		// again, and one that is known and in no file nobody would miss.
		if err := wholefile.Write(path, []byte(token+"\n"), 0o600); err != nil {
			return err
		}
	}
	return s.store.Write(ctx, func(tx store.Tx) error {
		err := tx.DeleteTokens(scraper, note)
		if !s.store.Shared() { // else it may be another manager's
			err = errors.Join(err, tx.DeleteTokens(scraper, earlierScrapeNote))
		}
		err = errors.Join(err, tx.PutToken(next))
		if made {
			err = errors.Join(err, tx.PutAudit(audit.Done(next.CreatedAt, starter(), audit.TokenCreate, scraper, note)))
		}
		return err
	})
}
