package fabric

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nats-io/nkeys"
)

// sharedKeys are the keys of the fabric as managers that share a store hand them
// to each other: seeds.
type sharedKeys struct {
	Operator string `json:"operator"`
	Account  string `json:"account"`
}

// Files of the keys in the directory.
const (
	operatorFile = "operator.nk"
	accountFile  = "account.nk"
)

// ExportKeys gives the keys of a directory, made there if there are none, for
// ImportKeys of another manager. They are secret: whoever has them can speak for
// any host.
func ExportKeys(dir string) ([]byte, error) {
	if _, err := loadKeys(dir, nil); err != nil {
		return nil, err
	}
	var k sharedKeys
	for file, seed := range map[string]*string{operatorFile: &k.Operator, accountFile: &k.Account} {
		b, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return nil, fmt.Errorf("cannot read key: %w", err)
		}
		*seed = string(trimSpace(b))
	}
	return json.Marshal(k)
}

// ImportKeys makes the keys of a directory those that another manager exported;
// what is there of others is replaced. StartServer uses them from then on.
func ImportKeys(dir string, body []byte) error {
	var k sharedKeys
	if err := json.Unmarshal(body, &k); err != nil {
		return fmt.Errorf("cannot take the keys of the fabric: %w", err)
	}
	for _, part := range []struct {
		file, seed string
		kind       nkeys.PrefixByte
	}{{operatorFile, k.Operator, nkeys.PrefixByteOperator}, {accountFile, k.Account, nkeys.PrefixByteAccount}} {
		kind, _, err := nkeys.DecodeSeed([]byte(part.seed))
		if err == nil && kind != part.kind {
			err = errors.New("it is a key of another kind")
		}
		if err == nil {
			_, err = nkeys.FromSeed([]byte(part.seed))
		}
		if err != nil {
			return fmt.Errorf("cannot take the keys of the fabric: %s: %w", part.file, err)
		}
	}
	if err := replaceKey(filepath.Join(dir, operatorFile), k.Operator); err != nil {
		return err
	}
	return replaceKey(filepath.Join(dir, accountFile), k.Account)
}

// replaceKey writes a key, unless it is there already.
func replaceKey(file, seed string) error {
	have, err := os.ReadFile(file)
	if err == nil && bytes.Equal(trimSpace(have), []byte(seed)) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot read key: %w", err)
	}
	if err := writePrivate(file, []byte(seed+"\n")); err != nil {
		return fmt.Errorf("cannot keep key: %w", err)
	}
	return nil
}
