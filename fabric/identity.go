package fabric

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/nats-io/nkeys"

	"github.com/bantoops/banto"
)

// Identity is a host's own key. The seed never leaves the host.
type Identity struct {
	Seed      string
	PublicKey string
}

// LoadIdentity reads the host's key from the directory, and changes nothing.
func LoadIdentity(dir string) (Identity, error) {
	pair, err := loadKey(filepath.Join(dir, "host.nk"))
	if err != nil {
		return Identity{}, err
	}
	return identityOf(dir, pair)
}

// LoadOrCreateIdentity reads the host's key from the directory, or makes it
// there with mode 0600.
func LoadOrCreateIdentity(dir string) (Identity, error) {
	pair, err := loadOrCreate(filepath.Join(dir, "host.nk"), nkeys.CreateUser)
	if err != nil {
		return Identity{}, cannotKeep("cannot use the host's key", err)
	}
	return identityOf(dir, pair)
}

func identityOf(dir string, pair nkeys.KeyPair) (Identity, error) {
	seed, err := pair.Seed()
	if err != nil {
		return Identity{}, fmt.Errorf("cannot read host key: %w", err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		return Identity{}, fmt.Errorf("cannot read host key: %w", err)
	}
	if !nkeys.IsValidPublicUserKey(public) {
		return Identity{}, fmt.Errorf("cannot read host key: %s holds a key of another kind", filepath.Join(dir, "host.nk"))
	}
	return Identity{Seed: string(seed), PublicKey: public}, nil
}

// Credentials are what a host was given when it was enrolled.
type Credentials struct {
	Host banto.HostID `json:"host"`
	Name string       `json:"name"`
	URL  string       `json:"url,omitempty"` // of the fabric, where there is only one: nats://127.0.0.1:8601
	JWT  string       `json:"jwt"`

	Endpoints []string `json:"endpoints,omitempty"` // of the fabric, to be tried in turn: tls://…, wss://…/fabric
	CA        string   `json:"ca,omitempty"`        // PEM; empty: whom the system trusts
}

// Where gives the addresses of the manager, in the new form or the old.
func (c Credentials) Where() []string {
	if len(c.Endpoints) > 0 || c.URL == "" {
		return c.Endpoints
	}
	return []string{c.URL}
}

func credentialsFile(dir string) string { return filepath.Join(dir, "host.json") }

// LoadCredentials reads the credentials from the directory; the error is
// fs.ErrNotExist when the host is not enrolled.
func LoadCredentials(dir string) (Credentials, error) {
	var c Credentials
	b, err := os.ReadFile(credentialsFile(dir))
	if err != nil {
		return c, fmt.Errorf("cannot read credentials: %w", err)
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("cannot read credentials: %s: %w", credentialsFile(dir), err)
	}
	if !validHost(c.Host) {
		return c, fmt.Errorf("cannot read credentials: %s: %q is not a host ID", credentialsFile(dir), c.Host)
	}
	return c, nil
}

// Save writes the credentials to the directory with mode 0600.
func (c Credentials) Save(dir string) error {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write credentials: %w", err)
	}
	if err := writePrivate(credentialsFile(dir), append(b, '\n')); err != nil {
		return cannotKeep("cannot write the host's credentials", err)
	}
	return nil
}

// cannotKeep says what to do about a directory that cannot be used.
func cannotKeep(what string, err error) error {
	return banto.Fail(banto.KindInvalid, what, err.Error(),
		"the directory must be writable and have room, and its files be as they were made").Because(err)
}
