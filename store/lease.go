package store

import (
	"context"
	"time"
)

// Lease is the row that every transaction proves before it writes. Epoch and
// Seq together name one transaction: after a commit whose answer was lost, a
// lease that still says both proves that it was done.
type Lease struct {
	Epoch     int64 // grows with every Begin and Take
	Seq       int64 // grows with every transaction
	Holder    string
	URL       string // where the holder's API answers; empty: it does not say
	RenewedAt time.Time
	// Age is how long ago it was renewed, by the store's clock. A lease that was
	// given up has no holder, and is of any age.
	Age time.Duration
	// Gone says that the holder's session with the store is not there any more: a
	// hint that it has died, and no proof.
	Gone bool
	// Next is who should take a lease that was given up; empty: anybody.
	Next string
}

// TakeOver asks for the lease.
type TakeOver struct {
	Holder string // names this process
	URL    string // where its API answers
	Name   string // of the manager, as Lease.Next and Manager.Name know it
	// After is the age at which a lease is free whose holder is silent.
	After time.Duration
	// Force takes it whatever it says: the epoch protects from the one before.
	Force bool
}

// Leases is how managers that share a store agree which of them is active. The
// holder of the lease renews it with every transaction; one that did not for a
// while can be followed by another, whose epoch is higher, and from then on
// every transaction of the earlier one fails with ErrDeposed.
type Leases interface {
	// Take makes this process the active manager, if no other one is: ErrHeld if
	// one is. Nothing that the one before has left unfinished in the store blocks
	// it for long.
	Take(ctx context.Context, t TakeOver) (epoch int64, err error)
	// Release gives the lease up, if this process holds it, so that the next Take
	// succeeds at once; next names the manager that should be the one, or none.
	Release(ctx context.Context, next string) error
	// ProvedAt tells when the last transaction began that was committed under our
	// epoch, by internal/boottime; zero before Take and Begin.
	ProvedAt() time.Duration
	// Shared says whether managers of other processes can use the store at the
	// same time.
	Shared() bool
}

// Manager is one manager of a store, as it says of itself. Its row is its own:
// it is written without the lease.
type Manager struct {
	Name      string // unique among the managers of a store
	URL       string // where its API answers
	Endpoints []string
	Version   string
	Started   time.Time
	SeenAt    time.Time
	Age       time.Duration // since SeenAt, by the store's clock
}

// Managers knows the managers that share a store.
type Managers interface {
	// Announce writes a manager's own row, by its name.
	Announce(ctx context.Context, m Manager) error
	// Withdraw takes a manager's row away.
	Withdraw(ctx context.Context, name string) error
	// ListManagers gives all, by name.
	ListManagers(ctx context.Context) ([]Manager, error)
}

// Vault keeps what the managers of a store have in common and make once: the
// keys of the fabric and the CA. It needs no lease.
type Vault interface {
	// Kept gives what is kept under a name, or ErrNotFound.
	Kept(ctx context.Context, name string) ([]byte, error)
	// Keep keeps a body under a name, unless there is one already, and gives what
	// is there then.
	Keep(ctx context.Context, name string, body []byte) ([]byte, error)
}
