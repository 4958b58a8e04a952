package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/auth"
	"github.com/bantoops/banto/fabric"
	"github.com/bantoops/banto/internal/dirlock"
)

// HasAgent says whether a data directory is, or was, an agent's that has
// joined a manager. A manager takes the machine that it runs on in by itself:
// where nobody has ever started an agent on that, there is none.
func HasAgent(data string) bool {
	dir := agentDir(data)
	if _, err := fabric.LoadCredentials(dir); err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	_, manager := os.Stat(filepath.Join(data, "ca"))
	_, keeper := os.Stat(filepath.Join(dir, "keeper"))
	return manager != nil || !errors.Is(keeper, fs.ErrNotExist)
}

// doctorTimeout bounds each try of a doctor.
const doctorTimeout = 15 * time.Second

// DoctorAgent looks why this machine's agent is not connected, or that it is.
// It changes nothing: an agent that runs keeps its place.
func DoctorAgent(ctx context.Context, o Options) ([]banto.Finding, error) {
	if o.Data == "" {
		return nil, banto.Fail(banto.KindInvalid, "cannot look at the agent", "no data directory is named", "name it with --data")
	}
	dir := agentDir(o.Data)
	creds, err := fabric.LoadCredentials(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return []banto.Finding{{Check: "identity", Object: dir, Found: "this machine has not joined a manager",
			Advice: "banto host enrol, at the manager, makes a token for banto agent --join"}}, nil
	}
	if err != nil { //nolint:nilerr // that is what was found
		return []banto.Finding{{Check: "identity", Object: dir, Found: err.Error(), Advice: "take the host in again: banto host enrol --again, with its name"}}, nil
	}
	identity, err := fabric.LoadIdentity(dir)
	if err != nil {
		return []banto.Finding{{Check: "key", Object: dir, Found: "the host's key cannot be read: " + reasonOf(err), //nolint:nilerr // that is what was found
			Advice: "run this as root or as the agent's own user; if the key is lost: banto host enrol --again " + creds.Name}}, nil
	}
	found := []banto.Finding{{Check: "identity", OK: true, Object: creds.Name, Found: "joined as " + creds.Name + " (" + string(creds.Host) + ")"}}
	found = append(found, processFinding(dir), statusFinding(dir))
	for _, end := range creds.Where() {
		found = append(found, tryEndpoint(ctx, o, creds, identity, end))
	}
	return append(found, managerFindings(ctx, o, creds)...), nil
}

// processFinding says whether an agent runs in the directory.
func processFinding(dir string) banto.Finding {
	f, err := dirlock.Take(dir)
	var held *dirlock.HeldError
	switch {
	case errors.As(err, &held):
		return banto.Finding{Check: "agent", OK: true, Object: dir, Found: held.Who("an agent") + " runs"}
	case err != nil:
		return banto.Finding{Check: "agent", Object: dir, Found: "it cannot be seen whether an agent runs: " + reasonOf(err), Advice: "try again as the agent's own user"}
	}
	f.Close()
	return banto.Finding{Check: "agent", Object: dir, Found: "no agent runs", Advice: "start it: banto agent --data " + filepath.Dir(dir)}
}

// tryEndpoint connects once, as the agent does.
func tryEndpoint(ctx context.Context, o Options, creds fabric.Credentials, identity fabric.Identity, end string) banto.Finding {
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	err := fabric.Try(ctx, fabric.DialOptions{
		Endpoints: []string{end}, CA: creds.CA, Proxy: o.Proxy, Name: string(creds.Host), Seed: identity.Seed, JWT: creds.JWT,
	}, end)
	if err == nil {
		return banto.Finding{Check: fabric.CheckNone, OK: true, Object: end, Found: "the manager lets this host in"}
	}
	check, why, advice := fabric.Explain(err)
	return banto.Finding{Check: check, Object: end, Found: why, Advice: advice}
}

// managerFindings asks the manager's API for its version and its clock.
func managerFindings(ctx context.Context, o Options, creds fabric.Credentials) []banto.Finding {
	for _, end := range creds.Where() {
		u, err := url.Parse(end)
		if err != nil || u.Scheme != "wss" && u.Scheme != "ws" {
			continue
		}
		u.Scheme, u.Path = strings.Replace(u.Scheme, "ws", "http", 1), "/api/v1/version"
		return askManager(ctx, o, creds.CA, u.String())
	}
	return nil
}

func askManager(ctx context.Context, o Options, ca, address string) []banto.Finding {
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	before := time.Now()
	res, err := askVersion(ctx, o, trustOf(ca), address)
	if err != nil {
		check, why, advice := fabric.Explain(err)
		var op *net.OpError
		if errors.As(err, &op) && op.Op == "proxyconnect" {
			check, why, advice = fabric.CheckProxy, "the proxy cannot be reached: "+op.Err.Error(), "is the proxy's address right, and does it run?"
		}
		return append([]banto.Finding{{Check: check, Object: address, Found: why, Advice: advice}}, clockBehindTLS(ctx, o, ca, address, err)...)
	}
	defer res.Body.Close()
	var v banto.VersionInfo
	body, _ := io.ReadAll(io.LimitReader(res.Body, 1<<16)) // what is not an answer is told below
	if json.Unmarshal(body, &v) != nil || v.Version == "" {
		return []banto.Finding{{Check: "manager", Object: address, Found: fmt.Sprintf("something else answers there (%s)", res.Status),
			Advice: "is the address a manager's, and is nothing in between?"}}
	}
	found := []banto.Finding{versionFinding(address, v.Version, o.Version)}
	if at, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		found = append(found, clockFinding(before.Sub(at)))
	}
	return found
}

// versionFinding judges whether this binary works with the manager's, as the
// manager's doctor does.
func versionFinding(address, manager, mine string) banto.Finding {
	f := banto.Finding{Check: fabric.CheckVersion, OK: banto.VersionsFit(manager, mine), Object: address, Found: "manager " + manager + ", this binary " + mine}
	if !f.OK {
		f.Advice = "update the older one: they are to be at most two minor versions apart"
	}
	return f
}

func askVersion(ctx context.Context, o Options, trust *tls.Config, address string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	t := &http.Transport{TLSClientConfig: trust, Proxy: fabric.ProxyFor(o.Proxy), DisableKeepAlives: true}
	return (&http.Client{Transport: t}).Do(req)
}

// clockBehindTLS looks whether it is this machine's clock that makes the
// manager's certificate too old or too new: the manager is asked the time once
// more, at a time at which its certificate holds. One that has really ended
// says nothing of the clock.
func clockBehindTLS(ctx context.Context, o Options, ca, address string, err error) []banto.Finding {
	var invalid x509.CertificateInvalidError
	if ca == "" || !errors.As(err, &invalid) || invalid.Reason != x509.Expired || invalid.Cert == nil {
		return nil
	}
	trust := trustOf(ca)
	trust.Time = func() time.Time { return invalid.Cert.NotAfter.Add(-time.Minute) }
	before := time.Now()
	res, err := askVersion(ctx, o, trust, address)
	if err != nil {
		return nil // what is wrong with the certificate has been said
	}
	defer res.Body.Close()
	at, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil || at.Before(invalid.Cert.NotBefore) || at.After(invalid.Cert.NotAfter) {
		return nil
	}
	return []banto.Finding{clockFinding(before.Sub(at))}
}

// clockFinding judges how far this machine's clock is ahead of the manager's.
// The manager tells whole seconds.
func clockFinding(ahead time.Duration) banto.Finding {
	const good = 3 * time.Second
	if ahead.Abs() <= good {
		return banto.Finding{Check: fabric.CheckClock, OK: true, Found: "the clocks agree"}
	}
	way := "ahead of"
	if ahead < 0 {
		way = "behind"
	}
	return banto.Finding{Check: fabric.CheckClock, Found: fmt.Sprintf("this machine's clock is %s %s the manager's", ahead.Abs().Round(time.Second), way),
		Advice: "set the clock (NTP); jobs run all the same, with the manager's times"}
}

// trustOf gives the TLS of a client that trusts the CA, or the system's.
func trustOf(ca string) *tls.Config { return auth.TrustTLS(ca) }

// agentStatus is what an agent leaves on disk of how it stands to its manager.
type agentStatus struct {
	At        time.Time `json:"at"`
	Endpoint  string    `json:"endpoint,omitempty"`
	Connected bool      `json:"connected"`
	Session   bool      `json:"session"`
	Since     time.Time `json:"since"`
	Check     string    `json:"check,omitempty"`
	Found     string    `json:"found,omitempty"`
	Advice    string    `json:"advice,omitempty"`
}

func statusFile(dir string) string { return filepath.Join(dir, "status.json") }

// statusFinding tells what the agent itself last said.
func statusFinding(dir string) banto.Finding {
	f := banto.Finding{Check: fabric.CheckSession, Object: "the agent's own word"}
	var s agentStatus
	body, err := os.ReadFile(statusFile(dir))
	if err != nil || json.Unmarshal(body, &s) != nil {
		f.Found = "it has not said yet how it stands to the manager"
		return f
	}
	since := s.Since.Local().Format("2006-01-02 15:04:05")
	if s.Session {
		f.OK, f.Found = true, fmt.Sprintf("connected to %s since %s", s.Endpoint, since)
		return f
	}
	if s.Endpoint == "" {
		f.Found = "it has just started, and has not tried yet"
		return f
	}
	f.Found, f.Advice = fmt.Sprintf("not connected since %s, last tried %s: %s", since, s.Endpoint, s.Found), s.Advice
	if s.Check != "" && s.Check != fabric.CheckNone {
		f.Check = s.Check
	}
	return f
}

// statusEvery is how often the agent looks how it stands to its manager.
const statusEvery = 250 * time.Millisecond

// tellStatus leaves on disk how the agent stands to its manager, when that has
// changed, for a doctor to read.
func (a *Agent) tellStatus(ctx context.Context) error {
	dir := agentDir(a.opts.Data)
	tick := time.NewTicker(statusEvery)
	defer tick.Stop()
	var last agentStatus
	for {
		s := a.link.Status()
		now := agentStatus{Endpoint: s.Endpoint, Connected: s.Connected, Session: s.Session, Since: s.Since.UTC()}
		if s.Err != nil {
			now.Check, now.Found, now.Advice = fabric.Explain(s.Err)
		}
		if now != last {
			last = now
			now.At = time.Now().UTC()
			if err := now.save(dir); err != nil {
				a.opts.Log.Debug("the agent's status is not written", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			os.Remove(statusFile(dir))
			return nil
		case <-tick.C:
		}
	}
}

func (s agentStatus) save(dir string) error {
	body, err := json.Marshal(s)
	if err != nil {
		return err
	}
	next := statusFile(dir) + ".new"
	if err := os.WriteFile(next, append(body, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(next, statusFile(dir))
}
