package api

import (
	"context"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/notice"
)

type recoveryOut struct{ Body banto.Recovery }

// getRecovery tells what a manager that started held has found.
func (s *server) getRecovery(ctx context.Context, _ *none) (*recoveryOut, error) {
	found := s.Runner.Recovery(ctx)
	if err := ctx.Err(); err != nil {
		return nil, storeError("cannot read the recovery", "", "", err)
	}
	return &recoveryOut{Body: found}, nil
}

type confirmIn struct{ Body banto.RecoveryConfirm }

// confirmRecovery lets a manager that started held go on.
func (s *server) confirmRecovery(ctx context.Context, in *confirmIn) (*recoveryOut, error) {
	found, err := s.Runner.Confirm(ctx, principal(ctx), in.Body)
	if err != nil {
		return nil, err
	}
	if found.Confirmed != nil && !in.Body.DryRun {
		s.Notices.Tell(notice.RecoveryDone, "by", principal(ctx).Name)
	}
	return &recoveryOut{Body: found}, nil
}
