package api

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/auth"
	"github.com/bantoops/banto/store"
)

// away are tokens in a store that does not answer.
type away struct{}

func (away) Token(ctx context.Context, _ string) (store.Token, error) {
	<-ctx.Done()
	return store.Token{}, ctx.Err()
}

// TestFiguresAreShownWhileTheStoreIsAway: that it is away is among them.
func TestFiguresAreShownWhileTheStoreIsAway(t *testing.T) {
	w := newWorld(t)
	get := func(path, token string) int {
		status, _, _ := w.call(http.MethodGet, path, "", "Authorization", "Bearer "+token)
		return status
	}
	if status := get("/metrics", w.reader); status != http.StatusOK {
		t.Fatalf("before: %d", status)
	}
	w.server.Auth = auth.Authenticator{Tokens: away{}}
	if status := get("/metrics", w.reader); status != http.StatusOK {
		t.Errorf("who was let in before: %d", status)
	}
	if status := get("/metrics", w.admin); status/100 != 5 {
		t.Errorf("who was not seen yet: %d", status)
	}
}

func TestScrapersAreWhoTheyWereLast(t *testing.T) {
	var c Scrapers
	gone := errors.New("it does not answer")
	unknown := banto.Fail(banto.KindUnauthenticated, "cannot tell who you are", "the token is not known here", "")
	by := banto.Principal{Name: "metrics"}
	if _, err := c.settle("a", banto.Principal{}, gone); !errors.Is(err, gone) {
		t.Errorf("nobody: %v", err)
	}
	if who, err := c.settle("a", by, nil); who != by || err != nil {
		t.Errorf("%+v, %v", who, err)
	}
	if who, err := c.settle("a", banto.Principal{}, gone); who != by || err != nil {
		t.Errorf("while the store is away: %+v, %v", who, err)
	}
	if _, err := c.settle("a", banto.Principal{}, unknown); err == nil {
		t.Error("a token that was taken away")
	}
	if _, err := c.settle("a", banto.Principal{}, gone); err == nil {
		t.Error("a token that was taken away before the store went")
	}
	for i := range 3 * maxScrapers {
		if _, err := c.settle(string(rune(i)), by, nil); err != nil || len(c.known) > maxScrapers {
			t.Fatalf("%d known, %v", len(c.known), err)
		}
	}
}
