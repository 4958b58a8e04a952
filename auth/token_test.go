package auth_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/auth"
	"github.com/bantoops/banto/store"
)

func TestNewTokenIsLongAndRecognisable(t *testing.T) {
	token, hash := auth.NewToken(rand.Reader)
	if !strings.HasPrefix(token, "banto_") || len(token) != len("banto_")+43 {
		t.Errorf("%q is not banto_ and 43 characters", token)
	}
	if hash != auth.HashToken(token) || len(hash) != 64 {
		t.Errorf("%q is not the hash of the token", hash)
	}
	if other, _ := auth.NewToken(rand.Reader); other == token {
		t.Error("two tokens are the same")
	}
	first, _ := auth.NewToken(bytes.NewReader(make([]byte, 32)))
	if first != "banto_"+strings.Repeat("A", 43) {
		t.Errorf("the token is not made of the reader's bytes alone: %q", first)
	}
}

// tokens is a store.Tokens of one token, or of an error.
type tokens struct {
	hash string
	who  banto.Principal
	err  error
}

func (s tokens) Token(_ context.Context, hash string) (store.Token, error) {
	if s.err != nil {
		return store.Token{}, s.err
	}
	if hash != s.hash {
		return store.Token{}, store.ErrNotFound
	}
	return store.Token{Hash: hash, Principal: s.who}, nil
}

func TestAuthenticate(t *testing.T) {
	token, hash := auth.NewToken(rand.Reader)
	other, _ := auth.NewToken(rand.Reader)
	a := auth.Authenticator{Tokens: tokens{hash: hash, who: banto.Principal{Name: "hanako", Admin: true}}}
	p, err := a.Authenticate(t.Context(), token)
	if err != nil || p.Name != "hanako" || !p.Admin {
		t.Errorf("got %v, %v", p, err)
	}
	for _, bad := range []string{"", other, token + "A", token[:len(token)-1], strings.TrimPrefix(token, "banto_"), "banto_", hash, "\x00"} {
		p, err := a.Authenticate(t.Context(), bad)
		if banto.KindOf(err) != banto.KindUnauthenticated || p != (banto.Principal{}) {
			t.Errorf("%q: got %v, %v", bad, p, err)
		}
		if err != nil && len(bad) > 10 && strings.Contains(err.Error(), bad) {
			t.Errorf("the error tells the token: %v", err)
		}
	}
	broken := errors.New("disk on fire")
	if _, err := (auth.Authenticator{Tokens: tokens{err: broken}}).Authenticate(t.Context(), token); !errors.Is(err, broken) {
		t.Errorf("got %v, want the store's error: it must not look like a wrong token", err)
	}
}

func TestAccess(t *testing.T) {
	nobody, reader, admin := banto.Principal{}, banto.Principal{Name: "reader"}, banto.Principal{Name: "root", Admin: true}
	const ok = banto.Kind("")
	for _, c := range []struct {
		access                auth.Access
		nobody, reader, admin banto.Kind
	}{
		{auth.Access(0), banto.KindUnauthenticated, banto.KindDenied, banto.KindDenied},
		{auth.Public, ok, ok, ok},
		{auth.Read, banto.KindUnauthenticated, ok, ok},
		{auth.Operate, banto.KindUnauthenticated, banto.KindDenied, ok},
		{auth.Design, banto.KindUnauthenticated, banto.KindDenied, ok},
		{auth.Admin, banto.KindUnauthenticated, banto.KindDenied, ok},
		{auth.Admin + 1, banto.KindUnauthenticated, banto.KindDenied, banto.KindDenied},
	} {
		for p, want := range map[banto.Principal]banto.Kind{nobody: c.nobody, reader: c.reader, admin: c.admin} {
			err := c.access.Allows(p)
			if got := banto.KindOf(err); (err == nil) != (want == ok) || (err != nil && got != want) {
				t.Errorf("%v for %q: got %v, want %q", c.access, p.Name, err, want)
			}
		}
	}
}
