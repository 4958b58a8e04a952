package api

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net/http"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/engine"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/bantoops/banto/manager/designs"
	"github.com/bantoops/banto/manager/runner"
	"github.com/bantoops/banto/store"
)

// Store is what the API reads, and the way to write an audit row.
type Store interface {
	store.Reader
	Write(ctx context.Context, fn func(store.Tx) error) error
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
}

// Designs is the way to definitions; *designs.Designs is one.
type Designs interface {
	Apply(ctx context.Context, by banto.Principal, req banto.ApplyRequest) (banto.ApplyResult, error)
	Delete(ctx context.Context, by banto.Principal, path string) error
	Diff(ctx context.Context, path string, from, to int, file *banto.File) (banto.DiffResult, error)
	Resolve(ctx context.Context, path string) (designs.Resolved, error)
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

// Options are what the API needs. Store, Runner, Designs, Outputs, Auth and
// Version must be set.
type Options struct {
	Store   Store
	Runner  Runner
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
	// Local is the host beside the manager, which need not have an agent.
	Local banto.HostID
	// Data is the manager's data directory, whose free space is looked at.
	Data string

	// Environment, Colour and Guarded are told to those who act
	// (banto.ManagerInfo).
	Environment string
	Colour      string
	Guarded     bool
}
