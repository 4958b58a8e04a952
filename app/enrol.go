package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os/user"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/audit"
	"github.com/bantoops/banto/auth"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/internal/config"
	"github.com/bantoops/banto/internal/ids"
	"github.com/bantoops/banto/store"
)

// enrolLocal takes the host beside the manager in: its agent's key is made in
// the agent's own directory, and keeps its identity through every restart.
func (a *active) enrolLocal(ctx context.Context) (banto.Host, error) {
	dir := agentDir(a.opts.Data)
	identity, err := fabric.LoadOrCreateIdentity(dir)
	if err != nil {
		return banto.Host{}, err
	}
	host, err := a.hostOfKey(ctx, identity.PublicKey)
	if err != nil {
		return banto.Host{}, err
	}
	jwt, err := a.fabric.Issue(host.ID, identity.PublicKey)
	if err != nil {
		return banto.Host{}, fmt.Errorf("cannot sign the local host's key: %w", err)
	}
	address, ca := a.reach.localFabric(a.fabric.Addr())
	creds := fabric.Credentials{Host: host.ID, Name: host.Name, URL: address, JWT: jwt, CA: ca}
	if a.store.Shared() { // it goes to another manager when this one stands by
		creds.CA, creds.Endpoints = a.reach.CA(), append([]string{address}, a.peers.endpoints()...)
	}
	return host, creds.Save(dir)
}

// hostOfKey finds the host that has this key, or enrols it under the machine's
// name; a name that another host has gets a number.
func (s *Server) hostOfKey(ctx context.Context, key string) (banto.Host, error) {
	var found *banto.Host
	err := s.eachHost(ctx, func(h banto.Host) {
		if h.PublicKey == key {
			found = &h
		}
	})
	if err != nil {
		return banto.Host{}, err
	}
	if found != nil {
		return *found, nil
	}
	name := s.opts.Name
	for n := 2; ; n++ {
		_, err := s.store.Host(ctx, name)
		if errors.Is(err, store.ErrNotFound) {
			break
		}
		if err != nil {
			return banto.Host{}, err
		}
		name = fmt.Sprintf("%s-%d", s.opts.Name, n)
	}
	now := time.Now().UTC()
	host := banto.Host{
		ID: ids.Source{Rand: rand.Reader, Now: time.Now}.Host(), Name: name, State: banto.HostNever,
		Since: now, EnrolledAt: now, PublicKey: key, Slots: s.opts.Slots,
	}
	err = s.store.Write(ctx, func(tx store.Tx) error {
		return errors.Join(tx.PutHost(host),
			tx.PutAudit(audit.Done(now, starter(), audit.HostEnrol, host.Name, "the host beside the manager")))
	})
	if err != nil {
		return banto.Host{}, fmt.Errorf("cannot enrol the local host: %w", err)
	}
	return host, nil
}

// eachHost goes through all hosts, page by page.
func (s *Server) eachHost(ctx context.Context, each func(banto.Host)) error {
	const page = 500
	for after := ""; ; {
		hosts, err := s.store.ListHosts(ctx, after, page)
		if err != nil {
			return err
		}
		for _, h := range hosts {
			each(h)
			after = h.Name
		}
		if len(hosts) < page {
			return nil
		}
	}
}

// writeConfig puts URL and token of the first administrator where the
// caller's commands find them. A token that is there and still known stays.
func (s *Server) writeConfig(ctx context.Context) error {
	if s.opts.Config == "" {
		return nil
	}
	old, err := config.Load(s.opts.Config)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	next := config.Config{URL: s.urls(), Token: old.Token, CA: s.reach.localTrust()}
	if old.Token != "" {
		if _, err := s.store.Token(ctx, auth.HashToken(old.Token)); err == nil {
			return config.Save(s.opts.Config, next)
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	token, hash := auth.NewToken(rand.Reader)
	next.Token = token
	by, now := starter(), time.Now().UTC()
	const note = "made at a start, for the one who started the manager"
	err = s.store.Write(ctx, func(tx store.Tx) error {
		return errors.Join(tx.PutToken(store.Token{Hash: hash, Principal: by, CreatedAt: now, Note: note}),
			tx.PutAudit(audit.Done(now, by, audit.TokenCreate, by.Name, note)))
	})
	if err != nil {
		return fmt.Errorf("cannot store the administrator's token: %w", err)
	}
	return config.Save(s.opts.Config, next)
}

// urls lists where commands of this machine find a manager, this one first.
func (s *Server) urls() string {
	all := append([]string{s.URL()}, s.peers.urls()...)
	return strings.Join(all, ",")
}

// pointAt tells commands of this machine where a manager that stands by
// answers; a token that is there stays.
func (s *Server) pointAt() error {
	if s.opts.Config == "" {
		return nil
	}
	old, err := config.Load(s.opts.Config)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // without a token it would be of no use
	}
	if err != nil {
		return err
	}
	return config.Save(s.opts.Config, config.Config{URL: s.urls(), Token: old.Token, CA: s.reach.localTrust()})
}

// starter is the OS user who starts the manager: the first administrator.
func starter() banto.Principal {
	p := banto.Principal{Name: "admin", Admin: true}
	if u, err := user.Current(); err == nil && u.Username != "" {
		p.Name = u.Username
	}
	return p
}
