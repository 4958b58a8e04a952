package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/bantoops/banto/fabric"
)

// How managers call each other.
const (
	probeEvery = 10 * time.Second
	probeTime  = 2 * time.Second
)

// called is what came of calling another manager at its URL.
type called struct {
	unreached error  // nil: it answered
	notReady  string // why it could not take over
}

// calls other managers as requests are passed on to them: with the trust of this
// one, and straight.
func (p *peers) caller() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: p.server.reach.trust(), DisableKeepAlives: true},
		Timeout:       probeTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// call asks the manager at a URL whether it takes work, or could.
func (p *peers) call(ctx context.Context, url string) called {
	if url == "" {
		return called{unreached: errors.New("it tells no URL")}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", nil)
	if err != nil {
		return called{unreached: err}
	}
	res, err := p.caller().Do(req)
	if err != nil {
		return called{unreached: err}
	}
	defer func() { _ = res.Body.Close() }()
	var said struct {
		Status  string `json:"status"`
		Reasons []struct {
			Why string `json:"why"`
		} `json:"reasons"`
	}
	switch err := json.NewDecoder(io.LimitReader(res.Body, 1<<16)).Decode(&said); {
	case err != nil || said.Status == "":
		return called{unreached: errors.New("what answers there is no manager")}
	case res.StatusCode != http.StatusOK && len(said.Reasons) > 0:
		return called{notReady: said.Reasons[0].Why}
	}
	return called{}
}

// why says in words why a manager cannot be reached.
func (c called) why(url string) string {
	_, found, _ := fabric.Explain(c.unreached)
	return fmt.Sprintf("it cannot be reached at %s: %s", url, found)
}

// probe calls the other managers now and then, so that one that cannot be reached
// is known of before it is needed.
func (p *peers) probe(ctx context.Context) error {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		p.probed(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (p *peers) probed(ctx context.Context) {
	p.mu.Lock()
	all, before := p.all, p.unreached
	p.mu.Unlock()
	now := map[string]string{}
	for _, m := range all {
		if m.Name == p.server.opts.Name || m.Age >= silentAfter {
			continue
		}
		if c := p.call(ctx, m.URL); c.unreached != nil {
			now[m.Name] = c.why(m.URL)
		}
		if ctx.Err() != nil {
			return
		}
		switch {
		case now[m.Name] != "" && before[m.Name] == "":
			p.server.opts.Log.Warn("another manager cannot be reached from this one", "manager", m.Name, "why", now[m.Name])
		case now[m.Name] == "" && before[m.Name] != "":
			p.server.opts.Log.Info("another manager can be reached again", "manager", m.Name)
		}
	}
	p.mu.Lock()
	p.unreached = now
	p.mu.Unlock()
}
