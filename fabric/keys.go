package fabric

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/bantoops/banto"
)

// keys are the manager's own: the operator vouches for the account, and the
// account for every host. Only the seeds are kept; the rest is made from them.
type keys struct {
	operator, signer nkeys.KeyPair
	operatorJWT      *jwt.OperatorClaims
	accountID        string
	revoked          map[string]bool // public keys
}

func loadKeys(dir string, revoked []string) (*keys, error) {
	op, err := loadOrCreate(filepath.Join(dir, operatorFile), nkeys.CreateOperator)
	if err != nil {
		return nil, err
	}
	acc, err := loadOrCreate(filepath.Join(dir, accountFile), nkeys.CreateAccount)
	if err != nil {
		return nil, err
	}
	k := &keys{operator: op, signer: acc, revoked: map[string]bool{}}
	opID, err := op.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("cannot read operator key: %w", err)
	}
	if k.accountID, err = acc.PublicKey(); err != nil {
		return nil, fmt.Errorf("cannot read account key: %w", err)
	}
	oc := jwt.NewOperatorClaims(opID)
	oc.Name = "banto"
	text, err := oc.Encode(op)
	if err != nil {
		return nil, fmt.Errorf("cannot sign operator: %w", err)
	}
	if k.operatorJWT, err = jwt.DecodeOperatorClaims(text); err != nil {
		return nil, fmt.Errorf("cannot read operator back: %w", err)
	}
	for _, key := range revoked {
		if err := k.revoke(key); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// forever is when a revocation ends to cover what was signed before: a key that
// was revoked comes back by no new signature.
const forever = 253_402_300_799 // the last second of the year 9999

func (k *keys) revoke(publicKey string) error {
	if !nkeys.IsValidPublicUserKey(publicKey) {
		return fmt.Errorf("cannot revoke key: %.80q is not a public user key", publicKey)
	}
	k.revoked[publicKey] = true
	return nil
}

// account signs what the server is to know of the account of all hosts.
func (k *keys) account() (*jwt.AccountClaims, string, error) {
	c := jwt.NewAccountClaims(k.accountID)
	c.Name = "hosts"
	for key := range k.revoked {
		c.RevokeAt(key, time.Unix(forever, 0))
	}
	text, err := c.Encode(k.operator)
	if err != nil {
		return nil, "", fmt.Errorf("cannot sign account: %w", err)
	}
	return c, text, nil
}

// issueHost writes the JWT that lets the key speak for one host.
func (k *keys) issueHost(host banto.HostID, publicKey string) (string, error) {
	if !validHost(host) {
		return "", fmt.Errorf("cannot issue credentials: %q is not a host ID", host)
	}
	if !nkeys.IsValidPublicUserKey(publicKey) {
		return "", fmt.Errorf("cannot issue credentials for host %s: %.80q is not a public user key", host, publicKey)
	}
	if k.revoked[publicKey] {
		return "", fmt.Errorf("cannot issue credentials for host %s: its key was revoked; it needs a new one", host)
	}
	c := jwt.NewUserClaims(publicKey)
	c.Name = string(host)
	c.Permissions.Sub.Allow.Add(DownSubject(host))
	c.Permissions.Pub.Allow.Add(UpSubject(host))
	c.Limits.Subs = 2
	c.AllowedConnectionTypes.Add(jwt.ConnectionTypeStandard, jwt.ConnectionTypeInProcess, jwt.ConnectionTypeWebsocket)
	return c.Encode(k.signer)
}

// issueManager makes a key and JWT for a connection of this very manager.
func (k *keys) issueManager() (token, seed string, err error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return "", "", fmt.Errorf("cannot make key: %w", err)
	}
	id, err := pair.PublicKey()
	if err != nil {
		return "", "", fmt.Errorf("cannot make key: %w", err)
	}
	secret, err := pair.Seed()
	if err != nil {
		return "", "", fmt.Errorf("cannot make key: %w", err)
	}
	c := jwt.NewUserClaims(id)
	c.Name = "manager"
	c.Permissions.Sub.Allow.Add(UpWildcard)
	c.Permissions.Pub.Allow.Add(DownSubject("*"))
	c.AllowedConnectionTypes.Add(jwt.ConnectionTypeInProcess)
	c.Expires = 0
	if token, err = c.Encode(k.signer); err != nil {
		return "", "", fmt.Errorf("cannot sign manager: %w", err)
	}
	return token, string(secret), nil
}

// validHost says whether the ID is one word of a subject: neither a wildcard
// nor several words.
func validHost(id banto.HostID) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for _, r := range string(id) {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return false
		}
	}
	return true
}

// loadOrCreate reads a seed, or makes one and keeps it where only its owner can read it.
func loadOrCreate(file string, create func() (nkeys.KeyPair, error)) (nkeys.KeyPair, error) {
	pair, err := loadKey(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return pair, err
	}
	if pair, err = create(); err != nil {
		return nil, fmt.Errorf("cannot make key: %w", err)
	}
	seed, err := pair.Seed()
	if err != nil {
		return nil, fmt.Errorf("cannot make key: %w", err)
	}
	if err := writePrivate(file, append(seed, '\n')); err != nil {
		return nil, fmt.Errorf("cannot keep key: %w", err)
	}
	return pair, nil
}

func loadKey(file string) (nkeys.KeyPair, error) {
	seed, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read key: %w", err)
	}
	pair, err := nkeys.FromSeed(trimSpace(seed))
	if err != nil {
		return nil, fmt.Errorf("cannot read key %s: %w", file, err)
	}
	return pair, nil
}

func trimSpace(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == '\r' || b[len(b)-1] == ' ') {
		b = b[:len(b)-1]
	}
	return b
}

// writePrivate writes a file of mode 0600 whole or not at all.
func writePrivate(file string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".new-*") // made with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
