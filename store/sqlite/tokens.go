package sqlite

import (
	"context"
	"sync"

	"github.com/bantoops/banto/store"
)

// tokens are the tokens that were read last: each request has one. Nobody but this
// process writes the directory, so they are right until a transaction of its own
// touches tokens.
type tokens struct {
	mu    sync.Mutex
	known map[string]store.Token // by hash
	times int                    // how often they were forgotten
}

// mostTokens bounds what is kept.
const mostTokens = 1000

// Token implements store.Tokens.
func (s *Store) Token(ctx context.Context, hash string) (store.Token, error) {
	s.tokens.mu.Lock()
	tok, known := s.tokens.known[hash]
	times := s.tokens.times
	s.tokens.mu.Unlock()
	if known {
		return tok, nil
	}
	tok, err := s.Reader.Token(ctx, hash)
	if err != nil {
		return tok, err
	}
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	if s.tokens.times == times { // else it may be one of before
		if s.tokens.known == nil || len(s.tokens.known) >= mostTokens {
			s.tokens.known = map[string]store.Token{}
		}
		s.tokens.known[hash] = tok
	}
	return tok, nil
}

func (k *tokens) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.known = nil
	k.times++
}

// PutToken implements store.Tx.
func (t *tx) PutToken(tok store.Token) error {
	t.tokens = true
	return t.Puts.PutToken(tok)
}
