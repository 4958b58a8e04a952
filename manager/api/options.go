package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/manager/designs"
	"github.com/bantoops/banto/manager/metrics"
	"github.com/bantoops/banto/manager/runner"
	"github.com/bantoops/banto/notice"
	"github.com/bantoops/banto/store"
)

// Store is what the API reads, the way to write an audit row, and what it tells
// of the lease.
type Store interface {
	store.Reader
	Write(ctx context.Context, fn func(store.Tx) error) error
	ProvedAt() time.Duration
	Shared() bool
}

// Runner is the loop, as the API needs it; *runner.Runner is one.
type Runner interface {
	Submit(ctx context.Context, s runner.Submit) (banto.Tracker, bool, error)
	Move(ctx context.Context, by banto.Principal, id banto.TrackerID, m runner.Move) (banto.MoveResult, error)
	Cancel(ctx context.Context, by banto.Principal, id banto.TrackerID, reason string) (banto.Tracker, error)
	Rerun(ctx context.Context, by banto.Principal, id banto.TrackerID, in engine.Rerun, flowBody []byte) (banto.Tracker, error)
	Watch(id banto.TrackerID) (changed <-chan struct{}, stop func())
	WaitsFor(ctx context.Context, id banto.TrackerID) []string

	Hosts(ctx context.Context) map[banto.HostID]runner.HostLive
	Members(ctx context.Context, target string) []banto.HostRef
	Enrol(ctx context.Context, by banto.Principal, j store.Join) error
	Join(ctx context.Context, secretHash string, req banto.JoinRequest, id banto.HostID) (banto.Host, error)
	ChangeHost(ctx context.Context, by banto.Principal, name string, c banto.HostChange) (banto.Host, error)
	RemoveHost(ctx context.Context, by banto.Principal, name string, force bool, reason string) (banto.Host, error)
	Accounts(ctx context.Context) map[string]store.AccountState
	ReleaseAccount(ctx context.Context, by banto.Principal, name string) error

	Ready() <-chan struct{}
	// Health says why no work is taken now; it must not wait for the loop.
	Health(ctx context.Context) error
	// Held says whether nothing starts until a recovery is confirmed.
	Held(ctx context.Context) bool
	Recovery(ctx context.Context) banto.Recovery
	Confirm(ctx context.Context, by banto.Principal, c banto.RecoveryConfirm) (banto.Recovery, error)
}

// Designs is the way to definitions; *designs.Designs is one.
type Designs interface {
	Apply(ctx context.Context, by banto.Principal, req banto.ApplyRequest) (banto.ApplyResult, error)
	Delete(ctx context.Context, by banto.Principal, path string) error
	Diff(ctx context.Context, path string, from, to int, file *banto.File) (banto.DiffResult, error)
	Resolve(ctx context.Context, path string) (designs.Resolved, error)
	Calls(ctx context.Context, r designs.Resolved) (map[string]designs.Resolved, error)
	FlowByHash(ctx context.Context, hash string) (*jobnet.Flow, error)

	Groups(ctx context.Context) ([]banto.GroupInfo, error)
	Group(ctx context.Context, name string) (banto.GroupInfo, error)
	DeleteGroup(ctx context.Context, by banto.Principal, name string) error
	Accounts(ctx context.Context) ([]banto.AccountInfo, error)
	Account(ctx context.Context, name string) (banto.AccountInfo, error)
	DeleteAccount(ctx context.Context, by banto.Principal, name string) error
}

// Outputs is what attempts have printed; *outputs.Store is one.
type Outputs interface {
	Read(id banto.AttemptID, offset int64, max int) (data []byte, size int64, err error)
	LastLine(id banto.AttemptID) string
}

// Authenticator says whose token it is; auth.Authenticator is one.
type Authenticator interface {
	Authenticate(ctx context.Context, token string) (banto.Principal, error)
}

// Enrolment is what a machine that joins is given.
type Enrolment interface {
	// Issue signs a host's key. It is called after the host is in the store, and
	// again for the same host and key when an answer was lost.
	Issue(host banto.HostID, publicKey string) (jwt string, err error)
	// Endpoints are where the fabric answers for one who called the manager by
	// this name (a Host header; empty: by its own), the best first.
	Endpoints(asked string) []string
	// CA is the manager's own as PEM; empty: its certificate is a given one, or
	// it has none.
	CA() string
}

// Options are what the API needs. Store, Designs, Outputs, Auth and Version must
// be set; so must Runner, but for a standby.
type Options struct {
	Store   Store
	Runner  Runner // nil: this manager stands by
	Designs Designs
	Outputs Outputs
	Auth    Authenticator
	Version banto.VersionInfo
	Now     func() time.Time // nil: time.Now
	Log     *slog.Logger     // nil: nothing is logged

	// AllowedHosts are names, besides loopback ones and those of the
	// certificate, under which the manager may be called.
	AllowedHosts []string
	// Certificate gives the manager's certificate as it is now; nil: no TLS.
	Certificate func() *x509.Certificate
	// Fingerprint is that of the manager's own CA; empty: its certificate is a
	// given one, or it has none.
	Fingerprint string
	// URL is the manager's address as other machines see it, for a join token
	// that is asked for on the manager's own machine; empty: that of the request.
	URL string

	// Enrol takes machines in; nil: none can join.
	Enrol Enrolment
	// Fabric answers at /fabric (WebSocket); nil: nothing does.
	Fabric http.Handler
	// Problems says what was last refused of an agent with a host's identity, and
	// what the agent itself complains of; nil: nothing is known.
	Problems func(banto.HostID) string
	// FabricProblem says why agents cannot reach this manager, if they cannot; nil:
	// nothing is known.
	FabricProblem func() error
	// Local is the host beside the manager, which need not have an agent.
	Local banto.HostID
	// Data is the manager's data directory, whose free space is looked at.
	Data string

	// Name is this manager's among those that share its store; empty: it is alone.
	Name string
	// Leading says whether this manager still is the active one; nil: always. A
	// manager that has a Runner and does not lead is about to stop.
	Leading func() bool
	// Blocker gives the session of the database that keeps all managers from the
	// lease, if one was seen; nil: nobody looks.
	Blocker func() (store.Blocker, bool)
	// Leader gives the URL at which the active manager answers; empty: nobody
	// knows. nil: this one.
	Leader func(ctx context.Context) string
	// Unrenewed tells how old the other's lease was when it was seen last; nil:
	// nobody looks.
	Unrenewed func() time.Duration
	// ProxyTLS is what the active manager's certificate must come from; nil: what
	// the system trusts.
	ProxyTLS *tls.Config
	// Managers gives all managers of the store; nil: this one is alone.
	Managers func(ctx context.Context) ([]banto.ManagerState, error)
	// HandOver gives the lease up, so that another manager takes over, puts that
	// on record, and refuses when nobody can. It returns once it is certain to
	// happen, and lets calls under way be answered; nil: no other can. by is who
	// asked for it.
	HandOver func(ctx context.Context, by banto.Principal, h banto.HandOver) error
	// Backup writes a backup of the store as it is now; nil: it cannot be.
	Backup func(ctx context.Context, w io.Writer) error

	// Metrics are the manager's figures; nil: nobody looks at them.
	Metrics *metrics.Metrics
	// OpenMetrics shows them to callers on this machine without a token.
	OpenMetrics bool
	// Scrapers outlive a change of the manager's part, which comes when the store
	// goes; nil: new ones.
	Scrapers *Scrapers
	// Notices tells those who watch from outside; nil: nobody does.
	Notices *notice.Teller

	// Environment, Colour and Guarded are told to those who act
	// (banto.ManagerInfo).
	Environment string
	Colour      string
	Guarded     bool
}
