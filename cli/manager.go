package cli

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
	"github.com/bantoops/banto/internal/config"
)

// defaultURL is where a manager is looked for when nothing says otherwise.
const defaultURL = "http://127.0.0.1:8600"

// manager gives a client of the manager.
func (e *env) manager() (*client.Client, error) {
	a, err := e.address()
	if err != nil {
		return nil, err
	}
	trust, err := a.TLS()
	if err != nil {
		return nil, err
	}
	return e.clientOf(a.URL, a.Token, trust), nil
}

// clientOf gives a client with this program's name; trust may be nil.
func (e *env) clientOf(url, token string, trust *tls.Config) *client.Client {
	agent := "banto/" + e.std.Version + " (" + runtime.GOOS + "/" + runtime.GOARCH + ")"
	return client.New(url, token, client.WithUserAgent(agent), client.WithTLS(trust), client.WithNotice(e.awaited))
}

// awaited says to a person that a command waits for a manager.
func (e *env) awaited(err error) {
	if _, _, ok := e.size(e.std.Err); !ok || e.onScreen.Load() {
		return
	}
	why := err.Error()
	var info *banto.ErrorInfo
	if errors.As(err, &info) {
		why = first(info.Why, info.What)
	}
	// What is shown on the way is not worth an error.
	_, _ = fmt.Fprintln(e.std.Err, plain(e.say("waiting for a manager to become active: %s", why)))
}

// address says where the manager is, what to show to it and what to trust: by
// flags, else by the environment, else by the caller's configuration. A token
// that is kept for some managers is never sent to another.
func (e *env) address() (config.Config, error) {
	said := config.Config{URL: first(e.url, e.std.Env("BANTO_URL")), Token: first(e.token, e.std.Env("BANTO_TOKEN"))}
	kept, err := e.kept()
	if err != nil && (said.URL == "" || said.Token == "") {
		return config.Config{}, err
	}
	if said.URL == "" {
		said.URL = kept.URL
	}
	if among(client.URLs(said.URL), client.URLs(kept.URL)) {
		said.Token, said.CA = first(said.Token, kept.Token), kept.CA
	}
	said.URL = first(strings.Join(client.URLs(said.URL), ","), defaultURL)
	return said, nil
}

// among says whether all of the URLs are kept ones.
func among(said, kept []string) bool {
	for _, url := range said {
		if !slices.Contains(kept, url) {
			return false
		}
	}
	return len(said) > 0 || len(kept) == 0
}

// kept reads the caller's configuration; one that is not there is empty.
func (e *env) kept() (config.Config, error) {
	path := config.Path(e.std.Env)
	if path == "" {
		return config.Config{}, nil
	}
	c, err := config.Load(path)
	if errors.Is(err, fs.ErrNotExist) {
		return config.Config{}, nil
	}
	var info *banto.ErrorInfo
	if err != nil && !errors.As(err, &info) {
		err = banto.Fail(banto.KindInvalid, e.say("cannot read %s", path), e.system(err), "").Because(err)
	}
	return c, err
}

func first(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}

// document writes what a program reads: one JSON document.
func (e *env) document(v any) error {
	enc := json.NewEncoder(e.std.Out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return e.written(enc.Encode(v))
}

// written turns a failed write to standard output into an error of ours. A
// reader that went away, such as head, is no error.
func (e *env) written(err error) error {
	if err == nil {
		return nil
	}
	if gone(err) {
		return exit(0)
	}
	return banto.Fail(banto.KindInternal, e.say("cannot write to standard output"), e.system(err), "").Because(err)
}
