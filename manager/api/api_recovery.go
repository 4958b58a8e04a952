package api

import (
	"context"

	"github.com/bantoops/banto"
)

type recoveryOut struct{ Body banto.Recovery }

// getRecovery tells what a manager that started held has found.
func (s *server) getRecovery(ctx context.Context, _ *none) (*recoveryOut, error) {
	r, ok := s.Runner.(recoverer)
	if !ok {
		return &recoveryOut{}, nil
	}
	found := r.Recovery(ctx)
	if err := ctx.Err(); err != nil {
		return nil, storeError("cannot read the recovery", "", "", err)
	}
	return &recoveryOut{Body: found}, nil
}

type confirmIn struct{ Body banto.RecoveryConfirm }

// confirmRecovery lets a manager that started held go on.
func (s *server) confirmRecovery(ctx context.Context, in *confirmIn) (*recoveryOut, error) {
	r, ok := s.Runner.(recoverer)
	if !ok {
		return nil, banto.Fail(banto.KindConflict, "cannot confirm the recovery", "this manager is not held", "banto recovery show tells")
	}
	found, err := r.Confirm(ctx, principal(ctx), in.Body)
	if err != nil {
		return nil, err
	}
	return &recoveryOut{Body: found}, nil
}

// held says whether nothing starts until a recovery is confirmed.
func (s *server) held(ctx context.Context) bool {
	r, ok := s.Runner.(recoverer)
	if !ok {
		return false
	}
	ctx, cancel := soon(ctx)
	defer cancel()
	return r.Held(ctx)
}
