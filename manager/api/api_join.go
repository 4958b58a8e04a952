package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/audit"
	"github.com/bantoops/banto/auth"
	"github.com/bantoops/banto/internal/ids"
	"github.com/bantoops/banto/manager/metrics"
	"github.com/bantoops/banto/store"
)

// joinFor is how long a join token is good, unless the request says otherwise.
const joinFor = time.Hour

type enrolIn struct{ Body banto.EnrolRequest }

func (in *enrolIn) object() string {
	if in.Body.Again != "" {
		return in.Body.Again
	}
	return in.Body.Name
}

type joinTokenOut struct{ Body banto.JoinToken }

// enrol makes a token with which one machine joins.
func (s *server) enrol(ctx context.Context, in *enrolIn) (*joinTokenOut, error) {
	const what = "cannot let a host join"
	if s.Enrol == nil {
		return nil, banto.Fail(banto.KindUnavailable, what, "this manager takes no hosts in", "start it with an address that other machines reach")
	}
	req := in.Body
	address, err := s.joinURL(ctx, req.URL)
	if err != nil {
		return nil, err
	}
	lasts := time.Duration(req.Expires) * time.Second
	if lasts == 0 {
		lasts = joinFor
	}
	now := s.Now().UTC()
	token := auth.JoinToken{URL: address, Secret: auth.NewJoinSecret(rand.Reader), Expires: now.Add(lasts).Truncate(time.Second)}
	if address[:5] == "https" {
		token.Fingerprint = s.Fingerprint
	}
	join := store.Join{
		Hash: auth.HashToken(token.Secret), Name: req.Name, Labels: req.Labels, CreatedAt: now, ExpiresAt: token.Expires,
	}
	if req.Again != "" {
		h, err := s.host(ctx, "cannot take "+req.Again+" in again", req.Again)
		if err != nil {
			return nil, err
		}
		join.Again = h.ID
	}
	if err := s.Runner.Enrol(ctx, principal(ctx), join); err != nil {
		return nil, err
	}
	name := req.Name
	if name == "" {
		name = req.Again
	}
	s.tokens.add(issuedToken{hash: join.Hash, name: name, ends: join.ExpiresAt})
	return &joinTokenOut{Body: banto.JoinToken{
		Token: token.String(), Command: "banto agent --join " + token.String(), Name: name, Labels: req.Labels, ExpiresAt: token.Expires,
	}}, nil
}

// joinURL gives the address that goes into a token: what was asked for, else
// the one under which the manager was called, unless only this machine knows
// it by that.
func (s *server) joinURL(ctx context.Context, asked string) (string, error) {
	if asked == "" {
		r := requestOf(ctx)
		if asked = r.url; s.URL != "" && auth.Loopback(r.host) {
			asked = s.URL
		}
	}
	return asked, auth.CheckManagerURL(asked)
}

type joinIn struct{ Body banto.JoinRequest }

type joinOut struct{ Body banto.JoinResult }

// join takes a machine in. The runner commits first: a machine whose answer
// was lost asks again, and gets the same.
func (s *server) join(ctx context.Context, in *joinIn) (*joinOut, error) {
	const what = "cannot join"
	req := requestOf(ctx)
	if s.Enrol == nil {
		return nil, banto.Fail(banto.KindUnavailable, what, "this manager takes no hosts in", "start it with an address that other machines reach")
	}
	if !nkeys.IsValidPublicUserKey(in.Body.PublicKey) {
		return nil, banto.Fail(banto.KindInvalid, what, "its public key is none", "join with banto agent --join TOKEN")
	}
	// Looked up by its hash, a secret tells nothing by the time that takes, and
	// what is not known goes no further than here. Only who has no token that is
	// good is limited: strangers must not keep the others out.
	hash := auth.HashToken(in.Body.Secret)
	known, err := s.Store.Join(ctx, hash)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, storeError(what, "", "", err)
	}
	if (err != nil || known.UsedAt != nil) && !s.joins.allow(req.remote) {
		s.Metrics.Refused(metrics.RefusedJoins)
		return nil, banto.Fail(banto.KindTooMany, what, "too many machines ask to join", "try again in a minute")
	}
	if err != nil {
		s.joins.charge(req.remote)
		s.Log.Warn("a machine asked to join with a token that is not known", "remote", req.remote, "request", req.id)
		return nil, banto.Fail(banto.KindUnauthenticated, what, "the manager does not know this token",
			"is it whole, and of this manager? Ask for a new one: banto host enrol")
	}
	host, err := s.Runner.Join(ctx, hash, in.Body, ids.Source{Rand: rand.Reader, Now: s.Now}.Host())
	if err != nil {
		s.auditRefusal(ctx, audit.HostJoin, in.Body.Name, err)
		return nil, err
	}
	jwt, err := s.Enrol.Issue(host.ID, in.Body.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("cannot sign the key of host %s: %w", host.Name, err)
	}
	s.Log.Info("a host has joined", "host", host.Name, "remote", req.remote)
	return &joinOut{Body: banto.JoinResult{
		Host: host.ID, Name: host.Name, JWT: jwt, CA: s.Enrol.CA(), Endpoints: append([]string{}, s.Enrol.Endpoints(req.host)...),
	}}, nil
}

// issued are the last join tokens that this process has made, for the doctor.
type issued struct {
	mu   sync.Mutex
	list []issuedToken
}

type issuedToken struct {
	hash, name string
	ends       time.Time
}

// maxIssued is how many tokens are remembered.
const maxIssued = 1000

func (i *issued) add(t issuedToken) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.list) >= maxIssued {
		i.list = append(i.list[:0], i.list[1:]...)
	}
	i.list = append(i.list, t)
}

// ended gives the tokens that ended within the time before now.
func (i *issued) ended(now time.Time, within time.Duration) []issuedToken {
	i.mu.Lock()
	defer i.mu.Unlock()
	var out []issuedToken
	for _, t := range i.list {
		if !now.Before(t.ends) && now.Sub(t.ends) < within {
			out = append(out, t)
		}
	}
	return out
}
