// Package runner is the loop of the manager: it takes every input that waits,
// steps the trackers, writes what changed in one transaction, and only then
// answers callers, tells hosts and acknowledges reports.
//
// It owns the trackers in memory, and is the one writer of the store. It
// refuses HTTP, wire formats and rules: what flows where is engine's, who may
// start now is dispatch's.
//
// Promises: nothing is answered, sent or acknowledged before it is durable;
// when a transaction fails, memory is thrown away and rebuilt from the store,
// so that memory never holds what the store does not; one input that cannot be
// stored is refused alone and does not fail its batch.
package runner
