package app

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/auth"
	"github.com/bantoops/banto/client"
	"github.com/bantoops/banto/fabric"
)

// joinTimeout bounds the call with which a machine joins.
const joinTimeout = 30 * time.Second

// join takes this machine in as a host of the manager that made the token: a
// new key is made here and never leaves, and what the manager gives for it is
// kept in the agent's directory. A token that has been used here already is
// not used again, so that a service may start with it each time.
//
// Until all is there it stands in a directory of the token's own: a machine
// that had joined before keeps its old key until the new one is good, and one
// that is stopped half way goes on with the same key.
func join(ctx context.Context, o Options, dir string) error {
	used := filepath.Join(dir, "joined")
	mark := tokenMark(o.Join)
	pending := filepath.Join(dir, "joining-"+mark[:16])
	before, err := os.ReadFile(used)
	if err == nil && strings.TrimSpace(string(before)) == mark {
		if _, err := fabric.LoadCredentials(dir); err == nil {
			return nil
		}
	}
	if _, err := fabric.LoadCredentials(pending); errors.Is(err, fs.ErrNotExist) {
		if err := askToJoin(ctx, o, pending); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	if err := adopt(pending, dir); err != nil {
		return cannotKeepJoin(err)
	}
	if err := os.WriteFile(used, []byte(mark+"\n"), 0o600); err != nil {
		return cannotKeepJoin(err)
	}
	return nil
}

// askToJoin makes a key and asks the manager to take it in.
func askToJoin(ctx context.Context, o Options, pending string) error {
	token, err := auth.ParseJoinToken(o.Join)
	if err != nil {
		return err
	}
	identity, err := fabric.LoadOrCreateIdentity(pending)
	if err != nil {
		return err
	}
	var trust *tls.Config
	if token.Fingerprint != "" {
		trust = auth.PinnedTLS(token.Fingerprint)
	}
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	c := client.New(token.URL, "", client.WithTLS(trust), client.WithProxy(o.Proxy))
	got, err := c.Join(ctx, banto.JoinRequest{
		Secret: token.Secret, Name: o.Name, PublicKey: identity.PublicKey, Version: o.Version, OS: runtime.GOOS, Arch: runtime.GOARCH,
	})
	if err != nil {
		return err
	}
	if len(got.Endpoints) == 0 {
		return banto.Fail(banto.KindInternal, "cannot join the manager", "it named no address to connect to", "look into the manager's log")
	}
	creds := fabric.Credentials{Host: got.Host, Name: got.Name, JWT: got.JWT, URL: got.Endpoints[0], Endpoints: got.Endpoints, CA: got.CA}
	return creds.Save(pending)
}

// adopt puts key and credentials in the place of those before. It may have
// been stopped between the two.
func adopt(pending, dir string) error {
	for _, name := range []string{"host.nk", "host.json"} {
		err := os.Rename(filepath.Join(pending, name), filepath.Join(dir, name))
		if err != nil && !(name == "host.nk" && errors.Is(err, fs.ErrNotExist)) {
			return err
		}
	}
	// Managers of another house may take it in.
	if err := os.Remove(filepath.Join(dir, houseFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(pending)
}

func cannotKeepJoin(err error) error {
	return banto.Fail(banto.KindInvalid, "cannot keep that this machine has joined", reasonOf(err), "the directory must be writable and have room").Because(err)
}

// tokenMark names a token without telling it.
func tokenMark(token string) string {
	sum := sha256.Sum256([]byte(strings.Join(strings.Fields(token), "")))
	return hex.EncodeToString(sum[:])
}

// credentials reads what the host was given when it joined.
func credentials(data string) (fabric.Credentials, error) {
	creds, err := fabric.LoadCredentials(agentDir(data))
	if errors.Is(err, fs.ErrNotExist) {
		return creds, banto.Fail(banto.KindInvalid, "cannot start the agent", "this machine has not joined a manager (looked in "+data+")",
			"banto host enrol, at the manager, makes a token for banto agent --join").Because(err)
	}
	return creds, err
}
