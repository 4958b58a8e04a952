package runner

import (
	"context"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/fabric"
)

// Recover says how a manager starts on a store that may be behind reality.
type Recover string

// The starts of a second site.
const (
	RecoverCold Recover = "cold" // all trackers that have not ended are cancelled
	RecoverWarm Recover = "warm" // it goes on as after a take-over
	RecoverHeld Recover = "held" // nothing starts until it is confirmed
)

// RecoveryMark is the store's mark that holds the banto.Recovery of a store that
// was restored, as JSON: while it is held and not confirmed the manager starts
// held.
const RecoveryMark = "recovery"

// unconfirmed is what is refused while a recovery waits for its confirmation.
func unconfirmed(what string) *banto.ErrorInfo {
	return banto.Fail(banto.KindUnavailable, what, "the manager was started on a restored store or at a second site, and holds everything until that is confirmed",
		"look with banto recovery show, then banto recovery confirm")
}

// Recalled takes what a host's keeper knows of attempts.
func (r *Runner) Recalled(id banto.HostID, attempts []fabric.RecalledAttempt, last, whole bool) {}

// Recovery tells what was found out of attempts since the store was restored,
// or the site was started. Its Mode is empty when neither has happened.
func (r *Runner) Recovery(ctx context.Context) banto.Recovery { return banto.Recovery{} }

// Held says whether nothing starts until a recovery is confirmed.
func (r *Runner) Held(context.Context) bool {
	r.state.mu.Lock()
	defer r.state.mu.Unlock()
	return r.state.held
}

// Confirm lifts the hold of a recovery, or says what that would do.
func (r *Runner) Confirm(ctx context.Context, by banto.Principal, c banto.RecoveryConfirm) (banto.Recovery, error) {
	return banto.Recovery{}, banto.Fail(banto.KindConflict, "cannot confirm the recovery", "there is none that waits for it", "")
}
