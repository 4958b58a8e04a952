//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/agent/link"
	"github.com/bantoops/banto/auth"
	"github.com/bantoops/banto/client"
)

// simOrder is what the process of simulated agents reads first, as JSON.
type simOrder struct {
	URL     string            `json:"url"`
	Token   string            `json:"token"`
	CA      string            `json:"ca,omitempty"`
	Count   int               `json:"count"`
	Prefix  string            `json:"prefix"` // of the hosts' names
	Labels  map[string]string `json:"labels,omitempty"`
	Slots   int               `json:"slots"`
	TakesMS int64             `json:"takes_ms,omitempty"` // how long each process runs
	Prints  int               `json:"prints,omitempty"`   // bytes of output of each
}

// simNews is a line of what it tells, after every change.
type simNews struct {
	Enrolled int    `json:"enrolled"`
	Sessions int    `json:"sessions"` // agents that the manager has taken on
	Failed   string `json:"failed,omitempty"`
}

// runSimAgents is the process of simulated agents: each has a key of its own, joins
// with a token of its own and keeps a connection of its own with the agent's own
// link; only its keeper is in memory (simKeeper). It ends when its input does.
func runSimAgents(in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	decoder := json.NewDecoder(in)
	var order simOrder
	if err := decoder.Decode(&order); err != nil {
		return fmt.Errorf("cannot read which agents are wanted: %w", err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, in) // until whoever started us is gone
		cancel()
	}()
	raiseFiles()
	s := &simAgents{order: order, out: json.NewEncoder(out)}
	err := s.run(ctx)
	if err != nil && ctx.Err() == nil {
		s.tell(simNews{Failed: err.Error()})
	}
	return err
}

// simAgents are the agents of one process.
type simAgents struct {
	order simOrder
	api   *client.Client
	out   *json.Encoder

	mu    sync.Mutex
	links []*link.Link
}

// enrolAtOnce is how many agents join at the same time.
const enrolAtOnce = 32

func (s *simAgents) run(ctx context.Context) error {
	s.api = callerOf(s.order.URL, s.order.Token, s.order.CA)
	var agents sync.WaitGroup
	defer agents.Wait()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	agents.Go(func() { s.watch(ctx) })
	numbers := make(chan int)
	var enrolling sync.WaitGroup
	for range enrolAtOnce {
		enrolling.Go(func() {
			for n := range numbers {
				l, err := s.enrol(ctx, n)
				if err != nil {
					cancel(err)
					continue
				}
				s.mu.Lock()
				s.links = append(s.links, l)
				s.mu.Unlock()
				agents.Go(func() {
					if err := l.Run(ctx); err != nil {
						cancel(err)
					}
				})
			}
		})
	}
	for n := 0; n < s.order.Count && ctx.Err() == nil; n++ {
		numbers <- n
	}
	close(numbers)
	enrolling.Wait()
	<-ctx.Done()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// enrol takes one agent in, as banto host enrol and banto agent --join do.
func (s *simAgents) enrol(ctx context.Context, n int) (*link.Link, error) {
	name := fmt.Sprintf("%s%05d", s.order.Prefix, n)
	pair, err := nkeys.CreateUser()
	if err != nil {
		return nil, err
	}
	seed, err := pair.Seed()
	if err != nil {
		return nil, err
	}
	public, err := pair.PublicKey()
	if err != nil {
		return nil, err
	}
	issued, err := s.api.Enrol(ctx, banto.EnrolRequest{Name: name, Labels: s.order.Labels})
	if err != nil {
		return nil, fmt.Errorf("cannot enrol %s: %w", name, err)
	}
	token, err := auth.ParseJoinToken(issued.Token)
	if err != nil {
		return nil, err
	}
	got, err := s.api.Join(ctx, banto.JoinRequest{
		Secret: token.Secret, Name: name, PublicKey: public, Version: "bench", OS: runtime.GOOS, Arch: runtime.GOARCH,
	})
	if err != nil {
		return nil, fmt.Errorf("%s cannot join: %w", name, err)
	}
	k := newSimKeeper(name, time.Duration(s.order.TakesMS)*time.Millisecond, simLine(s.order.Prints))
	return link.New(link.Options{
		Endpoints: got.Endpoints, CA: got.CA, Proxy: "direct", HostID: got.Host, Name: got.Name, JWT: got.JWT, Seed: string(seed),
		Keeper: k.connect, Slots: s.order.Slots, Version: "bench", Now: time.Now,
	}), nil
}

// watch tells how many agents there are, whenever that has changed.
func (s *simAgents) watch(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	last := simNews{Sessions: -1}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s.mu.Lock()
		links := s.links[:len(s.links):len(s.links)]
		s.mu.Unlock()
		news := simNews{Enrolled: len(links)}
		for _, l := range links {
			if l.Status().Session {
				news.Sessions++
			}
		}
		if news != last {
			s.tell(news)
			last = news
		}
	}
}

func (s *simAgents) tell(n simNews) {
	_ = s.out.Encode(n) // whoever does not listen any more ends us by our input
}

// callerOf makes a client of many connections: the API's own keeps two.
func callerOf(url, token, ca string) *client.Client {
	var trust *tls.Config
	if ca != "" {
		trust = auth.TrustTLS(ca)
	}
	if t, ok := http.DefaultTransport.(*http.Transport); ok {
		t.MaxIdleConnsPerHost = enrolAtOnce
	}
	return client.New(url, token, client.WithTLS(trust))
}

// raiseFiles lets the process have as many files open as it may.
func raiseFiles() {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return
	}
	limit.Cur = limit.Max
	if limit.Max < 65536 {
		most := syscall.Rlimit{Cur: 65536, Max: 65536} // root may
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &most) == nil {
			return
		}
	}
	_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
}
