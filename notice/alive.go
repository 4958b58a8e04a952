package notice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/internal/wholefile"
)

// Alive gives a sign of life while all is well: who does not see it any more
// knows that something is wrong, also when nobody is left to say so.
type Alive struct {
	File string // is written anew; empty: none
	URL  string // is asked for with GET; empty: none
	// Well says why no sign is to be given now; nil: all is well.
	Well   func(ctx context.Context) error
	Teller *Teller
	Log    *slog.Logger     // nil: nothing is logged
	Now    func() time.Time // nil: time.Now
	Client *http.Client     // nil: one with the time limit below
}

// How often the sign is given, and how.
const (
	aliveEvery = time.Minute
	aliveLook  = 5 * time.Second  // while it cannot be given
	aliveTime  = 10 * time.Second // for one request
	aliveTries = 3
)

// CheckAlive refuses a file or URL of which no sign can be made.
func CheckAlive(file, address string) error {
	const what = "cannot give a sign of life"
	if file != "" {
		if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
			return banto.Fail(banto.KindInvalid, what, file+" is there, and is no file", "name a file with --alive-file; it is written anew each time")
		}
		if info, err := os.Stat(filepath.Dir(file)); err != nil || !info.IsDir() {
			return banto.Fail(banto.KindInvalid, what, "there is no directory "+filepath.Dir(file), "make it first, or name another file with --alive-file").Because(err)
		}
	}
	if address != "" {
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return banto.Fail(banto.KindInvalid, what, fmt.Sprintf("%.100q is not a URL of http or https", unsecret(address)), "write it as --alive-url https://HOST/PATH").Because(err)
		}
	}
	return nil
}

// unsecret is an address, to be shown, without the password that may be in it; it
// need not be a URL.
func unsecret(address string) string {
	from, _, ok := strings.Cut(address, "://")
	if at := strings.LastIndexByte(address, '@'); ok && at > 0 {
		return from + "://…" + address[at:]
	}
	return address
}

// Run gives the sign at once and every minute, until ctx ends. While all is not
// well it looks again every few seconds, and gives it as soon as it may.
func (a *Alive) Run(ctx context.Context) error {
	if a.Log == nil {
		a.Log = slog.New(slog.DiscardHandler)
	}
	if a.Now == nil {
		a.Now = time.Now
	}
	if a.Client == nil {
		a.Client = &http.Client{Timeout: aliveTime}
	}
	// The address is what was wished, and may hold a secret: nobody sends us elsewhere.
	client := *a.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	a.Client = &client
	quiet := false
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if err := a.look(ctx); err != nil {
			if !quiet && ctx.Err() == nil {
				a.Log.Info("no sign of life is given", "why", err)
			}
			quiet = true
			timer.Reset(aliveLook)
			continue
		}
		quiet = false
		timer.Reset(aliveEvery)
		a.sign(ctx)
	}
}

// look says why no sign may be given. What does not answer is not well.
func (a *Alive) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, aliveTime)
	defer cancel()
	return a.Well(ctx)
}

func (a *Alive) sign(ctx context.Context) {
	if a.File != "" {
		if err := wholefile.Write(a.File, []byte(a.Now().UTC().Format(time.RFC3339)+"\n"), 0o644); err != nil { // others are to see it
			a.Teller.Tell(AliveFailed, "file", a.File, "why", err.Error())
		}
	}
	if a.URL == "" {
		return
	}
	var err error
	for try := range aliveTries {
		if try > 0 && !rest(ctx, time.Second<<try) {
			return
		}
		if err = a.ask(ctx); err == nil || ctx.Err() != nil {
			return
		}
	}
	a.Teller.Tell(AliveFailed, "url", a.shown(), "why", err.Error())
}

// shown is the URL without what may be secret in it.
func (a *Alive) shown() string {
	u, err := url.Parse(a.URL)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func (a *Alive) ask(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL, http.NoBody)
	if err != nil {
		return fmt.Errorf("cannot ask %s", a.shown())
	}
	res, err := a.Client.Do(req)
	if err != nil {
		var inner *url.Error
		if errors.As(err, &inner) {
			err = inner.Err // without the URL
		}
		return err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection is used again
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("it answered %s", res.Status)
	}
	return nil
}

// rest waits; false: ctx has ended.
func rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
