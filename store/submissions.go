package store

import (
	"context"

	"github.com/bantoops/banto"
)

// Submission is an idempotency key with what it has made.
type Submission struct {
	Key         string
	Tracker     banto.TrackerID
	RequestHash string
}

// Submissions answers for many submissions at once what Tracker and Submitted
// answer for one. A store may remember what was not there until its next
// transaction has ended, and ask no more for it in that one: so they are meant for
// who is about to write.
type Submissions interface {
	// TrackersThere gives those of the IDs that trackers have, in any order. The
	// IDs must be different ones.
	TrackersThere(ctx context.Context, ids []banto.TrackerID) ([]banto.TrackerID, error)
	// SubmittedKeys gives what keys of a principal have made, in any order; a key
	// that has made nothing is left out. The keys must be different ones.
	SubmittedKeys(ctx context.Context, principal string, keys []string) ([]Submission, error)
}
