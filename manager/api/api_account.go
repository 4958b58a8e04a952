package api

import (
	"context"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/store"
)

// AccountPath names an account.
type AccountPath struct {
	Name string `path:"account" maxLength:"255"`
}

func (in *AccountPath) object() string { return in.Name }

type accountOut struct{ Body banto.AccountInfo }

// listAccounts lists the accounts with what has come of their logons.
func (s *server) listAccounts(ctx context.Context, in *PageQuery) (*out[banto.AccountInfo], error) {
	all, err := s.Designs.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	page := behind(all, in, func(a banto.AccountInfo) string { return a.Name })
	states := s.logons(ctx)
	for i := range page.Body.Items {
		withLogons(&page.Body.Items[i], states)
	}
	return page, nil
}

// getAccount reads an account.
func (s *server) getAccount(ctx context.Context, in *AccountPath) (*accountOut, error) {
	a, err := s.Designs.Account(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	withLogons(&a, s.logons(ctx))
	return &accountOut{Body: a}, nil
}

// logons says which accounts' logons fail; nil when the loop is too busy to say.
func (s *server) logons(ctx context.Context) map[string]store.AccountState {
	if s.Runner == nil {
		return nil
	}
	ctx, cancel := soon(ctx)
	defer cancel()
	return s.Runner.Accounts(ctx)
}

func withLogons(a *banto.AccountInfo, states map[string]store.AccountState) {
	if state, ok := states[a.Name]; ok {
		a.Failures, a.Blocked, a.BlockedBy = state.Failures, state.Blocked, state.Why
	}
}

// deleteAccount takes an account out of use.
func (s *server) deleteAccount(ctx context.Context, in *AccountPath) (*none, error) {
	if err := s.Designs.DeleteAccount(ctx, principal(ctx), in.Name); err != nil {
		return nil, err
	}
	return &none{}, nil
}

// releaseAccount lets an account be tried again.
func (s *server) releaseAccount(ctx context.Context, in *AccountPath) (*none, error) {
	if err := s.Runner.ReleaseAccount(ctx, principal(ctx), in.Name); err != nil {
		return nil, err
	}
	return &none{}, nil
}
