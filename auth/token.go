package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// tokenPrefix begins every token, so that scanners find one that has leaked.
const tokenPrefix = "banto_"

// tokenBytes is how much chance is in a token.
const tokenBytes = 32

// NewToken makes a token and the hash to keep of it. It panics when the reader
// fails: a token without chance would be a hole.
func NewToken(rand io.Reader) (token, hash string) {
	b := make([]byte, tokenBytes)
	if _, err := io.ReadFull(rand, b); err != nil {
		panic("auth: the source of chance failed: " + err.Error()) //nolint:forbidigo // as said above
	}
	token = tokenPrefix + base64.RawURLEncoding.EncodeToString(b)
	return token, HashToken(token)
}

// HashToken gives what is kept of a token: its SHA-256 in hex. The chance in a
// token is as wide as the hash, so that neither salt nor a slow hash is needed.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// wellFormed says whether a text can be a token at all.
func wellFormed(token string) bool {
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, tokenPrefix))
	return err == nil && len(b) == tokenBytes && strings.HasPrefix(token, tokenPrefix)
}

// Authenticator knows principals by their tokens.
type Authenticator struct {
	Tokens store.Tokens
}

// Authenticate gives the principal of a token. Tokens are looked up by their
// hash: the time that takes tells nothing about the token.
func (a Authenticator) Authenticate(ctx context.Context, token string) (banto.Principal, error) {
	if token == "" {
		return banto.Principal{}, banto.Fail(banto.KindUnauthenticated, "cannot tell who you are", "no token was sent",
			"set BANTO_TOKEN, or send the header Authorization: Bearer TOKEN")
	}
	unknown := banto.Fail(banto.KindUnauthenticated, "cannot tell who you are", "the token is not known here",
		"check BANTO_TOKEN and BANTO_URL: a token is good for the manager that gave it")
	if !wellFormed(token) {
		return banto.Principal{}, unknown
	}
	t, err := a.Tokens.Token(ctx, HashToken(token))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return banto.Principal{}, unknown
	case err != nil:
		return banto.Principal{}, fmt.Errorf("cannot look up a token: %w", err)
	}
	return t.Principal, nil
}
